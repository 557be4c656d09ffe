// What TF-IDF of texts costs, for words as frequent as in a language: fitting and transforming at once, transforming
// one text (as a request does), and training a classifier on it. bench/text/bags_peer.py sets it beside scikit-learn.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "text/bags/bag_classifier.h"

namespace marquee::text::bags {
namespace {

struct BenchTexts {
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  std::vector<std::string_view> labels;
  std::size_t bytes = 0;
};

BenchTexts make_bench_texts(std::size_t count) {
  constexpr double kWords = 30000.0;
  std::mt19937 random(7);
  BenchTexts made;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::uint32_t words = 20 + random() % 80; words > 0; --words) {
      const auto rank = static_cast<std::uint32_t>(std::pow(kWords, random() % 100000 / 100000.0));
      for (std::uint32_t rest = rank * 2654435761U % 99991 + 26; rest > 0; rest /= 26) {
        text.push_back(static_cast<char>('a' + rest % 26));
      }
      text.push_back(' ');
    }
    made.bytes += text.size();
    made.texts.push_back(std::move(text));
  }
  made.views.assign(made.texts.begin(), made.texts.end());
  for (std::size_t i = 0; i < count; ++i) made.labels.push_back(made.texts[i].size() % 3 == 0 ? "yes" : "no");
  return made;
}

const BenchTexts& bench_texts() {
  static const BenchTexts texts = make_bench_texts(10000);
  return texts;
}

void fit_transform(benchmark::State& state) {
  const BenchTexts& texts = bench_texts();
  base::ThreadPool pool(static_cast<unsigned>(state.range(1)));
  VectoriserOptions options = VectoriserOptions::tf_idf();
  options.max_ngram = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Vectoriser::fit_transform(texts.views, options, pool)->rows.size());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * texts.bytes));
}
BENCHMARK(fit_transform)
    ->ArgNames({"ngram", "threads"})
    ->Args({1, 1})
    ->Args({1, 2})
    ->Args({2, 1})
    ->Args({2, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void transform_one(benchmark::State& state) {
  const BenchTexts& texts = bench_texts();
  base::ThreadPool pool(1);
  const auto vectoriser = Vectoriser::fit(texts.views, VectoriserOptions::tf_idf(), pool);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(vectoriser->transform(std::span(&texts.views[i], 1), pool)->size());
    i = (i + 1) % texts.views.size();
  }
}
BENCHMARK(transform_one)->Unit(benchmark::kMicrosecond);

void train_logistic_classifier(benchmark::State& state) {
  const BenchTexts& texts = bench_texts();
  base::ThreadPool pool(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(BagClassifier::train(texts.views, texts.labels, {}, pool)->labels().size());
  }
}
BENCHMARK(train_logistic_classifier)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace marquee::text::bags
