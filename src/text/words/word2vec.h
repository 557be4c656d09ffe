#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/words/encoded_corpus.h"
#include "text/words/subwords.h"
#include "text/words/training_hooks.h"
#include "text/words/vocabulary.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {

enum class WordModel : std::uint8_t {
  kSkipGram,  ///< a word foretells each word around it
  kCbow,      ///< the mean of the words around it foretells a word
};

enum class WordLoss : std::uint8_t { kNegativeSampling, kHierarchicalSoftmax };

/// What word2vec, gensim and fastText call by these names, with gensim's defaults.
struct Word2VecSettings {
  WordModel model = WordModel::kSkipGram;
  WordLoss loss = WordLoss::kNegativeSampling;
  int dimensions = 100;          ///< in [1, 4096]
  int window = 5;                ///< in [1, 100]; each word's own is drawn from [1, window]
  int negative = 5;              ///< negative samples for a word, in [1, 63]
  double negative_power = 0.75;  ///< of counts, in [-2, 2]
  double sample = 1e-3;          ///< words more frequent than this are left out at times; in [0, 1], 0: none are
  int epochs = 5;                ///< in [1, 10000]
  float rate = 0.025F;           ///< at the beginning, in (0, 1]; falls in a line
  float min_rate = 1e-4F;        ///< at the end, in [0, rate]
  SubwordSettings subwords = {.max_length = 0};  ///< max_length 0: none
  std::uint64_t seed = 1;
};

/// Learns a vector for each word of a text. One thread gives the same bits for the same seed; several write into the
/// same parameters without waiting for each other (Hogwild, arXiv:1106.5730) and do not, though they learn the same.
/// Needs memory for (2 · words + n-grams in use) · dimensions values.
/// @source arXiv:1301.3781, arXiv:1310.4546, arXiv:1607.04606
class Word2Vec {
 public:
  /// @param vocabulary, corpus  must outlive it; the corpus was encoded with the vocabulary
  /// @error kInvalidArgument by field, or if they do not belong together; kFailedPrecondition if the corpus has no
  /// words; kResourceExhausted
  static base::Result<Word2Vec> create(const Vocabulary& vocabulary, const EncodedCorpus& corpus,
                                       const Word2VecSettings& settings);
  Word2Vec(Word2Vec&&) noexcept;
  Word2Vec& operator=(Word2Vec&&) noexcept;
  ~Word2Vec();

  /// Goes on from where it is: to the end, or by so many chunks of the corpus.
  /// @error kCancelled (what was learnt stays, and it may go on); kIo
  base::Result<void> train(base::ThreadPool& pool, const TrainingHooks& hooks = {},
                           std::uint64_t max_chunks = ~std::uint64_t{0});
  [[nodiscard]] bool is_finished() const;
  /// Chunks done, of all epochs, and how many there are.
  [[nodiscard]] std::uint64_t position() const;
  [[nodiscard]] std::uint64_t chunks() const;

  /// Everything that train() needs to go on, after one thread with the same bits as if it had not stopped. @error kIo
  base::Result<void> save_state(const std::filesystem::path& path) const;
  /// @error kNotFound, kIo, kCorrupt; kFailedPrecondition if it was saved with other settings or on another text
  base::Result<void> load_state(const std::filesystem::path& path);

  /// A copy of what was learnt so far. @error kInvalidArgument if training diverged (its rate was too large)
  [[nodiscard]] base::Result<WordVectors> vectors() const;

 private:
  struct Impl;
  explicit Word2Vec(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquee::text::words
