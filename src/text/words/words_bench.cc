// What the parts of word vectors cost: one step of each kernel on rows that the cache holds, and a search through all
// words.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

#include "kernels/words.h"
#include "text/words/random.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {
namespace {

RowMatrix random_rows(std::size_t rows, std::size_t columns) {
  auto matrix = RowMatrix::create(rows, columns);
  SplitMix64 random(1, 1);
  for (std::size_t i = 0; i < rows; ++i) {
    std::generate_n(matrix->row(i), columns, [&] { return random.centred(); });
  }
  return std::move(*matrix);
}

/// A positive and five negative targets, as skip-gram has for every neighbour of a word.
void logistic_steps(benchmark::State& state) {
  RowMatrix rows = random_rows(7, 100);
  float* const targets[] = {rows.row(1), rows.row(2), rows.row(3), rows.row(4), rows.row(5), rows.row(6)};
  const float labels[] = {1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F};
  float scores[6];
  const auto& kernels = kernels::word_kernels();
  for (auto _ : state) {
    kernels.logistic_step({rows.stride(), rows.row(0), 6, targets, labels, 1e-6F, scores});
  }
}
BENCHMARK(logistic_steps);

void pair_steps(benchmark::State& state) {
  RowMatrix rows = random_rows(2, 224);
  for (std::size_t row = 0; row < 2; ++row) std::fill_n(rows.row(row) + 112, 112, 1.0F);
  const auto& kernels = kernels::word_kernels();
  for (auto _ : state) {
    kernels.pair_step({100, 1e-6F, 100.0F, rows.row(0), rows.row(0) + 112, rows.row(1), rows.row(1) + 112});
  }
}
BENCHMARK(pair_steps);

void nearest_of_100000(benchmark::State& state) {
  WordTable table;
  for (int i = 0; i < 100'000; ++i) table.add("w" + std::to_string(i));
  const auto vectors = WordVectors::create(std::move(table), random_rows(100'000, 100));
  base::ThreadPool pool(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(vectors->nearest(vectors->vector(0), {.top_k = 10}, pool));
}
BENCHMARK(nearest_of_100000)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace marquee::text::words
