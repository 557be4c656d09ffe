#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/words/encoded_corpus.h"
#include "text/words/scratch_file.h"
#include "text/words/training_hooks.h"

namespace marquee::text::words {

struct CooccurrenceSettings {
  int window = 15;                 ///< words to the left that count, in [1, 100]
  bool symmetric = true;           ///< those to the right as well
  bool distance_weighting = true;  ///< a word k away counts 1/k
  double x_max = 100.0;            ///< counts from here on weigh 1; above 0
  double alpha = 0.75;             ///< below it they weigh (count / x_max)^alpha; in (0, 2]
  /// For counting, and again for the shards that training holds; what goes beyond is on disk. At least 1 MiB.
  std::size_t memory_bytes = std::size_t{1} << 30U;
  std::filesystem::path scratch;  ///< a folder
  std::uint64_t seed = 1;         ///< of the order of pairs
};

/// What GloVe learns from: for a pair of words the logarithm of how often they stand near each other, and its weight.
struct Cooccurrence {
  std::int32_t row = 0;
  std::int32_t column = 0;
  float log_count = 0.0F;
  float weight = 0.0F;
};

/// All pairs of a corpus in random order, in shards each of which fits into memory; if there is more than one they are
/// on disk. With symmetric counts a pair and its mirror image are one, the more frequent word being the row.
class CooccurrenceShards {
 public:
  /// The same result whenever as many threads count.
  /// @error kInvalidArgument by field; kIo; kCancelled; kFailedPrecondition if no words stand near each other
  static base::Result<CooccurrenceShards> count(const EncodedCorpus& corpus, const CooccurrenceSettings& settings,
                                                base::ThreadPool& pool, const TrainingHooks& hooks = {});

  [[nodiscard]] std::size_t shards() const { return sizes_.size(); }
  [[nodiscard]] std::uint64_t size(std::size_t shard) const { return sizes_[shard]; }
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] std::size_t vocabulary_size() const { return vocabulary_size_; }
  [[nodiscard]] bool is_symmetric() const { return is_symmetric_; }
  /// The shard's pairs, shuffled; valid as long as `buffer` is not changed. @error kIo
  base::Result<std::span<const Cooccurrence>> load(std::size_t shard, std::vector<Cooccurrence>& buffer) const;

 private:
  friend class ShardWriter;
  std::size_t vocabulary_size_ = 0;
  bool is_symmetric_ = true;
  std::uint64_t seed_ = 1;
  std::vector<std::uint64_t> sizes_;
  std::vector<Cooccurrence> in_memory_;  ///< if there is one shard
  std::vector<ScratchFile> files_;       ///< else one for each
};

}  // namespace marquee::text::words
