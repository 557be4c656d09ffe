#include "text/words/subword_vectors.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "kernels/training.h"

namespace marquee::text::words {

using base::Result;

namespace {
/// So that sums of n-grams, and products of them, stay finite.
constexpr float kLargestValue = 1e12F;
}  // namespace

Result<void> check_subword_settings(const SubwordSettings& settings) {
  if (settings.max_length < 0 || settings.max_length > 20) {
    return base::invalid_argument("max_length of n-grams must lie between 0 and 20", "subwords.max_length");
  }
  if (settings.max_length > 0 && (settings.min_length < 1 || settings.min_length > settings.max_length)) {
    return base::invalid_argument("min_length of n-grams must lie between 1 and max_length", "subwords.min_length");
  }
  if (settings.buckets < 1 || settings.buckets > 0x7FFFFFFFU) {
    return base::invalid_argument("buckets must lie between 1 and 2^31 - 1", "subwords.buckets");
  }
  return {};
}

Result<SubwordVectors> SubwordVectors::create(const SubwordSettings& settings, std::vector<std::uint32_t> buckets,
                                              RowMatrix vectors) {
  MARQUEE_CHECK(check_subword_settings(settings));
  if (buckets.size() != vectors.rows()) return base::corrupt("there are not as many vectors as buckets of n-grams");
  if (std::adjacent_find(buckets.begin(), buckets.end(), std::greater_equal<>()) != buckets.end()) {
    return base::corrupt("buckets of n-grams do not rise");
  }
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    const float* row = vectors.row(i);
    if (!std::all_of(row, row + vectors.columns(), [](float value) { return std::fabs(value) < kLargestValue; })) {
      return base::invalid_argument("the vector of n-gram " + std::to_string(i) + " is not finite, or far too long");
    }
  }
  SubwordVectors subwords;
  subwords.settings_ = settings;
  subwords.buckets_ = std::move(buckets);
  subwords.vectors_ = std::move(vectors);
  return subwords;
}

bool SubwordVectors::compose(std::string_view word, std::span<float> out) const {
  std::fill(out.begin(), out.end(), 0.0F);
  std::vector<std::uint32_t> wanted;
  append_ngram_buckets(word, settings_, wanted);
  const auto& kernels = kernels::training_kernels();
  std::size_t found = 0;
  for (const std::uint32_t bucket : wanted) {
    const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), bucket);
    if (at == buckets_.end() || *at != bucket) continue;
    kernels.add_scaled(1.0F, vectors_.row(static_cast<std::size_t>(at - buckets_.begin())), out.size(), out.data());
    ++found;
  }
  if (found == 0) return false;
  for (float& value : out) value /= static_cast<float>(found);
  return true;
}

}  // namespace marquee::text::words
