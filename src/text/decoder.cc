#include "text/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/first_error.h"

namespace marquee::text {

using base::Result;
using tensor::Matrix;

namespace {

/// Rows that one task of an element-wise loop takes: enough work to be worth a hand-over to another thread.
constexpr std::size_t kRowsPerTask = 8;

/// Calls body(begin, count) over blocks of rows, spread over the pool. Each row is worked on alone, so the blocks do
/// not show in the results. @return the first error
template <typename Body>
Result<void> over_rows(base::ThreadPool& pool, std::size_t rows, Body&& body) {
  if (rows <= kRowsPerTask) return body(0, rows);
  base::FirstError failure;
  pool.parallel_for((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::size_t task) {
    const std::size_t begin = task * kRowsPerTask;
    failure.note(body(begin, std::min(kRowsPerTask, rows - begin)));
  });
  return failure.take();
}

std::size_t wanted_rows(const SequenceSlice& slice) {
  switch (slice.logits) {
    case SequenceSlice::Logits::kNone: return 0;
    case SequenceSlice::Logits::kLast: return slice.tokens.empty() ? 0 : 1;
    case SequenceSlice::Logits::kAll: return slice.tokens.size();
  }
  return 0;
}

}  // namespace

Matrix Decoder::stream(std::size_t rows) {
  return {work_.stream.data(), rows, static_cast<std::size_t>(config_.hidden)};
}
Matrix Decoder::normed(std::size_t rows) {
  return {work_.normed.data(), rows, static_cast<std::size_t>(config_.hidden)};
}
Matrix Decoder::projected(std::size_t rows) {
  return {work_.projected.data(), rows, static_cast<std::size_t>(config_.hidden)};
}
Matrix Decoder::qkv(std::size_t rows) {
  return {work_.qkv.data(), rows, static_cast<std::size_t>(config_.query_width() + 2 * config_.kv_width())};
}

Result<void> Decoder::check_slice(const SequenceSlice& slice, const tensor::KvPool& cache) const {
  const auto count = static_cast<std::int64_t>(slice.tokens.size());
  if (slice.position < 0 || slice.position + count > facts_.context_length) {
    return base::invalid_argument(fmt::format("positions {} to {} do not fit the context of {}", slice.position,
                                              slice.position + count, facts_.context_length));
  }
  const std::int64_t held = static_cast<std::int64_t>(slice.pages.size()) * tensor::kKvPageTokens;
  if (held < slice.position + count) {
    return base::invalid_argument(
        fmt::format("{} pages are too few for {} positions", slice.pages.size(), slice.position + count));
  }
  for (const auto page : slice.pages) {
    if (page < 0 || page >= cache.total_pages()) {
      return base::invalid_argument(fmt::format("page {} is not one of the cache's {}", page, cache.total_pages()));
    }
  }
  for (const auto token : slice.tokens) {
    if (token < 0 || token >= facts_.vocab_size) {
      return base::invalid_argument(fmt::format("token {} is not in the vocabulary of {}", token, facts_.vocab_size));
    }
  }
  return {};
}

void Decoder::reserve(std::size_t rows) {
  work_.tokens.clear();
  work_.positions.clear();
  work_.attention_rows.clear();
  work_.wanted.clear();
  if (rows <= work_.rows) return;
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  const auto inner = static_cast<std::size_t>(config_.feed_forward) * (config_.gated ? 2 : 1);
  work_.stream.resize(rows * hidden);
  work_.normed.resize(rows * hidden);
  work_.projected.resize(rows * hidden);
  work_.qkv.resize(rows * static_cast<std::size_t>(config_.query_width() + 2 * config_.kv_width()));
  work_.attended.resize(rows * static_cast<std::size_t>(config_.query_width()));
  work_.inner.resize(rows * inner);
  work_.tokens.reserve(rows);
  work_.positions.reserve(rows);
  work_.attention_rows.reserve(rows);
  work_.wanted.reserve(rows);
  work_.rows = rows;
}

/// Checks the request and lays its rows out. @return rows of the batch
Result<std::size_t> Decoder::plan(std::span<const SequenceSlice> slices, const tensor::KvPool& cache,
                                  const Matrix& logits) {
  const tensor::KvLayout& layout = cache.layout();
  if (layout.layers != facts_.kv.layers || layout.kv_heads != facts_.kv.kv_heads ||
      layout.head_dim != facts_.kv.head_dim || layout.dtype != facts_.kv.dtype) {
    return base::invalid_argument("the cache is not laid out for this model");
  }
  std::size_t rows = 0;
  std::size_t wanted = 0;
  for (const auto& slice : slices) {
    MARQUEE_CHECK(check_slice(slice, cache));
    rows += slice.tokens.size();
    wanted += wanted_rows(slice);
  }
  if (wanted > 0 && (logits.rows < wanted || logits.cols != static_cast<std::size_t>(facts_.vocab_size))) {
    return base::invalid_argument(fmt::format("logits of [{}, {}] where [{}, {}] are needed", logits.rows, logits.cols,
                                              wanted, facts_.vocab_size));
  }
  reserve(rows);
  for (const auto& slice : slices) {
    const std::size_t first_wanted = slice.tokens.size() - wanted_rows(slice);
    for (std::size_t index = 0; index < slice.tokens.size(); ++index) {
      if (index >= first_wanted) work_.wanted.push_back(work_.tokens.size());
      const std::int32_t position = slice.position + static_cast<std::int32_t>(index);
      work_.tokens.push_back(slice.tokens[index]);
      work_.positions.push_back(position);
      work_.attention_rows.push_back({slice.pages, position});
    }
  }
  if (config_.positions == PositionKind::kRope) {
    work_.angles.assign({rope_.inverse, rope_.magnitude, config_.pairing}, work_.positions);
    if (config_.local_rope) {
      work_.local_angles.assign({local_rope_.inverse, local_rope_.magnitude, config_.pairing}, work_.positions);
    }
  }
  return rows;
}

Result<void> Decoder::embed_row(std::size_t row) {
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  const std::span<float> out(stream(row + 1).row(row), hidden);
  const std::int64_t token = work_.tokens[row];
  MARQUEE_CHECK(weights_.head_is_embedding ? tensor::dequantize_row(weights_.head.weight, token, out)
                                           : tensor::dequantize_row(weights_.embedding, token, out));
  if (weights_.positions) {
    const std::span<float> learned(normed(row + 1).row(row), hidden);
    MARQUEE_CHECK(tensor::dequantize_row(*weights_.positions, work_.positions[row], learned));
    for (std::size_t i = 0; i < hidden; ++i) out[i] += learned[i];
  }
  if (config_.embedding_scale != 1.0F) {
    for (float& value : out) value *= config_.embedding_scale;
  }
  return {};
}

Result<void> Decoder::embed(base::ThreadPool& pool, std::size_t rows) {
  return over_rows(pool, rows, [this](std::size_t begin, std::size_t count) -> Result<void> {
    for (std::size_t row = begin; row < begin + count; ++row) MARQUEE_CHECK(embed_row(row));
    return {};
  });
}

Result<void> Decoder::norm(const NormWeights& weights, tensor::ConstMatrix x, Matrix y) const {
  if (config_.norm == NormKind::kLayer) {
    return tensor::layer_norm(x, weights.gamma, weights.beta, config_.norm_epsilon, y);
  }
  return tensor::rms_norm(x, weights.gamma, config_.norm_epsilon, y, config_.gamma_offset);
}

/// What computes a linear layer's input: the block before joins the stream (normed first, where the family norms after
/// a block too), and the stream is normed.
/// @param post_norm of the block whose result lies in `projected`; null for the first block of all
tensor::RowFill Decoder::next_input(const NormWeights* post_norm, const NormWeights& weights, std::size_t rows) {
  return [this, post_norm, &weights, rows](std::size_t begin, std::size_t count) -> Result<void> {
    const Matrix block = stream(rows).slice_rows(begin, count);
    if (post_norm != nullptr) {
      const Matrix joining = projected(rows).slice_rows(begin, count);
      if (config_.post_norms) MARQUEE_CHECK(norm(*post_norm, joining, joining));
      MARQUEE_CHECK(tensor::add(joining, block));
    }
    return norm(weights, block, normed(rows).slice_rows(begin, count));
  };
}

/// Norms each head of each row on its own. @shape rows: [rows, heads * head_dim], any stride
Result<void> Decoder::norm_heads(const NormWeights& weights, std::int32_t heads, Matrix rows) const {
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const Matrix one(rows.row(row), static_cast<std::size_t>(heads), static_cast<std::size_t>(config_.head_dim));
    MARQUEE_CHECK(norm(weights, one, one));
  }
  return {};
}

/// Queries, keys and values of a block of rows, as their products left them: norms, turns, and the cache.
Result<void> Decoder::finish_qkv(std::size_t index, Matrix block, std::size_t begin, tensor::KvPool& cache) {
  const LayerWeights& weights = weights_.layers[index];
  const auto query_width = static_cast<std::size_t>(config_.query_width());
  const auto kv_width = static_cast<std::size_t>(config_.kv_width());
  const Matrix keys = block.slice_cols(query_width, kv_width);
  if (config_.qk_norm) {
    MARQUEE_CHECK(norm_heads(weights.query_norm, config_.heads, block.slice_cols(0, query_width)));
    MARQUEE_CHECK(norm_heads(weights.key_norm, config_.kv_heads, keys));
  }
  if (config_.positions == PositionKind::kRope) {
    const tensor::RopeAngles& angles = config_.layers[index].local_rope ? work_.local_angles : work_.angles;
    // Keys lie behind the queries, so one call turns both.
    MARQUEE_CHECK(tensor::rope(angles, begin, config_.head_dim, block.slice_cols(0, query_width + kv_width)));
  }
  return tensor::write_kv(cache, static_cast<std::int32_t>(index),
                          std::span(work_.attention_rows).subspan(begin, block.rows), keys,
                          block.slice_cols(query_width + kv_width, kv_width));
}

Result<void> Decoder::project_qkv(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                                  tensor::KvPool& cache) {
  const LayerWeights& weights = weights_.layers[index];
  const NormWeights* before = index == 0 ? nullptr : &weights_.layers[index - 1].feed_forward_post_norm;
  MARQUEE_CHECK(tensor::linear(context, normed(rows), weights.qkv.weight, weights.qkv.bias, qkv(rows),
                               next_input(before, weights.attention_norm, rows)));
  return over_rows(context.pool, rows, [&](std::size_t begin, std::size_t count) {
    return finish_qkv(index, qkv(rows).slice_rows(begin, count), begin, cache);
  });
}

Result<void> Decoder::attend(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                             const tensor::KvPool& cache) {
  const LayerWeights& weights = weights_.layers[index];
  const LayerPlan& plan = config_.layers[index];
  const auto query_width = static_cast<std::size_t>(config_.query_width());
  tensor::AttentionParams params;
  params.layer = static_cast<std::int32_t>(index);
  params.heads = config_.heads;
  params.scale = plan.attention_scale;
  params.soft_cap = config_.attention_soft_cap;
  params.window = plan.window;
  const Matrix attended(work_.attended.data(), rows, query_width);
  MARQUEE_CHECK(
      tensor::attention(context, cache, params, work_.attention_rows, qkv(rows).slice_cols(0, query_width), attended));
  return tensor::linear(context, attended, weights.attention_out.weight, weights.attention_out.bias, projected(rows));
}

Result<void> Decoder::feed_forward(tensor::ComputeContext& context, std::size_t index, std::size_t rows) {
  const LayerWeights& weights = weights_.layers[index];
  const auto width = static_cast<std::size_t>(config_.feed_forward);
  const Matrix inner(work_.inner.data(), rows, config_.gated ? 2 * width : width);
  const Matrix active = inner.slice_cols(0, width);
  MARQUEE_CHECK(tensor::linear(context, normed(rows), weights.up.weight, weights.up.bias, inner,
                               next_input(&weights.attention_post_norm, weights.feed_forward_norm, rows)));
  const auto activate = [&](std::size_t begin, std::size_t count) -> Result<void> {
    const Matrix block = active.slice_rows(begin, count);
    if (config_.gated) {
      const Matrix up = inner.slice_cols(width, width).slice_rows(begin, count);
      return tensor::gated_activation(config_.activation, block, up, block);
    }
    tensor::activate(config_.activation, block);
    return {};
  };
  return tensor::linear(context, active, weights.down.weight, weights.down.bias, projected(rows), activate);
}

/// Moves the rows whose logits are asked for to the front; nothing after the last layer's keys and values needs the
/// rest.
std::size_t Decoder::keep_wanted_rows() {
  const std::size_t rows = work_.tokens.size();
  const auto query_width = static_cast<std::size_t>(config_.query_width());
  for (std::size_t target = 0; target < work_.wanted.size(); ++target) {
    const std::size_t source = work_.wanted[target];
    if (source == target) continue;
    std::memcpy(stream(rows).row(target), stream(rows).row(source),
                sizeof(float) * static_cast<std::size_t>(config_.hidden));
    std::memcpy(qkv(rows).row(target), qkv(rows).row(source), sizeof(float) * query_width);
    work_.attention_rows[target] = work_.attention_rows[source];
  }
  work_.attention_rows.resize(work_.wanted.size());
  return work_.wanted.size();
}

/// @return rows that go on: all, and after the last layer those whose logits are asked for
Result<std::size_t> Decoder::run_layer(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                                       tensor::KvPool& cache) {
  MARQUEE_CHECK(project_qkv(context, index, rows, cache));
  if (index + 1 == config_.layers.size()) rows = keep_wanted_rows();
  if (rows == 0) return rows;
  MARQUEE_CHECK(attend(context, index, rows, cache));
  MARQUEE_CHECK(feed_forward(context, index, rows));
  return rows;
}

Result<void> Decoder::forward(tensor::ComputeContext& context, std::span<const SequenceSlice> slices,
                              tensor::KvPool& cache, Matrix logits) {
  MARQUEE_ASSIGN(std::size_t rows, plan(slices, cache, logits));
  if (rows == 0) return {};
  MARQUEE_CHECK(embed(context.pool, rows));
  for (std::size_t index = 0; index < config_.layers.size(); ++index) {
    MARQUEE_ASSIGN(rows, run_layer(context, index, rows, cache));
  }
  if (rows == 0) return {};
  const Matrix out = logits.slice_rows(0, rows);
  MARQUEE_CHECK(tensor::linear(context, normed(rows), weights_.head.weight, weights_.head.bias, out,
                               next_input(&weights_.layers.back().feed_forward_post_norm, weights_.final_norm, rows)));
  if (config_.final_soft_cap <= 0.0F) return {};
  return over_rows(context.pool, rows, [&](std::size_t begin, std::size_t count) -> Result<void> {
    tensor::soft_cap(config_.final_soft_cap, out.slice_rows(begin, count));
    return {};
  });
}

Result<std::unique_ptr<Decoder>> Decoder::load(const formats::ModelFile& file, const LoadOptions& options,
                                               base::ThreadPool& pool) {
  if (options.kv_dtype != kernels::DType::kF16 && options.kv_dtype != kernels::DType::kI8 &&
      options.kv_dtype != kernels::DType::kF32) {
    return base::invalid_argument("keys and values are kept as F16, I8 or F32", "kv_dtype");
  }
  if (options.max_context < 0) return base::invalid_argument("max_context is negative", "max_context");
  std::unique_ptr<Decoder> model(new Decoder());
  MARQUEE_ASSIGN(model->config_, read_decoder_config(file));
  DecoderConfig& config = model->config_;
  const std::int32_t own = config.reachable_context();
  const std::int32_t context = options.max_context == 0 ? config.context_length : std::min(options.max_context, own);
  if (config.positions == PositionKind::kRope) {
    MARQUEE_ASSIGN(model->rope_, rope_frequencies(config.rope, context, config.context_length));
    if (config.local_rope) {
      MARQUEE_ASSIGN(model->local_rope_, rope_frequencies(*config.local_rope, context, config.context_length));
    }
  }
  MARQUEE_ASSIGN(model->weights_, load_decoder_weights(file, config, pool, options));
  ModelFacts& facts = model->facts_;
  facts.architecture = config.architecture;
  facts.vocab_size = config.vocab_size;
  facts.context_length = context;
  facts.parameters = model->weights_.parameters;
  facts.resident_bytes = model->weights_.resident_bytes;
  facts.kv = {static_cast<std::int32_t>(config.layers.size()), config.kv_heads, config.head_dim, options.kv_dtype};
  return model;
}

Result<std::unique_ptr<LanguageModel>> load_language_model(const formats::ModelFile& file, const LoadOptions& options,
                                                           base::ThreadPool& pool) {
  MARQUEE_ASSIGN(auto model, Decoder::load(file, options, pool));
  return std::unique_ptr<LanguageModel>(std::move(model));
}

}  // namespace marquee::text
