#include "tensor/autograd/graph.h"

#include "tensor/autograd/finite_difference_test.h"
#include "tensor/autograd/product.h"
#include "tensor/autograd/storage.h"

namespace marquee::tensor::autograd {
namespace {

class Graph : public AutogradTest {};

TEST_F(Graph, GradientsAddUpWhereATensorIsUsedTwice) {
  Tensor x = Tensor::from({2}, std::vector<float>{3.0F, -2.0F});
  x.require_gradient();
  backward(sum(add(multiply(x, x), x)));
  EXPECT_FLOAT_EQ(x.gradient().data()[0], 7.0F);
  EXPECT_FLOAT_EQ(x.gradient().data()[1], -3.0F);
}

TEST_F(Graph, AndOverSeveralPassesUntilTheyAreCleared) {
  Tensor x = Tensor::full({3}, 2.0F).require_gradient();
  for (int i = 0; i < 3; ++i) backward(sum(square(x)));
  EXPECT_FLOAT_EQ(x.gradient().data()[0], 12.0F);
  x.clear_gradient();
  EXPECT_FALSE(x.gradient().defined());
  backward(sum(square(x)));
  EXPECT_FLOAT_EQ(x.gradient().data()[2], 4.0F);
}

TEST_F(Graph, TwoLeavesDoNotShareAGradient) {
  Tensor a = Tensor::full({3}, 2.0F).require_gradient();
  Tensor b = Tensor::full({3}, 5.0F).require_gradient();
  backward(sum(add(a, b)));
  a.gradient().data()[0] = 100.0F;
  EXPECT_FLOAT_EQ(b.gradient().data()[0], 1.0F);
}

TEST_F(Graph, AGradientThatSomebodyHoldsStaysAsItIs) {
  Tensor x = Tensor::full({3}, 2.0F).require_gradient();
  backward(sum(square(x)));
  const Tensor held = x.gradient();
  backward(sum(square(x)));
  EXPECT_FLOAT_EQ(held.data()[0], 4.0F);
  EXPECT_FLOAT_EQ(x.gradient().data()[0], 8.0F);
}

TEST_F(Graph, NothingIsRecordedWhereItIsOff) {
  Tensor x = Tensor::full({3}, 2.0F).require_gradient();
  const Recording off(false);
  const Tensor y = sum(square(x));
  EXPECT_FALSE(y.requires_gradient());
  EXPECT_THROW(backward(y), ShapeError);
}

TEST_F(Graph, ADetachedTensorEndsThePass) {
  Tensor x = Tensor::full({1}, 3.0F).require_gradient();
  const Tensor y = square(x);
  backward(sum(multiply(y, y.detach())));
  EXPECT_FLOAT_EQ(x.gradient().item(), 54.0F);  // 9 · 2 · 3
}

TEST_F(Graph, AGraphIsGoneThroughOnce) {
  Tensor x = Tensor::full({1}, 3.0F).require_gradient();
  const Tensor y = square(x);
  backward(y);
  EXPECT_THROW(backward(y), ShapeError);
  EXPECT_THROW(backward(sum(add(y, x))), ShapeError);
  EXPECT_THROW(backward(Tensor::zeros({2})), ShapeError);
}

TEST_F(Graph, ThePassGivesBackWhatItHasGoneThrough) {
  constexpr std::int64_t kElements = 1 << 18;
  Tensor x = Tensor::full({kElements}, 0.5F).require_gradient();
  Tensor y = x;
  for (int i = 0; i < 16; ++i) y = square(y);
  y = sum(y);
  const std::size_t kept = storage_use().in_use_bytes;
  EXPECT_GT(kept, 15U * kElements * sizeof(float));
  reset_most_storage();
  backward(y);
  // Two gradients at a time on top of what the forward pass kept, which shrinks as the pass goes on.
  EXPECT_LT(storage_use().most_in_use_bytes, kept + 4 * kElements * sizeof(float));
  EXPECT_LT(storage_use().in_use_bytes, kept - 12 * kElements * sizeof(float));
}

TEST_F(Graph, ACheckpointKeepsOnlyItsInputs) {
  constexpr std::int64_t kElements = 1 << 18;
  Tensor x = Tensor::full({kElements}, 0.9F).require_gradient();
  Tensor scale = Tensor::full({1}, 1.1F).require_gradient();
  const auto block = [&](std::span<const Tensor> inputs) {
    Tensor y = inputs[0];
    for (int i = 0; i < 8; ++i) y = dropout(multiply(square(y), scale), 0.1F);
    return y;
  };
  const auto run = [&](bool checkpointed) {
    scope_.random = {.seed = 3};
    x.clear_gradient();
    scale.clear_gradient();
    const std::size_t before = storage_use().in_use_bytes;
    const Tensor inputs[] = {x};
    const Tensor y = checkpointed ? checkpoint(block, {x}) : block(inputs);
    const std::size_t kept = storage_use().in_use_bytes - before;
    backward(sum(y));
    return std::tuple(kept, x.gradient(), scale.gradient());
  };
  const auto [kept, dx, d_scale] = run(false);
  const auto [kept_less, same_dx, same_d_scale] = run(true);
  EXPECT_LT(4 * kept_less, kept);
  EXPECT_TRUE(std::equal(dx.values().begin(), dx.values().end(), same_dx.values().begin()));
  EXPECT_FLOAT_EQ(d_scale.item(), same_d_scale.item());
}

TEST_F(Graph, ALongChainIsLetGoOfWithoutDeepCalls) {
  Tensor x = Tensor::full({1}, 1.0F).require_gradient();
  {
    Tensor y = x;
    for (int i = 0; i < 200'000; ++i) y = add(y, x);
  }
  Tensor y = x;
  for (int i = 0; i < 200'000; ++i) y = add(y, x);
  backward(y);
  EXPECT_FLOAT_EQ(x.gradient().item(), 200'001.0F);
}

TEST_F(Graph, BlocksAreGivenOutAgain) {
  release_kept_storage();
  { const Tensor once = Tensor::empty({1000}); }
  const std::size_t kept = storage_use().kept_bytes;
  EXPECT_GE(kept, 4000U);
  { const Tensor again = Tensor::empty({1000}); }
  EXPECT_EQ(storage_use().kept_bytes, kept);
  release_kept_storage();
  EXPECT_EQ(storage_use().kept_bytes, 0U);
}

TEST_F(Graph, ShapesAreChecked) {
  const Tensor a = Tensor::zeros({2, 3});
  EXPECT_THROW(add(a, Tensor::zeros({2})), ShapeError);
  EXPECT_THROW(matmul(a, a), ShapeError);
  EXPECT_THROW((void)a.reshape({7}), ShapeError);
  EXPECT_THROW((void)a.item(), ShapeError);
  EXPECT_THROW((void)a.i32_data(), ShapeError);
  EXPECT_THROW((void)Tensor().shape(), ShapeError);
  EXPECT_THROW((void)a.extent(2), ShapeError);
  EXPECT_THROW(Shape({-1}), ShapeError);
  EXPECT_THROW(Shape({1 << 20, 1 << 20}), ShapeError);
  EXPECT_THROW(Shape({1, 1, 1, 1, 1, 1, 1}), ShapeError);
  EXPECT_EQ(Shape({2, 3}).to_string(), "[2, 3]");
}

}  // namespace
}  // namespace marquee::tensor::autograd
