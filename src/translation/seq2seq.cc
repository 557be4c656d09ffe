#include "translation/seq2seq.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tensor/autograd/scope.h"
#include "tensor/autograd/softmax.h"
#include "translation/recurrent_seq2seq.h"
#include "translation/transformer_seq2seq.h"

namespace marquee::translation {
namespace {

using nn::Tensor;
using tensor::autograd::DType;

constexpr std::int64_t kMostWords = std::int64_t{1} << 20U;
constexpr std::int32_t kNoTarget = -100;

std::size_t longest(std::span<const std::vector<WordId>> texts) {
  std::size_t length = 0;
  for (const auto& text : texts) length = std::max(length, text.size());
  return length;
}

Tensor filled(std::size_t rows, std::size_t width, std::int32_t value) {
  Tensor x = Tensor::empty({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)}, DType::kI32);
  std::fill_n(x.i32_data(), rows * width, value);
  return x;
}

Tensor padded(std::span<const std::vector<WordId>> texts) {
  const std::size_t width = longest(texts);
  Tensor x = filled(texts.size(), width, 0);
  for (std::size_t i = 0; i < texts.size(); ++i) std::copy(texts[i].begin(), texts[i].end(), x.i32_data() + i * width);
  return x;
}

std::vector<std::int32_t> lengths_of(std::span<const std::vector<WordId>> texts) {
  std::vector<std::int32_t> lengths;
  for (const auto& text : texts) lengths.push_back(static_cast<std::int32_t>(text.size()));
  return lengths;
}

base::Result<void> check(const Seq2SeqSettings& s) {
  const auto within = [](const std::string& name, std::int64_t value, std::int64_t least,
                         std::int64_t most) -> base::Result<void> {
    if (value >= least && value <= most) return {};
    return base::invalid_argument(
        name + " is " + std::to_string(least) + " to " + std::to_string(most) + ", not " + std::to_string(value), name);
  };
  MARQUEE_CHECK(within("source_words", s.source_words, 4, kMostWords));
  MARQUEE_CHECK(within("target_words", s.target_words, 4, kMostWords));
  MARQUEE_CHECK(within("width", s.width, 1, 4096));
  MARQUEE_CHECK(within("layers", s.layers, 1, 32));
  MARQUEE_CHECK(within("heads", s.heads, 1, s.width));
  MARQUEE_CHECK(within("feed_forward", s.feed_forward, 1, 16384));
  MARQUEE_CHECK(within("max_length", s.max_length, 1, 4096));
  if (s.width % s.heads != 0) return base::invalid_argument("heads must divide width", "heads");
  if (!(s.dropout >= 0.0F && s.dropout < 1.0F)) return base::invalid_argument("dropout is in [0, 1)", "dropout");
  if (!(s.label_smoothing >= 0.0F && s.label_smoothing < 1.0F)) {
    return base::invalid_argument("label_smoothing is in [0, 1)", "label_smoothing");
  }
  return {};
}

}  // namespace

PairBatch::PairBatch(std::span<const std::vector<WordId>> sources, std::span<const std::vector<WordId>> targets,
                     WordId begin, WordId end)
    : source(padded(sources)), source_lengths(lengths_of(sources)) {
  const std::size_t width = longest(targets) + 1;
  target_in = filled(targets.size(), width, 0);
  target_out = filled(targets.size(), width, kNoTarget);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    std::int32_t* in = target_in.i32_data() + i * width;
    std::int32_t* out = target_out.i32_data() + i * width;
    in[0] = begin;
    std::copy(targets[i].begin(), targets[i].end(), in + 1);
    *std::copy(targets[i].begin(), targets[i].end(), out) = end;
    target_lengths.push_back(static_cast<std::int32_t>(targets[i].size()) + 1);
  }
}

base::Result<std::unique_ptr<Seq2Seq>> Seq2Seq::create(nn::ParameterStore& store, const Seq2SeqSettings& settings) {
  MARQUEE_CHECK(check(settings));
  if (settings.kind == Seq2SeqKind::kTransformer) return make_transformer_seq2seq(store, settings);
  return make_recurrent_seq2seq(store, settings);
}

Tensor Seq2Seq::loss(const PairBatch& batch, bool training) const {
  return cross_entropy(logits(batch, training), batch.target_out,
                       {.label_smoothing = training ? settings_.label_smoothing : 0.0F, .ignore_index = kNoTarget});
}

std::vector<std::vector<Hypothesis>> Seq2Seq::translate(std::span<const std::vector<WordId>> sources,
                                                        const BeamOptions& options) const {
  const tensor::autograd::Recording off(false);
  const auto writing = write(padded(sources), lengths_of(sources));
  return beam_search(*writing, sources.size(), options);
}

}  // namespace marquee::translation
