#include "text/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/first_error.h"

namespace marquee::text {

using base::Result;
using tensor::Matrix;

namespace {

/// Rows that one task of an element-wise loop takes.
constexpr std::size_t kRowsPerBlock = 8;

/// Calls body(begin, count) over blocks of rows, spread over the pool. @return the first error
template <typename Body>
Result<void> each_block(base::ThreadPool& pool, std::size_t rows, Body&& body) {
  base::FirstError failure;
  pool.parallel_for((rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](std::size_t task) {
    const std::size_t begin = task * kRowsPerBlock;
    failure.note(body(begin, std::min(kRowsPerBlock, rows - begin)));
  });
  return failure.take();
}

Result<void> check_result(const char* what, const Matrix& matrix, std::size_t rows, std::size_t cols) {
  if (matrix.rows == rows && matrix.cols == cols) return {};
  return base::invalid_argument(
      fmt::format("{} of [{}, {}] where [{}, {}] are needed", what, matrix.rows, matrix.cols, rows, cols));
}

}  // namespace

Matrix Encoder::stream() {
  return {work_.stream.data(), work_.tokens.size(), static_cast<std::size_t>(config_.hidden)};
}
Matrix Encoder::projected() {
  return {work_.projected.data(), work_.tokens.size(), static_cast<std::size_t>(config_.hidden)};
}

Result<void> Encoder::check_text(const EncoderText& text, std::size_t index) const {
  if (text.tokens.empty()) return base::invalid_argument(fmt::format("text {} has no tokens", index));
  if (text.tokens.size() > static_cast<std::size_t>(facts_.context_length)) {
    return base::invalid_argument(fmt::format("text {} has {} tokens, more than the {} that the model takes", index,
                                              text.tokens.size(), facts_.context_length));
  }
  for (const auto token : text.tokens) {
    if (token < 0 || token >= config_.vocab_size) {
      return base::invalid_argument(
          fmt::format("token {} of text {} is not in the vocabulary of {}", token, index, config_.vocab_size));
    }
  }
  if (text.second_from < text.tokens.size() && config_.token_types < 2) {
    return base::invalid_argument(fmt::format("text {} has a second type of tokens, which the model lacks", index));
  }
  return {};
}

void Encoder::add_tokens(const EncoderText& text) {
  work_.texts.push_back({work_.tokens.size(), text.tokens.size()});
  std::int32_t position = config_.first_position;
  for (std::size_t i = 0; i < text.tokens.size(); ++i) {
    const auto id = text.tokens[i];
    const bool is_padding = id == config_.padding_token;
    work_.tokens.push_back({id, is_padding ? config_.padding_token : position, i >= text.second_from ? 1 : 0});
    if (!is_padding) ++position;
  }
}

void Encoder::reserve(std::size_t rows) {
  if (rows <= work_.rows) return;
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  work_.stream.resize(rows * hidden);
  work_.qkv.resize(rows * 3 * hidden);
  work_.attended.resize(rows * hidden);
  work_.inner.resize(rows * static_cast<std::size_t>(config_.feed_forward));
  work_.projected.resize(rows * hidden);
  work_.rows = rows;
}

/// Checks the texts and lays their rows out.
Result<void> Encoder::plan(std::span<const EncoderText> texts) {
  work_.tokens.clear();
  work_.texts.clear();
  for (std::size_t i = 0; i < texts.size(); ++i) MARQUEE_CHECK(check_text(texts[i], i));
  for (const EncoderText& text : texts) add_tokens(text);
  reserve(work_.tokens.size());
  return {};
}

/// The sum of a token's, its position's and its type's embedding, normed.
Result<void> Encoder::embed_rows(std::size_t begin, std::size_t count) {
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  const Matrix rows = stream().slice_rows(begin, count);
  const Matrix part = projected().slice_rows(begin, count);
  for (std::size_t i = 0; i < count; ++i) {
    const Token& token = work_.tokens[begin + i];
    const Matrix one = part.slice_rows(i, 1);
    const Matrix sum = rows.slice_rows(i, 1);
    MARQUEE_CHECK(tensor::dequantize_row(weights_.embedding, token.id, {sum.data, hidden}));
    if (weights_.token_types) {
      MARQUEE_CHECK(tensor::dequantize_row(*weights_.token_types, token.type, {one.data, hidden}));
      MARQUEE_CHECK(tensor::add(one, sum));
    }
    MARQUEE_CHECK(tensor::dequantize_row(weights_.positions, token.position, {one.data, hidden}));
    MARQUEE_CHECK(tensor::add(one, sum));
  }
  const NormWeights& norm = weights_.embedding_norm;
  return tensor::layer_norm(rows, norm.gamma, norm.beta, config_.norm_epsilon, rows);
}

/// Adds a block's result, which lies in `projected`, to the stream, and norms it.
Result<void> Encoder::join_block(const NormWeights& weights, std::size_t begin, std::size_t count) {
  const Matrix rows = stream().slice_rows(begin, count);
  MARQUEE_CHECK(tensor::add(projected().slice_rows(begin, count), rows));
  return tensor::layer_norm(rows, weights.gamma, weights.beta, config_.norm_epsilon, rows);
}

Result<void> Encoder::run_layer(tensor::ComputeContext& context, std::size_t index) {
  const EncoderLayerWeights& weights = weights_.layers[index];
  const std::size_t rows = work_.tokens.size();
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  const Matrix qkv(work_.qkv.data(), rows, 3 * hidden);
  const Matrix attended(work_.attended.data(), rows, hidden);
  const Matrix inner(work_.inner.data(), rows, static_cast<std::size_t>(config_.feed_forward));
  // What computes a product's input is done by the thread that rounds it, while the row is in its cache.
  const auto begin_layer = [&](std::size_t begin, std::size_t count) {
    return index == 0 ? embed_rows(begin, count)
                      : join_block(weights_.layers[index - 1].feed_forward_norm, begin, count);
  };
  MARQUEE_CHECK(tensor::linear(context, stream(), weights.qkv.weight, weights.qkv.bias, qkv, begin_layer));
  const float scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim()));
  MARQUEE_CHECK(tensor::bidirectional_attention(context.pool, {config_.heads, config_.head_dim(), scale}, work_.texts,
                                                qkv, attended));
  const LinearWeights& out = weights.attention_out;
  MARQUEE_CHECK(tensor::linear(context, attended, out.weight, out.bias, projected()));
  const auto join_attention = [&](std::size_t begin, std::size_t count) {
    return join_block(weights.attention_norm, begin, count);
  };
  MARQUEE_CHECK(tensor::linear(context, stream(), weights.up.weight, weights.up.bias, inner, join_attention));
  const auto activate = [&](std::size_t begin, std::size_t count) -> Result<void> {
    tensor::activate(config_.activation, inner.slice_rows(begin, count));
    return {};
  };
  return tensor::linear(context, inner, weights.down.weight, weights.down.bias, projected(), activate);
}

/// Leaves the last layer's states in the stream.
Result<void> Encoder::forward(tensor::ComputeContext& context, std::span<const EncoderText> texts) {
  MARQUEE_CHECK(plan(texts));
  if (work_.tokens.empty()) return {};
  for (std::size_t index = 0; index < weights_.layers.size(); ++index) MARQUEE_CHECK(run_layer(context, index));
  return each_block(context.pool, work_.tokens.size(), [&](std::size_t begin, std::size_t count) {
    return join_block(weights_.layers.back().feed_forward_norm, begin, count);
  });
}

Result<void> Encoder::encode(tensor::ComputeContext& context, std::span<const EncoderText> texts, Matrix hidden) {
  MARQUEE_CHECK(forward(context, texts));
  MARQUEE_CHECK(check_result("states", hidden, work_.tokens.size(), static_cast<std::size_t>(config_.hidden)));
  const Matrix states = stream();
  for (std::size_t row = 0; row < states.rows; ++row) {
    std::memcpy(hidden.row(row), states.row(row), states.cols * sizeof(float));
  }
  return {};
}

Result<void> Encoder::embed(tensor::ComputeContext& context, std::span<const EncoderText> texts, Matrix vectors) {
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  MARQUEE_CHECK(check_result("vectors", vectors, texts.size(), hidden));
  MARQUEE_CHECK(forward(context, texts));
  context.pool.parallel_for(texts.size(), [&](std::size_t i) {
    const std::span<float> vector(vectors.row(i), hidden);
    pool_states(facts_.pooling.pooling, stream().slice_rows(work_.texts[i].first, work_.texts[i].count), vector);
    if (facts_.pooling.normalize) normalize_vector(vector);
  });
  return {};
}

Result<void> Encoder::classify(tensor::ComputeContext& context, std::span<const EncoderText> texts, Matrix logits) {
  if (!weights_.head) {
    return base::Error{base::ErrorCode::kFailedPrecondition, "the model has no classification head"};
  }
  MARQUEE_CHECK(check_result("scores", logits, texts.size(), facts_.labels.size()));
  MARQUEE_CHECK(forward(context, texts));
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  if (work_.pooled.size() < 2 * texts.size() * hidden) work_.pooled.resize(2 * texts.size() * hidden);
  const Matrix first(work_.pooled.data(), texts.size(), hidden);
  const Matrix inner(first.data + texts.size() * hidden, texts.size(), hidden);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::memcpy(first.row(i), stream().row(work_.texts[i].first), hidden * sizeof(float));
  }
  const ClassificationHead& head = *weights_.head;
  MARQUEE_CHECK(tensor::linear(context, first, head.inner.weight, head.inner.bias, inner));
  const auto activate = [&](std::size_t begin, std::size_t count) -> Result<void> {
    tensor::activate(head.activation, inner.slice_rows(begin, count));
    return {};
  };
  return tensor::linear(context, inner, head.out.weight, head.out.bias, logits, activate);
}

Result<std::unique_ptr<Encoder>> Encoder::load(const formats::ModelFile& file, EncoderPrecision precision,
                                               base::ThreadPool& pool) {
  std::unique_ptr<Encoder> model(new Encoder());
  MARQUEE_ASSIGN(model->config_, read_encoder_config(file));
  const EncoderConfig& config = model->config_;
  MARQUEE_ASSIGN(model->weights_, load_encoder_weights(file, config, precision, pool));
  EncoderFacts& facts = model->facts_;
  MARQUEE_ASSIGN(facts.pooling, read_pooling(file.path()));
  facts.architecture = config.architecture;
  facts.vocab_size = config.vocab_size;
  facts.context_length = config.context_length();
  if (facts.pooling.max_tokens > 0) facts.context_length = std::min(facts.context_length, facts.pooling.max_tokens);
  facts.hidden = config.hidden;
  facts.token_types = config.token_types;
  facts.parameters = model->weights_.parameters;
  facts.resident_bytes = model->weights_.resident_bytes;
  facts.labels = config.labels;
  facts.label_kind = config.label_kind;
  return model;
}

Result<std::unique_ptr<EncoderModel>> load_encoder_model(const formats::ModelFile& file, EncoderPrecision precision,
                                                         base::ThreadPool& pool) {
  MARQUEE_ASSIGN(auto model, Encoder::load(file, precision, pool));
  return std::unique_ptr<EncoderModel>(std::move(model));
}

void score_labels(LabelKind kind, std::span<float> logits) {
  switch (kind) {
    case LabelKind::kSingle: return tensor::softmax(logits);
    case LabelKind::kMulti: return tensor::activate(tensor::Activation::kSigmoid, {logits.data(), 1, logits.size()});
    case LabelKind::kRegression: return;
  }
}

}  // namespace marquee::text
