#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/words/cooccurrence.h"
#include "text/words/training_hooks.h"
#include "text/words/vocabulary.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {

/// What the reference implementation calls by these names, with its defaults.
struct GloveSettings {
  int dimensions = 100;  ///< in [1, 4096]
  int epochs = 25;       ///< in [1, 10000]
  float rate = 0.05F;    ///< AdaGrad's, in (0, 1]
  float clip = 100.0F;   ///< no gradient is larger; above 0
  std::uint64_t seed = 1;
};

/// Learns vectors whose products are the logarithms of how often words stand near each other; a word's vector is the
/// sum of what it has as a word and as a neighbour. One thread gives the same bits for the same seed, several do not
/// (as Word2Vec). Needs memory for 4 · words · dimensions values and one shard.
/// @source Pennington, Socher and Manning, "GloVe: Global Vectors for Word Representation", 2014
class Glove {
 public:
  /// @param vocabulary, pairs  must outlive it
  /// @error kInvalidArgument by field, or if they do not belong together; kResourceExhausted
  static base::Result<Glove> create(const Vocabulary& vocabulary, const CooccurrenceShards& pairs,
                                    const GloveSettings& settings);
  Glove(Glove&&) noexcept;
  Glove& operator=(Glove&&) noexcept;
  ~Glove();

  /// Goes on from where it is: to the end, or by about so many pieces of kPiecePairs pairs.
  /// @error kCancelled (what was learnt stays, and it may go on); kIo
  base::Result<void> train(base::ThreadPool& pool, const TrainingHooks& hooks = {},
                           std::uint64_t max_pieces = ~std::uint64_t{0});
  static constexpr std::uint64_t kPiecePairs = 8192;
  [[nodiscard]] bool is_finished() const;
  /// Pieces done, of all epochs, and how many there are.
  [[nodiscard]] std::uint64_t position() const;
  [[nodiscard]] std::uint64_t pieces() const;

  /// As Word2Vec's. @error kIo
  base::Result<void> save_state(const std::filesystem::path& path) const;
  /// @error kNotFound, kIo, kCorrupt; kFailedPrecondition if it was saved with other settings or on another text
  base::Result<void> load_state(const std::filesystem::path& path);

  /// A copy of what was learnt so far. @error kInvalidArgument if training diverged (its rate was too large)
  [[nodiscard]] base::Result<WordVectors> vectors() const;

 private:
  struct Impl;
  explicit Glove(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquee::text::words
