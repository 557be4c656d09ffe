// Training steps of small networks, as script/bench train compares them with PyTorch's: forward, backward and an AdamW
// step on random data. MARQUEE_BENCH_THREADS sets the team; by default one thread for each CPU.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <functional>

#include "base/thread_pool.h"
#include "nn/layers.h"
#include "nn/optimiser.h"
#include "nn/recurrent.h"
#include "nn/transformer.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/pooling.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"
#include "tensor/autograd/softmax.h"

namespace marquee::nn {
namespace {

using namespace tensor::autograd;  // NOLINT: layers and losses are made of these

unsigned threads() {
  const char* set = std::getenv("MARQUEE_BENCH_THREADS");
  return set == nullptr ? 0 : static_cast<unsigned>(std::strtoul(set, nullptr, 10));
}

Tensor random_values(const Shape& shape, std::uint64_t stream) {
  Tensor x = Tensor::empty(shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data()[i] = 2.0F * unit_float(philox(static_cast<std::uint64_t>(i), stream, 1)[0]) - 1.0F;
  }
  return x;
}

Tensor random_classes(const Shape& shape, std::uint32_t classes, std::uint64_t stream) {
  Tensor x = Tensor::empty(shape, DType::kI32);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.i32_data()[i] = static_cast<std::int32_t>(philox(static_cast<std::uint64_t>(i), stream, 1)[0] % classes);
  }
  return x;
}

/// Steps of `loss`, with everything but the network's parameters made anew each time.
void run_steps(benchmark::State& state, ParameterStore& store, const std::function<Tensor()>& loss) {
  Optimiser optimiser(store, OptimiserSettings::of(Method::kAdamW));
  const auto step = [&] {
    store.clear_gradients();
    const Tensor value = loss();
    backward(value);
    optimiser.step(1e-3F);
    benchmark::DoNotOptimize(value.item());
  };
  step();  // takes its memory
  for (auto _ : state) step();
  state.counters["steps/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// 784-512-256-10, batch 128.
void mlp(benchmark::State& state) {
  base::ThreadPool pool(threads());
  const ComputeScope scope(pool, 1);
  ParameterStore store(1);
  const Linear first(store, "0", 784, 512, {.activation = Activation::kRelu});
  const Linear second(store, "2", 512, 256, {.activation = Activation::kRelu});
  const Linear third(store, "4", 256, 10);
  const Tensor x = random_values({128, 784}, 1);
  const Tensor target = random_classes({128}, 10, 2);
  run_steps(state, store, [&] { return cross_entropy(third(second(first(x))), target); });
}

/// 3-32-64 channels of 3x3, pooled twice, 128 and 10 outputs; 32x32 images, batch 64.
void cnn(benchmark::State& state) {
  base::ThreadPool pool(threads());
  const ComputeScope scope(pool, 1);
  ParameterStore store(1);
  const Conv2d::Options options{.convolution = {.padding = {1, 1}}, .activation = Activation::kRelu};
  const Conv2d first(store, "0", 3, 32, {3, 3}, options);
  const Conv2d second(store, "3", 32, 64, {3, 3}, options);
  const Linear third(store, "7", 4096, 128, {.activation = Activation::kRelu});
  const Linear fourth(store, "9", 128, 10);
  const Tensor x = random_values({64, 32, 32, 3}, 1);
  const Tensor target = random_classes({64}, 10, 2);
  run_steps(state, store, [&] {
    const Tensor images = max_pool2d(second(max_pool2d(first(x))));
    return cross_entropy(fourth(third(images.reshape({64, 4096}))), target);
  });
}

/// A language model: 4000 words in 128 dimensions, 256 hidden, 24 steps, batch 32.
void gru(benchmark::State& state) {
  base::ThreadPool pool(threads());
  const ComputeScope scope(pool, 1);
  ParameterStore store(1);
  const Embedding words(store, "words", 4000, 128);
  const Recurrent layer(store, "gru", RecurrentKind::kGru, 128, 256, {});
  const Linear out(store, "out", 256, 4000);
  const Tensor x = random_classes({24, 32}, 4000, 1);
  const Tensor target = random_classes({24, 32}, 4000, 2);
  run_steps(state, store, [&] { return cross_entropy(out(layer(words(x), {}, true).outputs), target); });
}

/// Six layers of 384, 12 heads, 1536 between; 8 texts of 64 tokens, two classes.
void encoder(benchmark::State& state) {
  base::ThreadPool pool(threads());
  const ComputeScope scope(pool, 1);
  ParameterStore store(1);
  const Embedding words(store, "words", 30522, 384);
  const TransformerEncoder layers(
      store, "encoder",
      {.width = 384, .heads = 12, .feed_forward = 1536, .layers = 6, .activation = Activation::kGeluErf});
  const Linear out(store, "out", 384, 2);
  const Tensor x = random_classes({8, 64}, 30522, 1);
  const Tensor target = random_classes({8}, 2, 2);
  run_steps(state, store, [&] { return cross_entropy(out(mean(layers(words(x), {.training = true}), 1)), target); });
}

BENCHMARK(mlp)->UseRealTime();
BENCHMARK(cnn)->UseRealTime();
BENCHMARK(gru)->UseRealTime();
BENCHMARK(encoder)->UseRealTime();

}  // namespace
}  // namespace marquee::nn
