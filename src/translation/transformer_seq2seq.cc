#include "translation/transformer_seq2seq.h"

#include <utility>

#include "nn/transformer.h"
#include "tensor/autograd/layout.h"
#include "tensor/autograd/softmax.h"

namespace marquee::translation {
namespace {

using nn::Tensor;

nn::TransformerSettings layers_of(const Seq2SeqSettings& s) {
  return {.width = s.width,
          .heads = s.heads,
          .feed_forward = s.feed_forward,
          .layers = s.layers,
          .dropout = s.dropout,
          .norm_first = true};  // learns without a long warm-up
}

class TransformerSeq2Seq final : public Seq2Seq {
 public:
  TransformerSeq2Seq(nn::ParameterStore& store, const Seq2SeqSettings& s)
      : Seq2Seq(s),
        source_words_(store, "source_words", s.source_words, s.width, 0),
        target_words_(store, "target_words", s.target_words, s.width, 0),
        reader_(store, "reader", layers_of(s)),
        reader_norm_(store, "reader_norm", s.width),
        writer_(store, "writer", layers_of(s)),
        writer_norm_(store, "writer_norm", s.width),
        out_(store, "out", s.width, s.target_words),
        places_(nn::sinusoidal_positions(s.max_length + 1, s.width)) {}

  [[nodiscard]] Tensor read(const Tensor& source, const std::vector<std::int32_t>& lengths, bool training) const {
    return reader_norm_(
        reader_(drop(placed(source_words_(source), 0), training), {.lengths = lengths, .training = training}));
  }

  [[nodiscard]] Tensor logits(const PairBatch& batch, bool training) const override {
    const Tensor memory = read(batch.source, batch.source_lengths, training);
    const Tensor written =
        writer_(drop(placed(target_words_(batch.target_in), 0), training), memory,
                {.lengths = batch.target_lengths, .memory_lengths = batch.source_lengths, .training = training});
    return out_(writer_norm_(written));
  }

  [[nodiscard]] std::unique_ptr<NextWords> write(const Tensor& source,
                                                 std::vector<std::int32_t> lengths) const override;

  /// @shape words: [rows, 1]; result: [rows, target_words]
  [[nodiscard]] Tensor next_scores(nn::TransformerDecoder::Writing& writing, const Tensor& words,
                                   std::int64_t place) const {
    const Tensor written = writing.next(placed(target_words_(words), place));
    return out_(writer_norm_(written)).reshape({words.extent(0), settings_.target_words});
  }

 private:
  [[nodiscard]] Tensor drop(const Tensor& x, bool training) const {
    return training && settings_.dropout > 0.0F ? dropout(x, settings_.dropout) : x;
  }
  /// Words at places from `first` on. @shape words: [batch, length, width]
  [[nodiscard]] Tensor placed(const Tensor& words, std::int64_t first) const {
    return add(words, slice(places_, 0, first, words.extent(1)));
  }

  nn::Embedding source_words_;
  nn::Embedding target_words_;
  nn::TransformerEncoder reader_;
  nn::LayerNorm reader_norm_;
  nn::TransformerDecoder writer_;
  nn::LayerNorm writer_norm_;
  nn::Linear out_;
  Tensor places_;

  friend class TransformerWriting;
};

class TransformerWriting final : public NextWords {
 public:
  TransformerWriting(const TransformerSeq2Seq& model, const Tensor& memory, std::vector<std::int32_t> lengths)
      : model_(model), writing_(model.writer_, memory, std::move(lengths)) {}

  Tensor next(std::span<const std::int32_t> parents, std::span<const WordId> words) override {
    const auto rows = static_cast<std::int64_t>(parents.size());
    writing_.select(Tensor::from({rows}, parents));
    return log_softmax(model_.next_scores(writing_, Tensor::from({rows, 1}, words), place_++));
  }

 private:
  const TransformerSeq2Seq& model_;
  nn::TransformerDecoder::Writing writing_;
  std::int64_t place_ = 0;
};

std::unique_ptr<NextWords> TransformerSeq2Seq::write(const Tensor& source, std::vector<std::int32_t> lengths) const {
  const Tensor memory = read(source, lengths, false);
  return std::make_unique<TransformerWriting>(*this, memory, std::move(lengths));
}

}  // namespace

std::unique_ptr<Seq2Seq> make_transformer_seq2seq(nn::ParameterStore& store, const Seq2SeqSettings& settings) {
  return std::make_unique<TransformerSeq2Seq>(store, settings);
}

}  // namespace marquee::translation
