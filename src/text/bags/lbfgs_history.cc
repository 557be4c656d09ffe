#include "text/bags/lbfgs_history.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace marquee::text::bags {
namespace {

constexpr std::size_t kPiece = 8192;

double dot_of_piece(const double* a, const double* b, std::size_t size) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < size; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b, base::ThreadPool& pool) {
  const std::size_t pieces = (a.size() + kPiece - 1) / kPiece;
  std::vector<double> sums(pieces);
  pool.parallel_for(pieces, [&](std::size_t piece) {
    const std::size_t begin = piece * kPiece;
    sums[piece] = dot_of_piece(a.data() + begin, b.data() + begin, std::min(kPiece, a.size() - begin));
  });
  double sum = 0.0;
  for (const double part : sums) sum += part;
  return sum;
}

void add_scaled(double factor, std::span<const double> x, std::span<double> y, base::ThreadPool& pool) {
  pool.parallel_for((x.size() + kPiece - 1) / kPiece, [&](std::size_t piece) {
    const std::size_t end = std::min(x.size(), (piece + 1) * kPiece);
    for (std::size_t i = piece * kPiece; i < end; ++i) y[i] += factor * x[i];
  });
}

void LbfgsHistory::note(std::vector<double> step, std::vector<double> gradient_change) {
  const double curvature = dot(step, gradient_change, pool_);
  const double change = dot(gradient_change, gradient_change, pool_);
  if (!(curvature > std::numeric_limits<double>::epsilon() * change)) return;
  scale_ = curvature / change;
  if (pairs_.size() == kPairs) pairs_.erase(pairs_.begin());
  pairs_.push_back({std::move(step), std::move(gradient_change), 1.0 / curvature});
}

std::vector<double> LbfgsHistory::direction(std::span<const double> gradient) const {
  std::vector<double> result(gradient.begin(), gradient.end());
  std::vector<double> factors(pairs_.size());
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    factors[i] = pairs_[i].inverse_curvature * dot(pairs_[i].step, result, pool_);
    add_scaled(-factors[i], pairs_[i].change, result, pool_);
  }
  if (!pairs_.empty()) {
    for (double& value : result) value *= scale_;
  }
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const double back = pairs_[i].inverse_curvature * dot(pairs_[i].change, result, pool_);
    add_scaled(factors[i] - back, pairs_[i].step, result, pool_);
  }
  for (double& value : result) value = -value;
  return result;
}

}  // namespace marquee::text::bags
