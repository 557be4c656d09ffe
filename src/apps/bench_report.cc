#include "apps/bench_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "apps/terminal.h"
#include "apps/version_command.h"

namespace marquee::apps {
namespace {

namespace json = base::json;

std::string percentiles_text(const std::optional<Percentiles>& values) {
  if (!values) return "-";
  return figure_text(values->p50) + " / " + figure_text(values->p90) + " / " + figure_text(values->p95) + " / " +
         figure_text(values->p99);
}

std::string first_cell(const BenchCase& one) {
  switch (one.sweep) {
    case Sweep::kContext: return std::to_string(one.prompt_tokens);
    case Sweep::kStreams: return std::to_string(one.streams);
    case Sweep::kThreads: return std::to_string(one.threads);
  }
  return "";
}

std::string heading(Sweep sweep, const BenchReport& report) {
  const std::string output = figure_text(report.plan.output_tokens) + " tokens of output";
  const std::string prompt = figure_text(report.plan.prompt_tokens) + " prompt tokens";
  switch (sweep) {
    case Sweep::kContext: return "Over context: one stream, " + output;
    case Sweep::kStreams: return "Over parallel streams: each with " + prompt + " and " + output;
    case Sweep::kThreads: return "Over threads: one stream, " + prompt + " and " + output;
  }
  return "";
}

/// Rows of one sweep. The columns are those that say something about it.
std::string sweep_table(Sweep sweep, const BenchReport& report) {
  constexpr const char* kFirst[] = {"PROMPT", "STREAMS", "THREADS"};
  const bool parallel = sweep == Sweep::kStreams;
  std::vector<std::vector<std::string>> rows = {{kFirst[static_cast<std::size_t>(sweep)],
                                                 parallel ? "OUTPUT TOK/S" : "PREFILL TOK/S", "DECODE TOK/S",
                                                 "FIRST TOKEN MS", "MS A TOKEN"}};
  for (const CaseFigures& figures : report.cases) {
    if (figures.bench_case.sweep != sweep) continue;
    rows.push_back({first_cell(figures.bench_case),
                    spread_text(parallel ? figures.output_tokens_per_s : figures.prefill_tokens_per_s),
                    spread_text(figures.decode_tokens_per_s), percentiles_text(figures.first_token_ms),
                    percentiles_text(figures.token_ms)});
  }
  return Paint(stdout).bold(heading(sweep, report)) + "\n" + table(rows, 0);
}

/// How near the one stream with the shortest prompt comes to what memory allows.
std::string roofline_text(const BenchReport& report) {
  if (!report.machine || report.model_bytes == 0) return "";
  const CaseFigures* shortest = nullptr;
  for (const CaseFigures& figures : report.cases) {
    if (figures.bench_case.sweep != Sweep::kContext || !figures.decode_tokens_per_s) continue;
    if (shortest == nullptr || figures.bench_case.prompt_tokens < shortest->bench_case.prompt_tokens)
      shortest = &figures;
  }
  const double limit = report.machine->memory_read_gb_per_s.median;
  if (shortest == nullptr || limit <= 0) return "";
  const double read = shortest->decode_tokens_per_s->median * static_cast<double>(report.model_bytes) * 1e-9;
  return "One stream reads the model's file once a token: " + figure_text(read) + " GB/s of weights, " +
         figure_text(100 * read / limit) + " % of the memory read speed.\n";
}

std::string head_text(const BenchReport& report) {
  std::string text;
  if (report.machine) {
    const BenchMachine& machine = *report.machine;
    text += "Machine  " + without_controls(machine.cpu) + ", " + std::to_string(machine.cpus) + " CPUs, " +
            human_bytes(machine.memory_bytes) + ", computes with " + machine.isa + "\n";
    text += "Limits   memory is read at " + spread_text(machine.memory_read_gb_per_s) + " GB/s; int8 dot products do " +
            spread_text(machine.int8_gmac_per_s) + " G multiply-adds/s\n";
  }
  text += "Model    " + without_controls(report.model);
  if (report.model_bytes > 0)
    text += ", " + human_bytes(report.model_bytes) + ", loaded in " + figure_text(report.load_s) + " s";
  if (!report.server.empty()) text += " at " + without_controls(report.server);
  text += "\nRuns     " + std::to_string(report.plan.runs) + " of each, after " + std::to_string(report.plan.warmup) +
          " for warming up, seed " + std::to_string(report.plan.seed) +
          "; rates are median (lowest-highest), times p50 / p90 / p95 / p99\n";
  return text;
}

std::string early_text(const BenchReport& report) {
  std::int64_t got = 0;
  std::int64_t expected = 0;
  for (const CaseFigures& figures : report.cases) {
    got += figures.completion_tokens;
    expected += figures.expected_tokens;
  }
  if (got >= expected) return "";
  return "Some answers ended early: " + figure_text(static_cast<double>(got)) + " of " +
         figure_text(static_cast<double>(expected)) + " tokens came.\n";
}

json::value spread_json(const std::optional<Spread>& spread) {
  if (!spread) return nullptr;
  return {{"min", spread->min}, {"median", spread->median}, {"max", spread->max}};
}

json::value percentiles_json(const std::optional<Percentiles>& values) {
  if (!values) return nullptr;
  return {{"count", values->count}, {"min", values->min}, {"p50", values->p50}, {"p90", values->p90},
          {"p95", values->p95},     {"p99", values->p99}, {"max", values->max}};
}

json::object case_json(const CaseFigures& figures) {
  const BenchCase& one = figures.bench_case;
  json::object object = {{"sweep", to_string(one.sweep)},
                         {"streams", one.streams},
                         {"prompt_tokens", one.prompt_tokens},
                         {"output_tokens", one.output_tokens},
                         {"runs", figures.runs},
                         {"prefill_tokens_per_s", spread_json(figures.prefill_tokens_per_s)},
                         {"decode_tokens_per_s", spread_json(figures.decode_tokens_per_s)},
                         {"output_tokens_per_s", spread_json(figures.output_tokens_per_s)},
                         {"first_token_ms", percentiles_json(figures.first_token_ms)},
                         {"token_ms", percentiles_json(figures.token_ms)},
                         {"mean_token_ms", percentiles_json(figures.mean_token_ms)},
                         {"total_prompt_tokens", figures.prompt_tokens},
                         {"total_completion_tokens", figures.completion_tokens},
                         {"expected_completion_tokens", figures.expected_tokens}};
  if (one.threads > 0) object["threads"] = one.threads;
  if (figures.resident_bytes > 0) object["resident_bytes"] = figures.resident_bytes;
  return object;
}

}  // namespace

std::string figure_text(double value) {
  const int decimals = std::abs(value) >= 99.95 || value == std::floor(value) ? 0 : std::abs(value) >= 9.995 ? 1 : 2;
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, std::min(std::max(value, -1e15), 1e15));
  std::string text = buffer.data();
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  for (std::size_t place = std::min(text.find('.'), text.size()); place > sign + 3;) text.insert(place -= 3, ",");
  return text;
}

std::string spread_text(const std::optional<Spread>& spread) {
  if (!spread) return "-";
  return figure_text(spread->median) + " (" + figure_text(spread->min) + "-" + figure_text(spread->max) + ")";
}

std::string report_text(const BenchReport& report) {
  std::string text = head_text(report);
  for (const Sweep sweep : report.plan.sweeps) {
    text += "\n" + sweep_table(sweep, report);
    if (sweep == Sweep::kContext) text += roofline_text(report);
  }
  return text + early_text(report);
}

json::object report_json(const BenchReport& report) {
  json::object object = {{"version", version()},     {"model", report.model},
                         {"runs", report.plan.runs}, {"warmup", report.plan.warmup},
                         {"seed", report.plan.seed}, {"temperature", report.plan.temperature}};
  if (!report.server.empty()) object["server"] = report.server;
  if (report.model_bytes > 0) {
    object["model_bytes"] = report.model_bytes;
    object["load_s"] = report.load_s;
    object["kv_bytes_per_token"] = report.kv_bytes_per_token;
  }
  if (report.machine) {
    const BenchMachine& machine = *report.machine;
    object["machine"] = {{"cpu", machine.cpu},
                         {"cpus", machine.cpus},
                         {"isa", machine.isa},
                         {"memory_bytes", machine.memory_bytes},
                         {"memory_read_gb_per_s", spread_json(machine.memory_read_gb_per_s)},
                         {"int8_gmac_per_s", spread_json(machine.int8_gmac_per_s)}};
  }
  json::array cases;
  for (const CaseFigures& figures : report.cases) cases.push_back(case_json(figures));
  object["cases"] = std::move(cases);
  return object;
}

}  // namespace marquee::apps
