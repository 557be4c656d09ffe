// What choosing one token costs, at the vocabulary sizes of SmolLM2 (49,152) and Qwen2.5 (151,936).

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "text/sampler.h"

namespace marquee::text {
namespace {

constexpr std::int64_t kSmallVocab = 49152;
constexpr std::int64_t kLargeVocab = 151936;

/// Logits shaped like a language model's: a normal bulk and a short steep head. `spread` 0 makes them all equal.
std::vector<float> model_like_logits(std::size_t vocab, double spread) {
  std::mt19937 random(7);
  std::normal_distribution<double> bulk(0.0, spread);
  std::vector<float> logits(vocab);
  for (float& logit : logits) logit = static_cast<float>(bulk(random));
  if (spread == 0.0) return logits;
  for (int i = 0; i < 40; ++i) logits[random() % vocab] = static_cast<float>(14.0 - 0.25 * i);
  return logits;
}

void run(benchmark::State& state, const SamplingParams& params, double spread) {
  const std::vector<float> source = model_like_logits(static_cast<std::size_t>(state.range(0)), spread);
  const std::vector<formats::TokenId> prompt = {1, 2, 3};
  Sampler sampler(params, 0, prompt);
  // Without bias and penalties sample() leaves clean logits as they are, so nothing needs to be copied back.
  std::vector<float> logits = source;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(logits).id);
}

SamplingParams with(void (*change)(SamplingParams&)) {
  SamplingParams params;
  params.seed = 1;
  change(params);
  return params;
}

#define MARQUEE_SAMPLER_BENCH(name, change)                                  \
  BENCHMARK_CAPTURE(run, name, with([](SamplingParams& p) { change; }), 2.0) \
      ->Arg(kSmallVocab)                                                     \
      ->Arg(kLargeVocab)                                                     \
      ->Unit(benchmark::kMicrosecond)

MARQUEE_SAMPLER_BENCH(greedy, p.temperature = 0.0F);
MARQUEE_SAMPLER_BENCH(temperature, p.temperature = 0.8F);
MARQUEE_SAMPLER_BENCH(top_k_40, p.top_k = 40);
MARQUEE_SAMPLER_BENCH(top_k_5000, p.top_k = 5000);
MARQUEE_SAMPLER_BENCH(top_p, p.top_p = 0.95F);
MARQUEE_SAMPLER_BENCH(min_p, p.min_p = 0.05F);
MARQUEE_SAMPLER_BENCH(typical_p, p.typical_p = 0.95F);
MARQUEE_SAMPLER_BENCH(chat_usual, (p.temperature = 0.7F, p.top_k = 40, p.top_p = 0.9F, p.min_p = 0.05F));
MARQUEE_SAMPLER_BENCH(greedy_logprobs_20, (p.temperature = 0.0F, p.top_logprobs = 20));

/// The worst case for the truncations: every token equally likely.
#define MARQUEE_FLAT_BENCH(name, change)                                     \
  BENCHMARK_CAPTURE(run, name, with([](SamplingParams& p) { change; }), 0.0) \
      ->Arg(kLargeVocab)                                                     \
      ->Unit(benchmark::kMicrosecond)

MARQUEE_FLAT_BENCH(flat_temperature, p.temperature = 0.8F);
MARQUEE_FLAT_BENCH(flat_top_p, p.top_p = 0.95F);
MARQUEE_FLAT_BENCH(flat_typical_p, p.typical_p = 0.95F);
MARQUEE_FLAT_BENCH(flat_top_k_40, p.top_k = 40);

}  // namespace
}  // namespace marquee::text
