#include "text/words/word_vectors.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/training.h"

namespace marquee::text::words {

using base::Result;

namespace {

/// Rows that a thread looks at before it takes more.
constexpr std::size_t kScanRows = 2048;

bool is_better(const Neighbour& a, const Neighbour& b) {
  return a.score != b.score ? a.score > b.score : a.word < b.word;
}

/// The best few so far, the worst of them on top.
class BestWords {
 public:
  explicit BestWords(std::size_t most) : most_(most) {}
  void offer(Neighbour candidate) {
    if (best_.size() == most_ && !is_better(candidate, best_.front())) return;
    if (best_.size() == most_) {
      std::pop_heap(best_.begin(), best_.end(), is_better);
      best_.pop_back();
    }
    best_.push_back(candidate);
    std::push_heap(best_.begin(), best_.end(), is_better);
  }
  [[nodiscard]] const std::vector<Neighbour>& best() const { return best_; }

 private:
  std::size_t most_;
  std::vector<Neighbour> best_;
};

/// Whether comparing it with others can give no infinity: products of two are at most the longer one's square.
bool has_length(std::span<const float> values) {
  return std::isfinite(kernels::training_kernels().dot(values.data(), values.data(), values.size()));
}

float inverse_length(std::span<const float> values) {
  const float squares = kernels::training_kernels().dot(values.data(), values.data(), values.size());
  return squares > 0.0F ? 1.0F / std::sqrt(squares) : 0.0F;
}

}  // namespace

Result<WordVectors> WordVectors::create(WordTable words, RowMatrix vectors, std::optional<SubwordVectors> subwords) {
  if (words.size() == 0 || words.size() != vectors.rows()) {
    return base::invalid_argument("there are " + std::to_string(words.size()) + " words and " +
                                  std::to_string(vectors.rows()) + " vectors; there must be as many, and one at least");
  }
  if (vectors.columns() == 0 || vectors.columns() > kMaxDimensions ||
      (subwords && subwords->vectors().columns() != vectors.columns())) {
    return base::invalid_argument("vectors must have between 1 and " + std::to_string(kMaxDimensions) +
                                  " dimensions, those of n-grams as many as those of words");
  }
  WordVectors result;
  result.words_ = std::move(words);
  result.vectors_ = std::move(vectors);
  result.subwords_ = std::move(subwords);
  result.inverse_lengths_.resize(result.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto vector = result.vector(static_cast<std::int32_t>(i));
    if (!has_length(vector)) {
      return base::invalid_argument("the vector of word " + std::to_string(i) +
                                    " is not finite, or too long to compare");
    }
    result.inverse_lengths_[i] = inverse_length(vector);
  }
  return result;
}

bool WordVectors::look_up(std::string_view word, std::span<float> out) const {
  const std::int32_t id = find(word);
  if (id == WordTable::kNone) return subwords_ && subwords_->compose(word, out);
  const auto known = vector(id);
  std::copy(known.begin(), known.end(), out.begin());
  return true;
}

void WordVectors::add_direction(std::int32_t word, float weight, std::span<float> query) const {
  const auto at = static_cast<std::size_t>(word);
  kernels::training_kernels().add_scaled(weight * inverse_lengths_[at], vectors_.row(at), query.size(), query.data());
}

std::optional<std::vector<float>> WordVectors::mean(std::span<const std::string_view> words) const {
  std::vector<float> sum(dimensions(), 0.0F);
  std::vector<float> one(dimensions());
  std::size_t known = 0;
  for (const std::string_view word : words) {
    if (!look_up(word, one)) continue;
    kernels::training_kernels().add_scaled(inverse_length(one), one.data(), one.size(), sum.data());
    ++known;
  }
  if (known == 0) return std::nullopt;
  for (float& value : sum) value /= static_cast<float>(known);
  return sum;
}

float WordVectors::similarity(std::int32_t a, std::int32_t b) const {
  const auto x = static_cast<std::size_t>(a);
  const auto y = static_cast<std::size_t>(b);
  return kernels::training_kernels().dot(vectors_.row(x), vectors_.row(y), dimensions()) * inverse_lengths_[x] *
         inverse_lengths_[y];
}

std::int32_t WordVectors::odd_one_out(std::span<const std::int32_t> words) const {
  std::vector<float> middle(dimensions(), 0.0F);
  for (const std::int32_t word : words) add_direction(word, 1.0F, middle);
  const auto closeness = [&](std::int32_t word) {
    const auto at = static_cast<std::size_t>(word);
    return kernels::training_kernels().dot(vectors_.row(at), middle.data(), dimensions()) * inverse_lengths_[at];
  };
  return *std::min_element(words.begin(), words.end(), [&](auto a, auto b) { return closeness(a) < closeness(b); });
}

Result<void> WordVectors::check(const NearestOptions& options) const {
  if (options.top_k < 1) return base::invalid_argument("top_k must be at least 1", "top_k");
  return {};
}

Result<void> WordVectors::check(std::span<const std::int32_t> words) const {
  for (const std::int32_t word : words) {
    if (word < 0 || static_cast<std::size_t>(word) >= size()) {
      return base::invalid_argument("there is no word " + std::to_string(word));
    }
  }
  return {};
}

template <typename Score>
std::vector<Neighbour> WordVectors::scan(const NearestOptions& options, base::ThreadPool& pool,
                                         const Score& score) const {
  const std::size_t rows = options.most_frequent == 0 ? size() : std::min(size(), options.most_frequent);
  std::vector<std::int32_t> excluded(options.excluded.begin(), options.excluded.end());
  std::sort(excluded.begin(), excluded.end());
  const std::size_t top = std::min(options.top_k, rows);
  std::vector<std::vector<Neighbour>> found((rows + kScanRows - 1) / kScanRows);
  pool.parallel_for(found.size(), [&](std::size_t block) {
    BestWords best(top);
    const std::size_t end = std::min(rows, (block + 1) * kScanRows);
    for (std::size_t row = block * kScanRows; row < end; ++row) {
      const auto word = static_cast<std::int32_t>(row);
      if (!std::binary_search(excluded.begin(), excluded.end(), word)) best.offer({word, score(row)});
    }
    found[block] = best.best();
  });
  std::vector<Neighbour> all;
  for (const auto& block : found) all.insert(all.end(), block.begin(), block.end());
  std::sort(all.begin(), all.end(), is_better);
  if (all.size() > top) all.resize(top);
  return all;
}

Result<std::vector<Neighbour>> WordVectors::nearest(std::span<const float> query, const NearestOptions& options,
                                                    base::ThreadPool& pool) const {
  MARQUEE_CHECK(check(options));
  if (query.size() != dimensions()) {
    return base::invalid_argument("the vector has " + std::to_string(query.size()) + " values where these have " +
                                  std::to_string(dimensions()));
  }
  if (!has_length(query)) return base::invalid_argument("the vector is not finite, or too long to compare", "vector");
  const float scale = inverse_length(query);
  const auto& kernels = kernels::training_kernels();
  return scan(options, pool, [&](std::size_t row) {
    return kernels.dot(vectors_.row(row), query.data(), query.size()) * inverse_lengths_[row] * scale;
  });
}

Result<std::vector<Neighbour>> WordVectors::solve(const Analogy& analogy, const NearestOptions& options,
                                                  base::ThreadPool& pool) const {
  MARQUEE_CHECK(check(analogy.positive));
  MARQUEE_CHECK(check(analogy.negative));
  MARQUEE_CHECK(check(options));
  if (analogy.positive.empty()) return base::invalid_argument("an analogy needs a positive word", "positive");
  std::vector<std::int32_t> excluded(options.excluded.begin(), options.excluded.end());
  excluded.insert(excluded.end(), analogy.positive.begin(), analogy.positive.end());
  excluded.insert(excluded.end(), analogy.negative.begin(), analogy.negative.end());
  NearestOptions without = options;
  without.excluded = excluded;
  if (analogy.method == AnalogyMethod::kAdd) {
    std::vector<float> query(dimensions(), 0.0F);
    for (const std::int32_t word : analogy.positive) add_direction(word, 1.0F, query);
    for (const std::int32_t word : analogy.negative) add_direction(word, -1.0F, query);
    return nearest(query, without, pool);
  }
  const auto& kernels = kernels::training_kernels();
  const auto shifted = [&](std::size_t row, std::int32_t word) {
    const auto other = static_cast<std::size_t>(word);
    return 0.5F * (1.0F + kernels.dot(vectors_.row(row), vectors_.row(other), dimensions()) * inverse_lengths_[row] *
                              inverse_lengths_[other]);
  };
  return scan(without, pool, [&](std::size_t row) {
    float product = 1.0F;
    for (const std::int32_t word : analogy.positive) product *= shifted(row, word);
    for (const std::int32_t word : analogy.negative) product /= shifted(row, word) + 1e-6F;
    return product;
  });
}

}  // namespace marquee::text::words
