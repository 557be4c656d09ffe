#include "translation/recurrent_seq2seq.h"

#include <array>
#include <utility>

#include "nn/recurrent.h"
#include "nn/transformer.h"
#include "tensor/autograd/attention.h"
#include "tensor/autograd/layout.h"
#include "tensor/autograd/softmax.h"

namespace marquee::translation {
namespace {

using nn::Linear;
using nn::Recurrent;
using nn::RecurrentKind;
using nn::Tensor;
using tensor::autograd::Activation;

RecurrentKind cell_of(Seq2SeqKind kind) {
  return kind == Seq2SeqKind::kLstm ? RecurrentKind::kLstm : RecurrentKind::kGru;
}

/// [batch, steps] to [steps, batch], and further axes stay: recurrent layers go by steps.
Tensor swap_first(const Tensor& x) {
  constexpr std::array<std::size_t, 3> kOrder = {1, 0, 2};
  return permute(x, std::span(kOrder).first(x.shape().rank()));
}

/// Reads in both directions, writes in one.
class RecurrentSeq2Seq final : public Seq2Seq {
 public:
  RecurrentSeq2Seq(nn::ParameterStore& store, const Seq2SeqSettings& s)
      : Seq2Seq(s),
        source_words_(store, "source_words", s.source_words, s.width, 0),
        target_words_(store, "target_words", s.target_words, s.width, 0),
        reader_(store, "reader", cell_of(s.kind), s.width, s.width,
                {.layers = s.layers, .bidirectional = true, .dropout = s.dropout}),
        memory_(store, "memory", 2 * s.width, s.width),
        first_state_(store, "first_state", 2 * s.width, s.width, {.activation = Activation::kTanh}),
        writer_(store, "writer", cell_of(s.kind), s.width, s.width, {.layers = s.layers, .dropout = s.dropout}),
        joined_(store, "joined", 2 * s.width, s.width, {.activation = Activation::kTanh}),
        out_(store, "out", s.width, s.target_words) {}

  /// What the writer knows of a source.
  struct Read {
    Tensor memory;  ///< [batch, read, width]
    Recurrent::States states;
  };
  [[nodiscard]] Read read(const Tensor& source, const std::vector<std::int32_t>& lengths, bool training) const {
    const Tensor words = drop(source_words_(swap_first_indices(source)), training);
    const auto [outputs, last] = reader_(words, lengths, training);
    Read result{memory_(swap_first(outputs)), {}};
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(settings_.layers); ++layer) {
      const auto join = [&](const std::vector<Tensor>& states) {
        return first_state_(concatenate(std::array{states[2 * layer], states[2 * layer + 1]}, -1));
      };
      result.states.hidden.push_back(join(last.hidden));
      if (settings_.kind == Seq2SeqKind::kLstm) result.states.cell.push_back(join(last.cell));
    }
    return result;
  }

  /// @shape words: [batch, steps]; result: [batch, steps, target_words]
  Tensor scores(const Tensor& words, const Tensor& memory, const std::vector<std::int32_t>& memory_lengths,
                Recurrent::States& states, bool training) const {
    auto [outputs, last] = writer_(drop(target_words_(swap_first_indices(words)), training), {}, training, states);
    states = std::move(last);
    const Tensor written = swap_first(outputs);
    const Tensor seen = attention(written, memory, memory, {.heads = 1, .key_lengths = memory_lengths});
    return out_(drop(joined_(concatenate(std::array{seen, written}, -1)), training));
  }

  [[nodiscard]] Tensor logits(const PairBatch& batch, bool training) const override {
    Read about = read(batch.source, batch.source_lengths, training);
    return scores(batch.target_in, about.memory, batch.source_lengths, about.states, training);
  }

  [[nodiscard]] std::unique_ptr<NextWords> write(const Tensor& source,
                                                 std::vector<std::int32_t> lengths) const override;

 private:
  [[nodiscard]] Tensor drop(const Tensor& x, bool training) const {
    return training && settings_.dropout > 0.0F ? dropout(x, settings_.dropout) : x;
  }
  static Tensor swap_first_indices(const Tensor& words) {
    const std::int64_t rows = words.extent(0);
    const std::int64_t steps = words.extent(1);
    Tensor swapped = Tensor::empty({steps, rows}, tensor::autograd::DType::kI32);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t step = 0; step < steps; ++step) {
        swapped.i32_data()[step * rows + row] = words.i32_data()[row * steps + step];
      }
    }
    return swapped;
  }

  nn::Embedding source_words_;
  nn::Embedding target_words_;
  Recurrent reader_;
  Linear memory_;
  Linear first_state_;
  Recurrent writer_;
  Linear joined_;
  Linear out_;
};

class Writing final : public NextWords {
 public:
  Writing(const RecurrentSeq2Seq& model, RecurrentSeq2Seq::Read read, std::vector<std::int32_t> lengths)
      : model_(model), read_(std::move(read)), lengths_(std::move(lengths)) {}

  Tensor next(std::span<const std::int32_t> parents, std::span<const WordId> words) override {
    const auto rows = static_cast<std::int64_t>(parents.size());
    const Tensor from = Tensor::from({rows}, parents);
    read_.memory = nn::select_rows(read_.memory, from);
    for (auto* states : {&read_.states.hidden, &read_.states.cell}) {
      for (Tensor& state : *states) state = nn::select_rows(state, from);
    }
    std::vector<std::int32_t> lengths;
    for (const std::int32_t parent : parents) lengths.push_back(lengths_[static_cast<std::size_t>(parent)]);
    lengths_ = std::move(lengths);
    const Tensor scores = model_.scores(Tensor::from({rows, 1}, words), read_.memory, lengths_, read_.states, false);
    return log_softmax(scores.reshape({rows, scores.extent(-1)}));
  }

 private:
  const RecurrentSeq2Seq& model_;
  RecurrentSeq2Seq::Read read_;
  std::vector<std::int32_t> lengths_;
};

std::unique_ptr<NextWords> RecurrentSeq2Seq::write(const Tensor& source, std::vector<std::int32_t> lengths) const {
  Read about = read(source, lengths, false);
  return std::make_unique<Writing>(*this, std::move(about), std::move(lengths));
}

}  // namespace

std::unique_ptr<Seq2Seq> make_recurrent_seq2seq(nn::ParameterStore& store, const Seq2SeqSettings& settings) {
  return std::make_unique<RecurrentSeq2Seq>(store, settings);
}

}  // namespace marquee::translation
