#include "nn/optimiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "base/thread_pool.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/schedule.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::nn {
namespace {

using namespace tensor::autograd;  // NOLINT: networks are made of these

/// Tensors by name, as a checkpoint would hold them.
class KeptTensors final : public tensor::WeightSource {
 public:
  explicit KeptTensors(std::span<const Parameter> list) { add(list); }
  void add(std::span<const Parameter> list) {
    for (const Parameter& parameter : list) kept_[parameter.name] = parameter.value.clone();
  }
  base::Result<tensor::StoredTensor> find(std::string_view name) const override {
    const auto found = kept_.find(std::string(name));
    if (found == kept_.end()) return base::not_found("there is no tensor " + std::string(name));
    const Tensor& tensor = found->second;
    return tensor::StoredTensor{found->first,
                                tensor.dtype(),
                                {tensor.shape().extents().begin(), tensor.shape().extents().end()},
                                {tensor.raw(), tensor.bytes()}};
  }
  bool contains(std::string_view name) const override { return kept_.count(std::string(name)) > 0; }
  std::vector<std::string> names() const override { return {}; }

 private:
  std::map<std::string, Tensor> kept_;
};

class Learning : public testing::Test {
 protected:
  base::ThreadPool pool_{2};
  ComputeScope scope_{pool_, 7};
};

std::vector<float> values_of(const ParameterStore& store) {
  std::vector<float> values;
  for (const Parameter& parameter : store.parameters()) {
    values.insert(values.end(), parameter.value.values().begin(), parameter.value.values().end());
  }
  return values;
}

/// One step of a network with two layers on fixed data.
double learn(ParameterStore& store, const Linear& first, const Linear& second, Optimiser& optimiser) {
  std::vector<float> x(8 * 3), t(8);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = std::cos(static_cast<float>(i));
  store.clear_gradients();
  const Tensor loss = mean_squared_error(second(first(Tensor::from({8, 3}, x))), Tensor::from({8, 1}, t));
  backward(loss);
  optimiser.step(0.01F);
  return loss.item();
}

TEST_F(Learning, EveryMethodLowersALoss) {
  for (const auto method : {Method::kSgd, Method::kAdagrad, Method::kRmsProp, Method::kAdadelta, Method::kAdam,
                            Method::kAdamW, Method::kLion, Method::kSubgradient}) {
    ParameterStore store(1);
    const Linear first(store, "a", 3, 16, {.activation = Activation::kTanh});
    const Linear second(store, "b", 16, 1);
    Optimiser optimiser(store, OptimiserSettings::of(method));
    const double before = learn(store, first, second, optimiser);
    double after = before;
    for (int i = 0; i < 60; ++i) after = learn(store, first, second, optimiser);
    EXPECT_LT(after, before) << to_string(method);
  }
}

TEST_F(Learning, GoesOnBitForBitFromWhatWasSaved) {
  for (const auto method : {Method::kAdamW, Method::kSgd, Method::kAdadelta}) {
    OptimiserSettings settings = OptimiserSettings::of(method);
    settings.momentum = 0.9F;
    ParameterStore store(1);
    const Linear first(store, "a", 3, 16);
    const Linear second(store, "b", 16, 1);
    Optimiser optimiser(store, settings);
    for (int i = 0; i < 5; ++i) learn(store, first, second, optimiser);
    KeptTensors kept(store.parameters());
    kept.add(optimiser.state());
    const std::int64_t steps = optimiser.steps();
    for (int i = 0; i < 5; ++i) learn(store, first, second, optimiser);

    ParameterStore again(99);
    const Linear again_first(again, "a", 3, 16);
    const Linear again_second(again, "b", 16, 1);
    Optimiser again_optimiser(again, settings);
    ASSERT_TRUE(again.load(kept));
    ASSERT_TRUE(again_optimiser.load_state(kept, steps));
    for (int i = 0; i < 5; ++i) learn(again, again_first, again_second, again_optimiser);
    EXPECT_EQ(values_of(store), values_of(again)) << to_string(method);
  }
}

// The lasso's minimum: soft-thresholded, so that some values are exactly 0.
TEST_F(Learning, ProximalStepsFindExactZeros) {
  ParameterStore store(1);
  Tensor w = store.make("w", {4}, Initial::constant(1.0F));
  const Tensor target = Tensor::from({4}, std::vector<float>{2.0F, 0.3F, -1.0F, -0.2F});
  OptimiserSettings settings{.method = Method::kSubgradient, .l1 = 0.5F};
  Optimiser optimiser(store, settings);
  for (int i = 0; i < 2000; ++i) {
    store.clear_gradients();
    backward(affine(sum(square(subtract(w, target))), 0.5F));
    optimiser.step(0.5F);
  }
  const float expected[] = {1.5F, 0.0F, -0.5F, 0.0F};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(w.data()[i], expected[i], 1e-4F);
  EXPECT_EQ(w.data()[1], 0.0F);
  EXPECT_EQ(w.data()[3], 0.0F);
}

// |w| has a corner at its minimum: steps go past it, so the last value is not the best.
TEST_F(Learning, TheBestIterateIsKept) {
  ParameterStore store(1);
  Tensor w = store.make("w", {1}, Initial::constant(0.95F));
  Optimiser optimiser(store, {.method = Method::kSubgradient});
  BestIterate best(store);
  double last = 0.0;
  for (int i = 0; i < 50; ++i) {
    store.clear_gradients();
    const Tensor loss = sum(absolute(w));
    best.note(loss.item());
    backward(loss);
    optimiser.step(0.4F);
    last = sum(absolute(w)).item();
  }
  best.restore();
  EXPECT_LE(std::fabs(w.item()), last);
  EXPECT_NEAR(std::fabs(w.item()), best.loss(), 1e-7);
  EXPECT_LT(best.loss(), 0.04);
}

TEST_F(Learning, ClippingBoundsTheNorm) {
  ParameterStore store(1);
  Tensor w = store.make("w", {30'000}, Initial::constant(2.0F));
  backward(sum(square(w)));
  const float norm = 4.0F * std::sqrt(30'000.0F);
  EXPECT_NEAR(clip_gradient_norm(store, 3.0F), norm, norm * 1e-5F);
  EXPECT_NEAR(gradient_norm(store), 3.0F, 1e-4F);
  EXPECT_NEAR(clip_gradient_norm(store, 10.0F), 3.0F, 1e-4F);
  EXPECT_NEAR(gradient_norm(store), 3.0F, 1e-4F);
}

TEST_F(Learning, AMovingAverageCanBeSwappedIn) {
  ParameterStore store(1);
  Tensor w = store.make("w", {2}, Initial::constant(1.0F));
  MovingAverage average(store, 0.75F);
  w.data()[0] = 5.0F;
  average.update();
  average.swap();
  EXPECT_FLOAT_EQ(w.data()[0], 2.0F);
  average.swap();
  EXPECT_FLOAT_EQ(w.data()[0], 5.0F);
}

TEST_F(Learning, FrozenParametersStay) {
  ParameterStore store(1);
  const Linear first(store, "body.a", 3, 16);
  const Linear second(store, "head", 16, 1);
  store.freeze("body.");
  EXPECT_EQ(store.learnt_elements(), 17);
  Optimiser optimiser(store, OptimiserSettings::of(Method::kSgd));
  const std::vector<float> before(first.weight().values().begin(), first.weight().values().end());
  const float head = second.weight().data()[0];
  learn(store, first, second, optimiser);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), first.weight().values().begin()));
  EXPECT_NE(second.weight().data()[0], head);
}

TEST_F(Learning, LoadingNamesWhatDoesNotFit) {
  ParameterStore small(1);
  const Linear narrow(small, "a", 2, 2);
  ParameterStore store(1);
  const Linear wide(store, "a", 3, 2);
  const std::vector<float> before = values_of(store);
  const auto loaded = store.load(KeptTensors(small.parameters()));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, base::ErrorCode::kCorrupt);
  EXPECT_EQ(loaded.error().message, "the tensor a.weight is [2, 2], but the network's is [2, 3]");
  const Linear head(store, "head", 3, 2);
  EXPECT_EQ(store.load(KeptTensors(small.parameters())).error().code, base::ErrorCode::kCorrupt);
  ParameterStore longer(2);
  const Linear same(longer, "a", 2, 2);
  const Linear extra(longer, "head", 2, 5);
  EXPECT_EQ(longer.load(KeptTensors(small.parameters())).error().code, base::ErrorCode::kNotFound);
  EXPECT_TRUE(longer.load(KeptTensors(small.parameters()), "head."));
  EXPECT_EQ(same.weight().data()[0], narrow.weight().data()[0]);
  EXPECT_THROW(Linear(longer, "head", 2, 5), std::logic_error);
}

TEST_F(Learning, TwoStoresOfOneSeedBeginAlike) {
  const auto begin = [](std::uint64_t seed) {
    ParameterStore store(seed);
    const Linear layer(store, "a", 64, 64);
    const Embedding table(store, "b", 100, 16, 3);
    EXPECT_EQ(table.weight().data()[3 * 16 + 5], 0.0F);
    return values_of(store);
  };
  EXPECT_EQ(begin(1), begin(1));
  EXPECT_NE(begin(1), begin(2));
}

TEST(Schedules, FollowTheirCurves) {
  const auto rates = [](ScheduleSettings settings, std::vector<std::int64_t> steps) {
    const Schedule schedule(settings);
    std::vector<float> found;
    for (const std::int64_t step : steps) found.push_back(schedule.rate(step));
    return found;
  };
  const auto expect_rates = [](const std::vector<float>& found, const std::vector<float>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6F) << i;
  };
  expect_rates(rates({.kind = ScheduleKind::kConstant, .peak = 0.1F, .warm_up_steps = 3}, {0, 1, 2, 3, 100}),
               {0.025F, 0.05F, 0.075F, 0.1F, 0.1F});
  expect_rates(rates({.kind = ScheduleKind::kStep, .peak = 1.0F, .step_size = 10, .factor = 0.5F}, {0, 9, 10, 25}),
               {1.0F, 1.0F, 0.5F, 0.25F});
  expect_rates(rates({.kind = ScheduleKind::kLinear, .peak = 1.0F, .total_steps = 10, .last = 0.2F}, {0, 5, 10, 20}),
               {1.0F, 0.6F, 0.2F, 0.2F});
  // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10): (1 + cos(π t / 10)) / 2
  expect_rates(rates({.kind = ScheduleKind::kCosine, .peak = 1.0F, .total_steps = 10}, {0, 3, 5, 10}),
               {1.0F, 0.793893F, 0.5F, 0.0F});
  expect_rates(
      rates({.kind = ScheduleKind::kOneCycle, .peak = 1.0F, .total_steps = 10, .warm_up_steps = 4}, {0, 2, 4, 7, 10}),
      {0.04F, 0.52F, 1.0F, 0.5F, 0.0F});
}

TEST(Schedules, APlateauLowersTheRate) {
  Schedule schedule({.kind = ScheduleKind::kPlateau, .peak = 1.0F, .factor = 0.1F, .patience = 1});
  for (const double loss : {3.0, 2.0, 2.5, 1.9, 2.0}) schedule.note_validation(loss);
  EXPECT_FLOAT_EQ(schedule.rate(100), 1.0F);
  schedule.note_validation(2.0);
  EXPECT_FLOAT_EQ(schedule.rate(100), 0.1F);
  Schedule again({.kind = ScheduleKind::kPlateau, .peak = 1.0F, .factor = 0.1F, .patience = 1});
  again.restore(schedule.state());
  EXPECT_FLOAT_EQ(again.rate(100), 0.1F);
}

TEST(Names, AreListedWhereOneIsWrong) {
  EXPECT_EQ(method_of("adamw").value(), Method::kAdamW);
  EXPECT_EQ(method_of("adamx").error().message,
            "there is no optimiser 'adamx'; there are sgd, adagrad, rmsprop, adadelta, adam, adamw, lion, subgradient");
  EXPECT_EQ(schedule_of("cosine").value(), ScheduleKind::kCosine);
  EXPECT_EQ(schedule_of("").error().field, "schedule");
}

}  // namespace
}  // namespace marquee::nn
