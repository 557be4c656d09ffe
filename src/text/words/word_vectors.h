#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/words/row_matrix.h"
#include "text/words/subword_vectors.h"
#include "text/words/word_table.h"

namespace marquee::text::words {

constexpr std::size_t kMaxDimensions = 4096;

struct Neighbour {
  std::int32_t word = 0;
  float score = 0.0F;
};

struct NearestOptions {
  std::size_t top_k = 10;                       ///< at least 1
  std::span<const std::int32_t> excluded = {};  ///< words that are no answer
  std::size_t most_frequent = 0;                ///< if not 0: only words with numbers below are looked at
};

/// "man is to king as woman is to ?"
enum class AnalogyMethod : std::uint8_t {
  kAdd,       ///< 3CosAdd: nearest to the sum. @source arXiv:1301.3781
  kMultiply,  ///< 3CosMul: similarities multiplied and divided. @source Levy and Goldberg 2014
};

struct Analogy {
  std::span<const std::int32_t> positive;  ///< king, woman
  std::span<const std::int32_t> negative;  ///< man
  AnalogyMethod method = AnalogyMethod::kAdd;
};

/// Words and their vectors, for questions about who is near whom. Answers are exact; the same question has the same
/// answer however many threads look. Thread-safe but for the pool, which is one caller's at a time.
class WordVectors {
 public:
  /// @shape vectors: [words.size(), dimensions], all of them finite
  /// @error kInvalidArgument if sizes differ or there are none
  static base::Result<WordVectors> create(WordTable words, RowMatrix vectors,
                                          std::optional<SubwordVectors> subwords = std::nullopt);

  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] std::size_t dimensions() const { return vectors_.columns(); }
  [[nodiscard]] std::int32_t find(std::string_view word) const { return words_.find(word); }
  [[nodiscard]] std::string_view word(std::int32_t id) const { return words_.word(id); }
  [[nodiscard]] std::span<const float> vector(std::int32_t id) const {
    return {vectors_.row(static_cast<std::size_t>(id)), dimensions()};
  }
  /// All vectors, by the numbers of words.
  [[nodiscard]] const RowMatrix& rows() const { return vectors_; }
  [[nodiscard]] const std::optional<SubwordVectors>& subwords() const { return subwords_; }

  /// A word's vector, made of its n-grams if it is not among the words. @shape out: [dimensions()]
  /// @return false if nothing is known of it
  bool look_up(std::string_view word, std::span<float> out) const;
  /// The mean of the vectors of those words that are known, each of length 1 first: what a text is about.
  /// @return nothing if none is known
  [[nodiscard]] std::optional<std::vector<float>> mean(std::span<const std::string_view> words) const;
  /// The cosine; 0 if one of them has no length.
  [[nodiscard]] float similarity(std::int32_t a, std::int32_t b) const;
  /// The one that is farthest from the mean of all. @param words at least one
  [[nodiscard]] std::int32_t odd_one_out(std::span<const std::int32_t> words) const;

  /// The words whose vectors have the greatest cosine with the query, best first; of equals the more frequent first.
  /// @shape query: [dimensions()]  @error kInvalidArgument
  base::Result<std::vector<Neighbour>> nearest(std::span<const float> query, const NearestOptions& options,
                                               base::ThreadPool& pool) const;
  /// The same of an analogy; its own words are no answer either. @error kInvalidArgument
  base::Result<std::vector<Neighbour>> solve(const Analogy& analogy, const NearestOptions& options,
                                             base::ThreadPool& pool) const;

 private:
  WordVectors() = default;
  [[nodiscard]] base::Result<void> check(const NearestOptions& options) const;
  [[nodiscard]] base::Result<void> check(std::span<const std::int32_t> words) const;
  /// query += weight · the vector of a word, of length 1
  void add_direction(std::int32_t word, float weight, std::span<float> query) const;
  template <typename Score>
  [[nodiscard]] std::vector<Neighbour> scan(const NearestOptions& options, base::ThreadPool& pool,
                                            const Score& score) const;

  WordTable words_;
  RowMatrix vectors_;
  std::vector<float> inverse_lengths_;  ///< 0 for a vector of zeros
  std::optional<SubwordVectors> subwords_;
};

}  // namespace marquee::text::words
