// How fast tables are read: bytes of text a second, on one thread.
#include <benchmark/benchmark.h>

#include <string>

#include "formats/table.h"

namespace marquee::formats {
namespace {

constexpr int kRows = 20'000;
constexpr const char* kText =
    "A long evening in the city, and \\\"nobody\\\" came; still the band played on until two.";

std::string csv_table() {
  std::string text = "id,text,label,score\n";
  for (int i = 0; i < kRows; ++i) {
    text += std::to_string(i) +
            ",\"A long evening in the city, and \"\"nobody\"\" came; still the band played on until two.\"";
    text += ",drama,0." + std::to_string(i) + "\n";
  }
  return text;
}

std::string jsonl_table() {
  std::string text;
  for (int i = 0; i < kRows; ++i) {
    text += "{\"id\":" + std::to_string(i) + ",\"text\":\"" + kText + "\",\"label\":\"drama\",\"score\":0." +
            std::to_string(i) + "}\n";
  }
  return text;
}

using Read = base::Result<std::unique_ptr<TableReader>> (*)(std::string_view, std::string, const TableSettings&);

void read_all(benchmark::State& state, const std::string& text, Read read) {
  for ([[maybe_unused]] auto _ : state) {
    auto table = read(text, "table", {});
    TableRow row;
    std::int64_t rows = 0;
    while ((*table)->next(row).value()) ++rows;
    if (rows != kRows) state.SkipWithError("rows are missing");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void csv(benchmark::State& state) { read_all(state, csv_table(), read_csv); }
void jsonl(benchmark::State& state) { read_all(state, jsonl_table(), read_jsonl); }

BENCHMARK(csv);
BENCHMARK(jsonl);

}  // namespace
}  // namespace marquee::formats
