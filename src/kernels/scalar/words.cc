#include "kernels/words.h"

#include <algorithm>
#include <cmath>

#include "kernels/word_tables.h"

namespace marquee::kernels {
namespace scalar {
namespace {

void logistic_step(const LogisticStep& step) {
  float gains[kMaxLogisticTargets];
  for (std::size_t t = 0; t < step.targets; ++t) {
    float score = 0.0F;
    for (std::size_t i = 0; i < step.count; ++i) score += step.input[i] * step.rows[t][i];
    step.scores[t] = score;
    gains[t] = step.rate * (step.labels[t] - 1.0F / (1.0F + std::exp(-score)));
  }
  for (std::size_t i = 0; i < step.count; ++i) {
    const float before = step.input[i];
    float after = before;
    for (std::size_t t = 0; t < step.targets; ++t) {
      after += gains[t] * step.rows[t][i];
      step.rows[t][i] += gains[t] * before;
    }
    step.input[i] = after;
  }
}

void pair_step(const PairStep& step) {
  for (std::size_t i = 0; i < step.count; ++i) {
    const float of_a = std::clamp(step.error * step.b[i], -step.clip, step.clip);
    const float of_b = std::clamp(step.error * step.a[i], -step.clip, step.clip);
    step.a[i] -= of_a / std::sqrt(step.a_squares[i]);
    step.b[i] -= of_b / std::sqrt(step.b_squares[i]);
    step.a_squares[i] += of_a * of_a;
    step.b_squares[i] += of_b * of_b;
  }
}

}  // namespace
}  // namespace scalar

const WordKernels kScalarWordKernels = {scalar::logistic_step, scalar::pair_step};

}  // namespace marquee::kernels
