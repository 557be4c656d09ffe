// Every backward pass beside finite differences, and forward passes beside their definitions.

#include "tensor/autograd/attention.h"
#include "tensor/autograd/convolution.h"
#include "tensor/autograd/finite_difference_test.h"
#include "tensor/autograd/layout.h"
#include "tensor/autograd/normalise.h"
#include "tensor/autograd/pooling.h"
#include "tensor/autograd/product.h"
#include "tensor/autograd/recurrent.h"
#include "tensor/autograd/softmax.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::Activation;
using Tensors = std::vector<Tensor>;

class Operations : public AutogradTest {};

Tensor positive(const Shape& shape, unsigned seed) { return affine(absolute(random_tensor(shape, seed)), 1.0F, 0.5F); }

/// Values at least 0.2 apart, so that a small step changes no order.
Tensor apart(const Shape& shape, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.2F * static_cast<float>(i) - 1.1F;
  std::shuffle(values.begin(), values.end(), std::mt19937(seed));
  return Tensor::from(shape, values);
}

TEST_F(Operations, OfTwoTensors) {
  for (const auto& [a, b] : {std::pair<Shape, Shape>{{3, 4}, {3, 4}},
                             {{3, 4}, {4}},
                             {{3, 4}, {3, 1}},
                             {{3, 1}, {1, 4}},
                             {{}, {2, 3}},
                             {{2, 1, 3}, {4, 1}},
                             {{1}, {1}}}) {
    const Tensors inputs = {random_tensor(a, 1), positive(b, 2)};
    expect_gradients([](Tensors& x) { return add(x[0], x[1]); }, inputs);
    expect_gradients([](Tensors& x) { return subtract(x[0], x[1]); }, inputs);
    expect_gradients([](Tensors& x) { return multiply(x[0], x[1]); }, inputs);
    expect_gradients([](Tensors& x) { return divide(x[0], x[1]); }, inputs);
  }
  const Tensors different = {apart({3, 4}, 1), affine(apart({4}, 2), 1.0F, 0.1F)};
  expect_gradients([](Tensors& x) { return maximum(x[0], x[1]); }, different);
  expect_gradients([](Tensors& x) { return minimum(x[0], x[1]); }, different);
}

TEST_F(Operations, EqualsShareTheGradient) {
  Tensor a = Tensor::full({1}, 2.0F).require_gradient();
  Tensor b = Tensor::full({1}, 2.0F).require_gradient();
  backward(maximum(a, b));
  EXPECT_EQ(a.gradient().item(), 0.5F);
  EXPECT_EQ(b.gradient().item(), 0.5F);
}

TEST_F(Operations, OfOneTensor) {
  const Tensors any = {random_tensor({3, 7}, 1)};
  expect_gradients([](Tensors& x) { return affine(x[0], -2.0F, 1.0F); }, any);
  expect_gradients([](Tensors& x) { return negate(x[0]); }, any);
  expect_gradients([](Tensors& x) { return square(x[0]); }, any);
  expect_gradients([](Tensors& x) { return exponential(x[0]); }, any);
  expect_gradients([](Tensors& x) { return absolute(x[0]); }, {apart({3, 4}, 1)});
  expect_gradients([](Tensors& x) { return clamp(x[0], -0.75F, 0.85F); }, {affine(apart({3, 4}, 1), 1.0F, 0.05F)},
                   2e-3F, 0.01F);
  expect_gradients([](Tensors& x) { return square_root(x[0]); }, {positive({3, 7}, 1)});
  expect_gradients([](Tensors& x) { return logarithm(x[0]); }, {positive({3, 7}, 1)});
  expect_gradients([](Tensors& x) { return dropout(x[0], 0.4F); }, any);
  for (const Activation activation :
       {Activation::kIdentity, Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu,
        Activation::kLeakyRelu, Activation::kTanh, Activation::kSigmoid}) {
    expect_gradients([=](Tensors& x) { return activate(activation, x[0]); }, {apart({3, 4}, 1)});
  }
}

TEST_F(Operations, DropoutKeepsTheMean) {
  const Tensor y = dropout(Tensor::full({100'000}, 1.0F), 0.3F);
  const float kept = 1.0F / 0.7F;
  std::size_t zeros = 0;
  for (const float value : y.values()) {
    EXPECT_TRUE(value == 0.0F || value == kept);
    zeros += value == 0.0F ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(zeros), 30'000.0, 600.0);
  EXPECT_NE(dropout(Tensor::full({64}, 1.0F), 0.5F).values()[0] + 1.0F, -1.0F);
  const Tensor first = dropout(Tensor::full({64}, 1.0F), 0.5F);
  const Tensor second = dropout(Tensor::full({64}, 1.0F), 0.5F);
  EXPECT_FALSE(std::equal(first.values().begin(), first.values().end(), second.values().begin()));
  EXPECT_THROW(dropout(first, 1.0F), ShapeError);
  // Value by value what philox() says, so that a saved training goes on alike whatever computes it.
  const Random before = ComputeScope::current().random;
  const Tensor mask = dropout_mask({777}, 0.3F);
  for (std::size_t i = 0; i < 777; ++i) {
    const float unit = unit_float(philox(i / 4, before.next_stream, before.seed)[i % 4]);
    ASSERT_EQ(mask.values()[i], unit < 0.3F ? 0.0F : 1.0F / (1.0F - 0.3F)) << i;
  }
}

TEST_F(Operations, CastRoundsAndPassesTheGradient) {
  Tensor x = random_tensor({2, 9}, 1).require_gradient();
  const Tensor y = cast(cast(x, DType::kBF16), DType::kF32);
  for (std::int64_t i = 0; i < x.elements(); ++i)
    EXPECT_NEAR(y.data()[i], x.data()[i], 0.004F * std::fabs(x.data()[i]));
  backward(sum(y));
  EXPECT_EQ(x.gradient().data()[3], 1.0F);
}

TEST_F(Operations, Sums) {
  const Tensors inputs = {random_tensor({3, 4, 5}, 1)};
  expect_gradients([](Tensors& x) { return sum(x[0]); }, inputs);
  expect_gradients([](Tensors& x) { return mean(x[0]); }, inputs);
  for (const std::int64_t axis : {0, 1, 2, -1}) {
    expect_gradients([=](Tensors& x) { return sum(x[0], axis); }, inputs);
    expect_gradients([=](Tensors& x) { return mean(x[0], axis); }, inputs);
    expect_gradients([=](Tensors& x) { return largest(x[0], axis); }, {apart({2, 3, 2}, 1)});
  }
  const Tensor x = Tensor::from({2, 3}, std::vector<float>{1, 5, 5, 2, 0, -1});
  EXPECT_EQ(index_of_largest(x, 1).index_values(), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(index_of_largest(x, 0).index_values(), (std::vector<std::int64_t>{1, 0, 0}));
}

TEST_F(Operations, Products) {
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const auto product = [=](Tensors& x) { return matmul(x[0], x[1], {a, b}); };
      const Shape left = a ? Shape{5, 3} : Shape{3, 5};
      const Shape right = b ? Shape{4, 5} : Shape{5, 4};
      expect_gradients(product, {random_tensor(left, 1), random_tensor(right, 2)});
      const Shape lefts = a ? Shape{2, 2, 5, 3} : Shape{2, 2, 3, 5};
      const Shape rights = b ? Shape{2, 2, 4, 5} : Shape{2, 2, 5, 4};
      expect_gradients(product, {random_tensor(lefts, 1), random_tensor(rights, 2)});
      expect_gradients(product, {random_tensor(lefts, 1), random_tensor(right, 2)});
      expect_gradients(product, {random_tensor(left, 1), random_tensor(rights, 2)});
    }
  }
}

TEST_F(Operations, ProductsOfAnySize) {
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, {17, 33, 9}, {130, 70, 65}, {64, 200, 128}, {3, 500, 20}}) {
    const Tensor a = random_tensor({m, k}, 1);
    const Tensor b = random_tensor({k, n}, 2);
    const Tensor y = matmul(a, b);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double expected = 0.0;
        for (std::int64_t l = 0; l < k; ++l) expected += static_cast<double>(a.data()[i * k + l]) * b.data()[l * n + j];
        ASSERT_NEAR(y.data()[i * n + j], expected, 1e-4) << m << "x" << n << "x" << k;
      }
    }
  }
}

TEST_F(Operations, Linear) {
  for (const Activation activation : {Activation::kIdentity, Activation::kTanh, Activation::kGeluErf}) {
    const auto layer = [=](Tensors& x) { return linear(x[0], x[1], x[2], activation); };
    expect_gradients(layer, {random_tensor({2, 3, 5}, 1), random_tensor({4, 5}, 2, 0.4F), random_tensor({4}, 3)});
  }
  expect_gradients([](Tensors& x) { return linear(x[0], x[1], {}); },
                   {random_tensor({3, 5}, 1), random_tensor({4, 5}, 2)});
}

TEST_F(Operations, Layout) {
  const Tensors inputs = {random_tensor({2, 3, 4}, 1), random_tensor({2, 5, 4}, 2)};
  const std::size_t orders[][3] = {{0, 1, 2}, {2, 0, 1}, {1, 0, 2}, {2, 1, 0}};
  for (const auto& order : orders) {
    expect_gradients([&](Tensors& x) { return permute(x[0], order); }, {inputs[0]});
  }
  expect_gradients([](Tensors& x) { return transpose(x[0]); }, {inputs[0]});
  expect_gradients([](Tensors& x) { return x[0].reshape({4, 6}); }, {inputs[0]});
  expect_gradients([](Tensors& x) { return concatenate(x, 1); }, inputs);
  expect_gradients([](Tensors& x) { return slice(x[0], 1, 1, 2); }, {inputs[0]});
  expect_gradients([](Tensors& x) { return slice(x[0], -1, 0, 3); }, {inputs[0]});
  const std::int64_t counts[] = {1, inputs[0].extent(1) - 1};
  expect_gradients(
      [&](Tensors& x) {
        const auto parts = split(x[0], 1, counts);
        return concatenate(std::vector<Tensor>{parts[1], affine(parts[0], 3.0F)}, 1);
      },
      {inputs[0]});
  expect_gradients([&](Tensors& x) { return split(x[0], 1, counts)[1]; }, {inputs[0]});  // a part that is not used
  const std::int64_t too_few[] = {1};
  EXPECT_THROW(split(inputs[0], 1, too_few), ShapeError);
  const Tensor x = random_tensor({2, 40, 33}, 3);
  const Tensor y = transpose(x);
  const std::size_t last_two[] = {0, 2, 1};
  const Tensor same = permute(x, last_two);
  EXPECT_TRUE(std::equal(y.values().begin(), y.values().end(), same.values().begin()));
  EXPECT_EQ(y.data()[33 * 40 + 2 * 40 + 5], x.data()[40 * 33 + 5 * 33 + 2]);
}

TEST_F(Operations, LookUps) {
  const Tensor indices = Tensor::from({2, 3}, std::vector<std::int32_t>{1, 0, 3, 1, 1, 2});
  const auto look_up = [&](Tensors& x) { return embedding(x[0], indices); };
  expect_gradients(look_up, {random_tensor({4, 20}, 1)});
  Tensor table = random_tensor({4, 3}, 1).require_gradient();
  backward(sum(embedding(table, indices, 1)));
  EXPECT_EQ(table.gradient().data()[3], 0.0F);
  EXPECT_EQ(table.gradient().data()[0], 1.0F);
  EXPECT_THROW(embedding(table, Tensor::from({1}, std::vector<std::int64_t>{4})), ShapeError);
  const Tensor rounded = embedding(cast(table.detach(), DType::kBF16), indices);
  EXPECT_NEAR(rounded.data()[0], table.data()[3], 0.01F);

  const Tensor index =
      Tensor::from({2, 2, 4}, std::vector<std::int32_t>{0, 1, 2, 0, 0, 0, 0, 0, 2, 2, 1, 1, 0, 1, 2, 2});
  expect_gradients([&](Tensors& x) { return gather(x[0], 1, index); }, {random_tensor({2, 3, 4}, 1)});
  expect_gradients([&](Tensors& x) { return scatter_add(x[0], 1, index, x[1]); },
                   {random_tensor({2, 3, 4}, 1), random_tensor({2, 2, 4}, 2)});
}

TEST_F(Operations, Softmax) {
  const Tensors inputs = {random_tensor({3, 21}, 1, 2.0F)};
  expect_gradients([](Tensors& x) { return softmax(x[0]); }, inputs);
  expect_gradients([](Tensors& x) { return log_softmax(x[0]); }, inputs);
}

TEST_F(Operations, CrossEntropy) {
  const Tensors inputs = {random_tensor({2, 3, 5}, 1, 2.0F)};
  const Tensor targets = Tensor::from({2, 3}, std::vector<std::int32_t>{0, 4, -100, 2, 2, 1});
  for (const float smoothing : {0.0F, 0.1F}) {
    for (const bool weighted : {false, true}) {
      CrossEntropyOptions options{.label_smoothing = smoothing};
      if (weighted) options.class_weights = Tensor::from({5}, std::vector<float>{1.0F, 0.2F, 3.0F, 1.0F, 0.5F});
      expect_gradients([&](Tensors& x) { return cross_entropy(x[0], targets, options); }, inputs);
    }
  }
  const Tensor ignored = Tensor::full({1, 5}, 1.0F);
  EXPECT_EQ(cross_entropy(ignored, Tensor::from({1}, std::vector<std::int32_t>{-100})).item(), 0.0F);
  EXPECT_THROW(cross_entropy(ignored, Tensor::from({1}, std::vector<std::int32_t>{5})), ShapeError);
  EXPECT_NEAR(cross_entropy(ignored, Tensor::from({1}, std::vector<std::int32_t>{3})).item(), std::log(5.0F), 1e-6F);
}

TEST_F(Operations, Norms) {
  const Tensors inputs = {random_tensor({4, 19}, 1), random_tensor({19}, 2), random_tensor({19}, 3)};
  expect_gradients([](Tensors& x) { return layer_norm(x[0], x[1], x[2]); }, inputs);
  expect_gradients([](Tensors& x) { return rms_norm(x[0], x[1]); }, {inputs[0], inputs[1]});
  for (const bool training : {true, false}) {
    expect_gradients(
        [=](Tensors& x) {
          RunningStatistics running{Tensor::full({19}, 0.3F), Tensor::full({19}, 1.5F)};
          return batch_norm(x[0], x[1], x[2], running, training);
        },
        inputs);
  }
}

TEST_F(Operations, Attention) {
  const Tensors inputs = {random_tensor({2, 3, 8}, 1), random_tensor({2, 4, 8}, 2), random_tensor({2, 4, 8}, 3)};
  for (const bool causal : {false, true}) {
    for (const std::vector<std::int32_t>& lengths : {std::vector<std::int32_t>{}, {4, 2}}) {
      for (const float p : {0.0F, 0.3F}) {
        const AttentionOptions options{.heads = 2, .causal = causal, .key_lengths = lengths, .dropout = p};
        expect_gradients([&](Tensors& x) { return attention(x[0], x[1], x[2], options); }, inputs);
      }
    }
  }
}

TEST_F(Operations, AttentionSeesNoPaddingAndNothingToCome) {
  const Tensor q = random_tensor({1, 3, 4}, 1);
  Tensor k = random_tensor({1, 3, 4}, 2);
  Tensor v = random_tensor({1, 3, 4}, 3);
  const auto run = [&] { return attention(q, k, v, {.heads = 2, .causal = true, .key_lengths = {2}}).clone(); };
  const Tensor before = run();
  for (std::size_t i = 8; i < 12; ++i) k.data()[i] = v.data()[i] = 50.0F;
  const Tensor after = run();
  EXPECT_TRUE(std::equal(before.values().begin(), before.values().end(), after.values().begin()));
  for (std::size_t i = 4; i < 8; ++i) v.data()[i] = 50.0F;
  EXPECT_EQ(run().data()[0], before.data()[0]);
  EXPECT_NE(run().data()[4], before.data()[4]);
}

TEST_F(Operations, RecurrentLayers) {
  const auto weights = [](std::int64_t gates) {
    return Tensors{random_tensor({5, 2, 3}, 1),
                   random_tensor({2, 4}, 2),
                   random_tensor({gates * 4, 3}, 3, 0.4F),
                   random_tensor({gates * 4, 4}, 4, 0.4F),
                   random_tensor({gates * 4}, 5),
                   random_tensor({gates * 4}, 6),
                   random_tensor({2, 4}, 7)};
  };
  for (const bool reverse : {false, true}) {
    for (const std::vector<std::int32_t>& lengths : {std::vector<std::int32_t>{}, {2, 5}}) {
      const RecurrentOptions options{reverse, lengths};
      const auto both = [](const RecurrentResult& r) {
        const Tensor parts[] = {r.states.reshape({10, 4}), r.last, r.cell.defined() ? r.cell : r.last};
        return concatenate(parts, 0);
      };
      const auto gru_layer = [&](Tensors& x) { return both(gru(x[0], x[1], {x[2], x[3], x[4], x[5]}, options)); };
      const auto lstm_layer = [&](Tensors& x) {
        return both(lstm(x[0], x[1], x[6], {x[2], x[3], x[4], x[5]}, options));
      };
      const auto rnn_layer = [&](Tensors& x) {
        return both(rnn(x[0], x[1], {x[2], x[3], x[4], x[5]}, Activation::kTanh, options));
      };
      Tensors without_cell = weights(3);
      without_cell.pop_back();
      expect_gradients(gru_layer, without_cell);
      expect_gradients(lstm_layer, weights(4));
      without_cell = weights(1);
      without_cell.pop_back();
      expect_gradients(rnn_layer, without_cell);
    }
  }
}

TEST_F(Operations, PaddingLeavesAStateAsItIs) {
  const Tensor x = random_tensor({5, 2, 3}, 1);
  const RecurrentWeights weights{random_tensor({12, 3}, 3), random_tensor({12, 4}, 4), random_tensor({12}, 5),
                                 random_tensor({12}, 6)};
  const RecurrentResult padded = gru(x, {}, weights, {.reverse = false, .lengths = {2, 5}});
  const RecurrentResult whole = gru(slice(x, 0, 0, 2), {}, weights);
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(padded.last.data()[i], whole.last.data()[i]);
  EXPECT_EQ(padded.states.data()[2 * 8], 0.0F);
  EXPECT_NE(padded.states.data()[2 * 8 + 4], 0.0F);
}

TEST_F(Operations, Convolutions) {
  struct Case {
    std::int64_t in, out;
    ConvolutionOptions options;
  };
  for (const Case& c : {Case{2, 3, {}},
                        {2, 4, {.stride = {2, 1}, .padding = {1, 2}}},
                        {4, 6, {.dilation = {2, 1}, .groups = 2}},
                        {4, 4, {.padding = {1, 1}, .groups = 4}}}) {
    const Tensors inputs = {random_tensor({2, 6, 5, c.in}, 1), random_tensor({c.out, c.in / c.options.groups, 2, 3}, 2),
                            random_tensor({c.out}, 3)};
    expect_gradients([&](Tensors& x) { return conv2d(x[0], x[1], x[2], c.options); }, inputs);
    const Tensors narrow = {random_tensor({2, 3, 4, c.out}, 1), inputs[1], random_tensor({c.in}, 3)};
    const Extent2 extra = {c.options.stride[0] - 1, 0};
    expect_gradients([&](Tensors& x) { return conv_transpose2d(x[0], x[1], x[2], c.options, extra); }, narrow);
  }
  expect_gradients(
      [](Tensors& x) {
        return conv2d(x[0], x[1], x[2], {.padding = {1, 1}}, Activation::kTanh);
      },
      {random_tensor({3, 4, 4, 3}, 1), random_tensor({5, 3, 3, 3}, 2, 0.3F), random_tensor({5}, 3)});
  expect_gradients(
      [](Tensors& x) {
        return conv1d(x[0], x[1], x[2], {.stride = {1, 2}, .padding = {0, 1}});
      },
      {random_tensor({2, 7, 3}, 1), random_tensor({4, 3, 3}, 2), random_tensor({4}, 3)});
}

TEST_F(Operations, AConvolutionIsASumOverItsWindow) {
  const Tensor x = random_tensor({2, 5, 6, 3}, 1);
  const Tensor w = random_tensor({4, 3, 3, 2}, 2);
  const Tensor y = conv2d(x, w, {}, {.stride = {2, 1}, .padding = {1, 0}});
  ASSERT_EQ(y.shape(), (Shape{2, 3, 5, 4}));
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 5; ++j) {
        for (std::int64_t o = 0; o < 4; ++o) {
          double expected = 0.0;
          for (std::int64_t a = 0; a < 3; ++a) {
            const std::int64_t row = 2 * i + a - 1;
            if (row < 0 || row >= 5) continue;
            for (std::int64_t b = 0; b < 2; ++b) {
              for (std::int64_t c = 0; c < 3; ++c) {
                expected += static_cast<double>(x.data()[((n * 5 + row) * 6 + j + b) * 3 + c]) *
                            w.data()[((o * 3 + c) * 3 + a) * 2 + b];
              }
            }
          }
          ASSERT_NEAR(y.data()[((n * 3 + i) * 5 + j) * 4 + o], expected, 1e-4);
        }
      }
    }
  }
  EXPECT_THROW(conv2d(x, random_tensor({4, 2, 3, 2}, 2), {}), ShapeError);
  EXPECT_THROW(conv2d(x, random_tensor({4, 3, 9, 2}, 2), {}), ShapeError);
}

TEST_F(Operations, Pooling) {
  const Tensor x = apart({1, 5, 4, 3}, 1);
  const PoolingOptions options{.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}};
  expect_gradients([&](Tensors& t) { return max_pool2d(t[0], options); }, {x});
  expect_gradients([&](Tensors& t) { return average_pool2d(t[0], options); }, {x});
  expect_gradients([&](Tensors& t) { return global_average_pool(t[0]); }, {x});
  const Tensor y = max_pool2d(x);
  ASSERT_EQ(y.shape(), (Shape{1, 2, 2, 3}));
  EXPECT_EQ(y.data()[0], std::max({x.data()[0], x.data()[3], x.data()[12], x.data()[15]}));
  EXPECT_THROW(max_pool2d(x, {.kernel = {6, 6}}), ShapeError);
}

}  // namespace
}  // namespace marquee::tensor::autograd
