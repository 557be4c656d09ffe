#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/words/scratch_file.h"
#include "text/words/text_source.h"
#include "text/words/vocabulary.h"

namespace marquee::text::words {

/// A corpus as numbers of words, on disk: read once from the text, then as often as training wants, by any number of
/// threads, in memory that does not depend on its length. Words that the vocabulary lacks are left out.
class EncodedCorpus {
 public:
  static constexpr std::int32_t kSentenceEnd = -1;
  /// Longer sentences are cut.
  static constexpr std::size_t kMaxSentenceWords = 10'000;
  /// About so many words make a chunk, which is what threads take at a time; it ends with a sentence.
  static constexpr std::size_t kChunkWords = 4096;

  /// Reads all of `source` once.
  /// @param scratch a folder for 4 bytes a word  @param cancel may be null  @error kIo, kCancelled, the source's
  static base::Result<EncodedCorpus> encode(TextSource& source, const Vocabulary& vocabulary,
                                            const std::filesystem::path& scratch,
                                            const std::atomic<bool>* cancel = nullptr);

  [[nodiscard]] std::size_t chunks() const { return chunks_.size(); }
  /// Words of all chunks.
  [[nodiscard]] std::uint64_t words() const { return words_; }
  /// Words of the chunks before this one. @param chunk at most chunks()
  [[nodiscard]] std::uint64_t words_before(std::size_t chunk) const {
    return chunk < chunks_.size() ? chunks_[chunk].words_before : words_;
  }
  /// Of the vocabulary it was encoded with: all numbers are below.
  [[nodiscard]] std::size_t vocabulary_size() const { return vocabulary_size_; }
  /// The chunk's words, each sentence followed by kSentenceEnd; valid as long as `buffer` is not changed. @error kIo
  base::Result<std::span<const std::int32_t>> read(std::size_t chunk, std::vector<std::int32_t>& buffer) const;

 private:
  struct Chunk {
    std::uint64_t begin = 0;  ///< in numbers, not bytes
    std::uint64_t words_before = 0;
  };
  friend class CorpusEncoder;
  EncodedCorpus(ScratchFile file, std::size_t vocabulary_size)
      : file_(std::move(file)), vocabulary_size_(vocabulary_size) {}

  ScratchFile file_;
  std::size_t vocabulary_size_;
  std::vector<Chunk> chunks_;
  std::uint64_t words_ = 0;
};

}  // namespace marquee::text::words
