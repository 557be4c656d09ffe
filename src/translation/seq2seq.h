#pragma once
// Networks that read a text and write another: translation learnt from a user's own pairs. The recurrent ones write
// with attention to what was read (arXiv:1409.0473, in the multiplicative form of arXiv:1508.04025), the others are
// Transformers (arXiv:1706.03762).

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/layers.h"
#include "nn/parameters.h"
#include "translation/beam_search.h"

namespace marquee::translation {

enum class Seq2SeqKind : std::uint8_t { kGru, kLstm, kTransformer };

struct Seq2SeqSettings {
  Seq2SeqKind kind = Seq2SeqKind::kTransformer;
  std::int64_t source_words = 0;  ///< of the vocabularies; words 0 are padding
  std::int64_t target_words = 0;
  std::int64_t width = 256;  ///< of a word, and of a recurrent network's state
  std::int64_t layers = 3;   ///< of either half
  std::int64_t heads = 4;    ///< of a Transformer
  std::int64_t feed_forward = 1024;
  float dropout = 0.1F;
  float label_smoothing = 0.1F;
  std::int32_t max_length = 256;  ///< words of a text
};

/// Pairs of texts as rows of a batch.
struct PairBatch {
  /// Pads texts to the longest. @param sources, targets as many of each, at most max_length words long; no source empty
  PairBatch(std::span<const std::vector<WordId>> sources, std::span<const std::vector<WordId>> targets, WordId begin,
            WordId end);

  nn::Tensor source;                         ///< [batch, read], i32
  std::vector<std::int32_t> source_lengths;  ///< [batch]
  nn::Tensor target_in;                      ///< [batch, written]: what stands before each word, the beginning first
  nn::Tensor target_out;                     ///< [batch, written]: each word, the end last; -100 behind it
  std::vector<std::int32_t> target_lengths;
};

class Seq2Seq {
 public:
  virtual ~Seq2Seq() = default;
  /// @error kInvalidArgument naming the setting
  static base::Result<std::unique_ptr<Seq2Seq>> create(nn::ParameterStore& store, const Seq2SeqSettings& settings);

  /// The scores of every next word, given the right words before it (teacher forcing).
  /// @shape result: [batch, written, target_words]
  [[nodiscard]] virtual nn::Tensor logits(const PairBatch& batch, bool training) const = 0;
  /// Begins to write about sources. @shape source: [batch, read], i32
  [[nodiscard]] virtual std::unique_ptr<NextWords> write(const nn::Tensor& source,
                                                         std::vector<std::int32_t> source_lengths) const = 0;

  /// The mean cross-entropy of the words, as smoothed as the settings say.
  [[nodiscard]] nn::Tensor loss(const PairBatch& batch, bool training) const;
  /// The best texts for each source; not recorded. Neither sources nor options.max_length are above the settings'
  /// max_length, and no source is empty.
  [[nodiscard]] std::vector<std::vector<Hypothesis>> translate(std::span<const std::vector<WordId>> sources,
                                                               const BeamOptions& options) const;
  [[nodiscard]] const Seq2SeqSettings& settings() const { return settings_; }

 protected:
  explicit Seq2Seq(const Seq2SeqSettings& settings) : settings_(settings) {}
  Seq2SeqSettings settings_;
};

}  // namespace marquee::translation
