#include "tensor/bidirectional_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/random_floats_test.h"

namespace marquee::tensor {
namespace {

/// Softmax over all rows of the text, in double.
std::vector<float> plain_attention(const BidirectionalParams& params, const TextRows& text, ConstMatrix qkv) {
  const auto heads = static_cast<std::size_t>(params.heads);
  const auto dim = static_cast<std::size_t>(params.head_dim);
  std::vector<float> out(text.count * heads * dim);
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t i = 0; i < text.count; ++i) {
      std::vector<double> weights(text.count);
      const float* q = qkv.row(text.first + i) + head * dim;
      double largest = -INFINITY;
      for (std::size_t j = 0; j < text.count; ++j) {
        const float* k = qkv.row(text.first + j) + (heads + head) * dim;
        double score = 0.0;
        for (std::size_t d = 0; d < dim; ++d) score += static_cast<double>(q[d]) * k[d];
        weights[j] = score * params.scale;
        largest = std::max(largest, weights[j]);
      }
      double total = 0.0;
      for (double& weight : weights) total += weight = std::exp(weight - largest);
      for (std::size_t d = 0; d < dim; ++d) {
        double sum = 0.0;
        for (std::size_t j = 0; j < text.count; ++j) {
          sum += weights[j] * qkv.row(text.first + j)[(2 * heads + head) * dim + d];
        }
        out[(i * heads + head) * dim + d] = static_cast<float>(sum / total);
      }
    }
  }
  return out;
}

struct Setting {
  BidirectionalParams params;
  std::vector<std::size_t> lengths;
};

TEST(BidirectionalAttention, IsSoftmaxOverTheWholeText) {
  const std::vector<Setting> settings = {{{1, 1, 1.0F}, {1}},
                                         {{2, 8, 0.5F}, {1, 15, 16, 17}},
                                         {{3, 32, 0.17F}, {64, 3, 65, 130}},
                                         {{2, 20, 0.2F}, {24, 25, 49}}};
  for (const Setting& setting : settings) {
    std::vector<TextRows> texts;
    std::size_t rows = 0;
    for (const std::size_t length : setting.lengths) {
      texts.push_back({rows, length});
      rows += length;
    }
    const auto width = static_cast<std::size_t>(setting.params.heads * setting.params.head_dim);
    const std::vector<float> qkv = random_floats(rows * 3 * width, 7);
    std::vector<float> out(rows * width, NAN);
    base::ThreadPool pool(2);
    const ConstMatrix x(qkv.data(), rows, 3 * width);
    ASSERT_TRUE(bidirectional_attention(pool, setting.params, texts, x, {out.data(), rows, width}));
    for (const TextRows& text : texts) {
      const auto expected = plain_attention(setting.params, text, x);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(out[text.first * width + i], expected[i], 2e-6) << "a text of " << text.count << ", value " << i;
      }
    }
  }
}

TEST(BidirectionalAttention, NeighboursDoNotShow) {
  const BidirectionalParams params{2, 16, 0.25F};
  const std::size_t rows = 90;
  const std::vector<float> qkv = random_floats(rows * 96, 9);
  const ConstMatrix x(qkv.data(), rows, 96);
  base::ThreadPool one(1);
  base::ThreadPool three(3);
  std::vector<float> together(rows * 32);
  const std::vector<TextRows> texts = {{0, 33}, {33, 40}, {73, 17}};
  ASSERT_TRUE(bidirectional_attention(three, params, texts, x, {together.data(), rows, 32}));
  std::vector<float> alone(40 * 32);
  const TextRows whole{0, 40};
  ASSERT_TRUE(bidirectional_attention(one, params, {&whole, 1}, x.slice_rows(33, 40), {alone.data(), 40, 32}));
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + 33 * 32));
}

TEST(BidirectionalAttention, RefusesWhatDoesNotFit) {
  base::ThreadPool pool(1);
  std::vector<float> qkv(4 * 12);
  std::vector<float> out(4 * 4);
  const ConstMatrix x(qkv.data(), 4, 12);
  const Matrix y(out.data(), 4, 4);
  const TextRows past{2, 3};
  EXPECT_FALSE(bidirectional_attention(pool, {1, 4, 1.0F}, {&past, 1}, x, y));
  const TextRows far{static_cast<std::size_t>(-1), 2};
  EXPECT_FALSE(bidirectional_attention(pool, {1, 4, 1.0F}, {&far, 1}, x, y));
  EXPECT_FALSE(bidirectional_attention(pool, {0, 4, 1.0F}, {}, x, y));
  EXPECT_FALSE(bidirectional_attention(pool, {2, 4, 1.0F}, {}, x, y));
  EXPECT_TRUE(bidirectional_attention(pool, {1, 4, 1.0F}, {}, x, y));
}

}  // namespace
}  // namespace marquee::tensor
