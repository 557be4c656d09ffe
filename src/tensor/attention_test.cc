#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "kernels/half.h"
#include "tensor/ops.h"

namespace marquee::tensor {
namespace {

using kernels::DType;

struct Shape {
  std::int32_t heads = 1;
  std::int32_t kv_heads = 1;
  std::int32_t head_dim = 16;
  std::int32_t tokens = 1;
  std::int32_t window = 0;
  float soft_cap = 0.0F;
  DType dtype = DType::kF32;
};

/// One sequence with random keys, values and queries, its pages scattered over a pool full of NaN.
struct Sequence {
  Shape shape;
  std::unique_ptr<KvPool> pool;
  std::vector<std::int32_t> pages;
  std::vector<AttentionRow> rows;
  std::vector<float> q, k, v;

  explicit Sequence(const Shape& wanted, unsigned seed = 1) : shape(wanted) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& values, std::int32_t heads) {
      values.resize(static_cast<std::size_t>(shape.tokens * heads * shape.head_dim));
      for (auto& value : values) value = normal(random);
    };
    fill(q, shape.heads);
    fill(k, shape.kv_heads);
    fill(v, shape.kv_heads);
    const std::int32_t page_count = (shape.tokens + kKvPageTokens - 1) / kKvPageTokens;
    auto created = KvPool::create({2, shape.kv_heads, shape.head_dim, shape.dtype}, page_count + 3);
    EXPECT_TRUE(created);
    pool = std::move(created).value();
    std::memset(pool->keys(0, 0, 0), 0xFF, pool->layout().page_bytes() * static_cast<std::size_t>(page_count + 3));
    for (std::int32_t page = 0; page < page_count; ++page) pages.push_back(*pool->allocate());
    std::shuffle(pages.begin(), pages.end(), random);
    for (std::int32_t token = 0; token < shape.tokens; ++token) rows.push_back({pages, token});
    EXPECT_TRUE(write_kv(*pool, 1, rows, matrix(k, shape.kv_heads), matrix(v, shape.kv_heads)));
  }

  [[nodiscard]] ConstMatrix matrix(const std::vector<float>& values, std::int32_t heads) const {
    return {values.data(), static_cast<std::size_t>(shape.tokens), static_cast<std::size_t>(heads * shape.head_dim)};
  }
  [[nodiscard]] AttentionParams params() const {
    return {1, shape.heads, 1.0F / std::sqrt(static_cast<float>(shape.head_dim)), shape.soft_cap, shape.window};
  }
  /// What the cache gives back of one head's keys or values. @shape head: [head_dim]
  [[nodiscard]] double stored(const float* head, std::int32_t d) const {
    if (shape.dtype == DType::kF16) return kernels::f16_to_f32(kernels::f32_to_f16(head[d]));
    if (shape.dtype == DType::kF32) return head[d];
    float largest = 0.0F;
    for (std::int32_t i = 0; i < shape.head_dim; ++i) largest = std::max(largest, std::fabs(head[i]));
    return std::nearbyint(head[d] * (127.0F / largest)) * (largest / 127.0F);
  }

  /// One query's result in double precision.
  [[nodiscard]] std::vector<double> expected(std::int32_t token, std::int32_t head) const {
    const std::int32_t kv = head / (shape.heads / shape.kv_heads);
    const std::int32_t first = shape.window > 0 ? std::max(0, token - shape.window + 1) : 0;
    const auto at = [&](const std::vector<float>& values, std::int32_t heads, std::int32_t row, std::int32_t h) {
      return values.data() + static_cast<std::size_t>((row * heads + h) * shape.head_dim);
    };
    std::vector<double> scores;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int32_t past = first; past <= token; ++past) {
      double dot = 0.0;
      for (std::int32_t d = 0; d < shape.head_dim; ++d) {
        dot += at(q, shape.heads, token, head)[d] * stored(at(k, shape.kv_heads, past, kv), d);
      }
      dot *= params().scale;
      if (shape.soft_cap > 0.0F) dot = shape.soft_cap * std::tanh(dot / shape.soft_cap);
      scores.push_back(dot);
      largest = std::max(largest, dot);
    }
    double total = 0.0;
    for (auto& score : scores) total += score = std::exp(score - largest);
    std::vector<double> result(static_cast<std::size_t>(shape.head_dim));
    for (std::int32_t past = first; past <= token; ++past) {
      for (std::int32_t d = 0; d < shape.head_dim; ++d) {
        result[static_cast<std::size_t>(d)] +=
            scores[static_cast<std::size_t>(past - first)] / total * stored(at(v, shape.kv_heads, past, kv), d);
      }
    }
    return result;
  }
};

void expect_correct(const Sequence& sequence, ConstMatrix out) {
  const Shape& shape = sequence.shape;
  for (std::int32_t token = 0; token < shape.tokens; ++token) {
    for (std::int32_t head = 0; head < shape.heads; ++head) {
      const auto expected = sequence.expected(token, head);
      for (std::int32_t d = 0; d < shape.head_dim; ++d) {
        ASSERT_NEAR(out.row(static_cast<std::size_t>(token))[head * shape.head_dim + d],
                    expected[static_cast<std::size_t>(d)], 3e-6)
            << "token " << token << " head " << head << " dimension " << d;
      }
    }
  }
}

class AttentionShapes : public testing::TestWithParam<Shape> {};

TEST_P(AttentionShapes, MatchDoublePrecision) {
  const Sequence sequence(GetParam());
  base::ThreadPool pool(2);
  ComputeContext context{pool};
  std::vector<float> out(sequence.q.size(), NAN);
  const ConstMatrix q = sequence.matrix(sequence.q, GetParam().heads);
  const Matrix result(out.data(), q.rows, q.cols);
  const auto done = attention(context, *sequence.pool, sequence.params(), sequence.rows, q, result);
  ASSERT_TRUE(done) << done.error().message;
  expect_correct(sequence, result);
}

TEST_P(AttentionShapes, GiveARowTheSameBitsAloneAndTogether) {
  const Sequence sequence(GetParam());
  const ConstMatrix q = sequence.matrix(sequence.q, GetParam().heads);
  base::ThreadPool one(1);
  base::ThreadPool three(3);
  ComputeContext context{three};
  std::vector<float> together(sequence.q);  // in place: out may alias q
  const Matrix all(together.data(), q.rows, q.cols);
  ASSERT_TRUE(attention(context, *sequence.pool, sequence.params(), sequence.rows, all, all));
  for (std::size_t row = 0; row < q.rows; ++row) {
    ComputeContext alone{one};
    std::vector<float> out(q.cols);
    ASSERT_TRUE(attention(alone, *sequence.pool, sequence.params(), {&sequence.rows[row], 1}, q.slice_rows(row, 1),
                          {out.data(), 1, q.cols}));
    ASSERT_EQ(std::memcmp(out.data(), all.row(row), out.size() * sizeof(float)), 0) << "row " << row;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, AttentionShapes,
    testing::Values(Shape{1, 1, 16, 1}, Shape{4, 4, 16, 40}, Shape{9, 3, 64, 150, 0, 0.0F, DType::kF16},
                    Shape{4, 2, 20, 70}, Shape{4, 2, 20, 70, 0, 0.0F, DType::kF16}, Shape{2, 1, 80, 33},
                    Shape{2, 1, 96, 33, 0, 0.0F, DType::kF16}, Shape{6, 2, 128, 81, 0, 0.0F, DType::kF16},
                    Shape{2, 1, 256, 65, 0, 0.0F, DType::kF16}, Shape{4, 1, 8, 100, 24}, Shape{4, 2, 64, 150, 64},
                    Shape{4, 2, 64, 90, 1, 0.0F, DType::kF16}, Shape{4, 2, 32, 90, 0, 5.0F},
                    Shape{11, 1, 24, 50, 17, 30.0F, DType::kF16}, Shape{9, 3, 64, 70, 0, 0.0F, DType::kI8},
                    Shape{4, 2, 20, 40, 7, 5.0F, DType::kI8}, Shape{20, 2, 1, 35},
                    // Longer than one piece of the softmax, with windows that begin inside one.
                    Shape{3, 1, 16, 600}, Shape{4, 2, 16, 800, 300, 0.0F, DType::kF16}, Shape{30, 1, 8, 300}));

TEST(Attention, ServesManySequencesInOneCall) {
  const Sequence long_one({4, 2, 32, 100}, 1);
  base::ThreadPool pool(3);
  ComputeContext context{pool};
  // Two sequences in one cache: the second holds a copy of the first's last page.
  Sequence shared({4, 2, 32, 100}, 1);
  std::vector<std::int32_t> fork = shared.pages;
  auto created = KvPool::create({2, 2, 32, DType::kF32}, 32);
  ASSERT_TRUE(created);
  shared.pool = std::move(created).value();
  for (auto& page : shared.pages) page = *shared.pool->allocate();
  for (auto& row : shared.rows) row.pages = shared.pages;
  ASSERT_TRUE(write_kv(*shared.pool, 1, shared.rows, shared.matrix(shared.k, 2), shared.matrix(shared.v, 2)));
  fork = shared.pages;
  fork.back() = *shared.pool->clone(fork.back());
  const std::vector<AttentionRow> rows = {{shared.pages, 99}, {fork, 99}, {shared.pages, 3}, {fork, 50}};
  std::vector<float> q;
  for (const std::size_t token : {99U, 99U, 3U, 50U}) {
    q.insert(q.end(), shared.q.begin() + static_cast<std::ptrdiff_t>(token * 128),
             shared.q.begin() + static_cast<std::ptrdiff_t>((token + 1) * 128));
  }
  std::vector<float> out(q.size());
  ASSERT_TRUE(attention(context, *shared.pool, shared.params(), rows, {q.data(), 4, 128}, {out.data(), 4, 128}));
  const std::int32_t tokens[] = {99, 99, 3, 50};
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::int32_t head = 0; head < 4; ++head) {
      const auto expected = long_one.expected(tokens[row], head);
      for (std::size_t d = 0; d < 32; ++d) {
        ASSERT_NEAR(out[row * 128 + static_cast<std::size_t>(head) * 32 + d], expected[d], 3e-6);
      }
    }
  }
}

TEST(Attention, RefusesWhatDoesNotFit) {
  Sequence sequence({4, 2, 16, 20});
  base::ThreadPool pool(1);
  ComputeContext context{pool};
  std::vector<float> out(sequence.q.size());
  const ConstMatrix q = sequence.matrix(sequence.q, 4);
  const Matrix result(out.data(), q.rows, q.cols);
  const auto call = [&](const AttentionParams& params, std::span<const AttentionRow> rows, ConstMatrix queries) {
    const auto done = attention(context, *sequence.pool, params, rows, queries, result);
    return done ? std::string() : done.error().message;
  };
  auto params = sequence.params();
  EXPECT_EQ(call(params, sequence.rows, q), "");
  params.heads = 3;
  EXPECT_NE(call(params, sequence.rows, q), "");
  params = sequence.params();
  params.layer = 2;
  EXPECT_NE(call(params, sequence.rows, q), "");
  params = sequence.params();
  EXPECT_NE(call(params, std::span(sequence.rows).first(3), q), "");
  EXPECT_NE(call(params, sequence.rows, q.slice_cols(0, 48)), "");
  sequence.rows[5].position = 32;
  EXPECT_NE(call(params, sequence.rows, q).find("position 32 is beyond the 2 pages"), std::string::npos);
  sequence.rows[5].position = -1;
  EXPECT_NE(call(params, sequence.rows, q), "");
  const std::vector<std::int32_t> missing = {0, 99};
  sequence.rows[5] = {missing, 17};
  EXPECT_NE(call(params, sequence.rows, q).find("page 99"), std::string::npos);
  EXPECT_FALSE(
      write_kv(*sequence.pool, 2, sequence.rows, sequence.matrix(sequence.k, 2), sequence.matrix(sequence.v, 2)));
  EXPECT_FALSE(
      write_kv(*sequence.pool, 0, sequence.rows, sequence.matrix(sequence.k, 2), sequence.matrix(sequence.v, 2)));
}

}  // namespace
}  // namespace marquee::tensor
