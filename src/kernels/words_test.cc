#include "kernels/words.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/isa_test.h"
#include "kernels/training.h"

namespace marquee::kernels {
namespace {

/// Every kernel beside its scalar twin, over odd counts and misaligned memory.
class Words : public IsaTest {
 protected:
  [[nodiscard]] const WordKernels& wide() const { return *word_kernels_for(GetParam()); }

  /// body(kernels, count, out) by both; out begins with random values.
  void compare(float tolerance, const std::function<void(const WordKernels&, std::size_t, Misaligned&)>& body) const {
    for (const std::size_t count : {1U, 2U, 7U, 15U, 16U, 17U, 31U, 33U, 64U, 65U, 100U, 577U}) {
      for (const std::size_t offset : {0U, 1U, 3U}) {
        Misaligned expected(count, offset, 5);
        Misaligned actual = expected;
        body(*word_kernels_for(Isa::kScalar), count, expected);
        body(wide(), count, actual);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_NEAR(actual[i], expected[i], tolerance * (1.0F + std::fabs(expected[i]))) << i << " of " << count;
        }
        ASSERT_TRUE(actual.surroundings_intact()) << count << " values";
      }
    }
  }
};

Misaligned above_zero(std::size_t count, unsigned seed) {
  Misaligned values(count, 1, seed);
  for (std::size_t i = 0; i < count; ++i) values[i] = 0.05F + std::fabs(values[i]);
  return values;
}

TEST_P(Words, LogisticSteps) {
  for (const std::size_t targets : {1U, 2U, 5U, 6U, 7U, 8U, 9U, 16U, 17U, 64U}) {
    compare(5e-6F, [&](const WordKernels& k, std::size_t count, Misaligned& input) {
      std::vector<Misaligned> rows;
      std::vector<float*> pointers;
      std::vector<float> labels(targets, 0.0F);
      std::vector<float> scores(targets);
      labels[targets / 2] = 1.0F;
      const float spread = 1.0F / std::sqrt(static_cast<float>(count));
      for (std::size_t t = 0; t < targets; ++t) rows.emplace_back(count, t % 5, 30 + static_cast<unsigned>(t), spread);
      for (Misaligned& row : rows) pointers.push_back(row.data());
      if (targets > 2) pointers[1] = pointers[2];  // the same row twice
      const float before = training_kernels_for(Isa::kScalar)->dot(input.data(), pointers[0], count);
      k.logistic_step({count, input.data(), targets, pointers.data(), labels.data(), 0.05F, scores.data()});
      ASSERT_NEAR(scores[0], before, 1e-4F);
      for (const Misaligned& row : rows) {
        ASSERT_TRUE(row.surroundings_intact());
        for (std::size_t i = 0; i < count; ++i) input[i] += row[i];  // so that rows are compared as well
      }
    });
  }
}

TEST_P(Words, ALogisticStepMovesTowardsItsLabels) {
  Misaligned input(100, 1, 5, 0.3F);
  Misaligned rows[] = {Misaligned(100, 0, 6, 0.3F), Misaligned(100, 2, 7, 0.3F)};
  float* const pointers[] = {rows[0].data(), rows[1].data()};
  const float labels[] = {1.0F, 0.0F};
  float scores[2];
  for (int i = 0; i < 200; ++i) wide().logistic_step({100, input.data(), 2, pointers, labels, 0.1F, scores});
  EXPECT_GT(scores[0], 2.0F);
  EXPECT_LT(scores[1], -2.0F);
}

TEST_P(Words, PairSteps) {
  for (const float clip : {0.05F, 100.0F}) {
    for (const int which : {0, 1, 2, 3}) {
      compare(3e-6F, [&](const WordKernels& k, std::size_t count, Misaligned& out) {
        Misaligned a(count, 1, 40);
        Misaligned b(count, 2, 41);
        Misaligned a_squares = above_zero(count, 42);
        Misaligned b_squares = above_zero(count, 43);
        k.pair_step({count, 0.07F, clip, a.data(), a_squares.data(), b.data(), b_squares.data()});
        const Misaligned* rows[] = {&a, &b, &a_squares, &b_squares};
        for (const Misaligned* row : rows) ASSERT_TRUE(row->surroundings_intact());
        for (std::size_t i = 0; i < count; ++i) out[i] = (*rows[which])[i];
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Words, testing::ValuesIn(kIsas), isa_name);

}  // namespace
}  // namespace marquee::kernels
