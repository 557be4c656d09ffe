#include "nn/transformer.h"

#include <array>
#include <cmath>
#include <utility>

#include "tensor/autograd/layout.h"
#include "tensor/autograd/product.h"

namespace marquee::nn {
namespace {

Linear feed_forward_in(ParameterStore& store, const std::string& name, const TransformerSettings& s) {
  return {store, name + ".linear1", s.width, s.feed_forward, {.activation = s.activation}};
}

Tensor drop(const Tensor& x, float p, bool training) { return training ? dropout(x, p) : x; }

/// x + part(x), with the norm before the part or behind the sum.
template <typename Part>
Tensor residual(const Tensor& x, const LayerNorm& norm, bool norm_first, Part part) {
  return norm_first ? add(x, part(norm(x))) : norm(add(x, part(x)));
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(ParameterStore& store, const std::string& name, std::int64_t width,
                                       std::int64_t heads, float dropout)
    // Xavier's bound: of 3 width outputs and width inputs.
    : in_weight_(store.make(name + ".in_proj_weight", {3 * width, width},
                            Initial::uniform(std::sqrt(6.0F / static_cast<float>(4 * width))))),
      in_bias_(store.make(name + ".in_proj_bias", {3 * width}, Initial::constant(0.0F), false)),
      out_(store, name + ".out_proj", width, width),
      width_(width),
      heads_(heads),
      dropout_(dropout) {}

Tensor MultiHeadAttention::operator()(const Tensor& query, const Tensor& memory, const Call& call) const {
  if (!query.is_same(memory)) return with_keys(query, keys_of(memory), call);
  const auto qkv = split(linear(query, in_weight_, in_bias_), -1, std::array{width_, width_, width_});
  return attend(qkv[0], {qkv[1], qkv[2]}, call);
}

MultiHeadAttention::Keys MultiHeadAttention::keys_of(const Tensor& memory) const {
  const Tensor kv = linear(memory, slice(in_weight_, 0, width_, 2 * width_), slice(in_bias_, 0, width_, 2 * width_));
  const auto halves = split(kv, -1, std::array{width_, width_});
  return {halves[0], halves[1]};
}

Tensor MultiHeadAttention::with_keys(const Tensor& query, const Keys& keys, const Call& call) const {
  return attend(linear(query, slice(in_weight_, 0, 0, width_), slice(in_bias_, 0, 0, width_)), keys, call);
}

Tensor MultiHeadAttention::next(const Tensor& x, Keys& keys) const {
  const Tensor all = linear(x, in_weight_, in_bias_);
  const auto join = [](Tensor& before, Tensor added) {
    before = before.defined() ? tensor::autograd::concatenate(std::array{before, added}, 1) : added;
  };
  join(keys.k, slice(all, -1, width_, width_));
  join(keys.v, slice(all, -1, 2 * width_, width_));
  return attend(slice(all, -1, 0, width_), keys, {});
}

Tensor MultiHeadAttention::attend(const Tensor& q, const Keys& keys, const Call& call) const {
  const tensor::autograd::AttentionOptions options{.heads = heads_,
                                                   .causal = call.causal,
                                                   .key_lengths = call.key_lengths,
                                                   .dropout = call.training ? dropout_ : 0.0F};
  return out_(attention(q, keys.k, keys.v, options));
}

TransformerEncoder::TransformerEncoder(ParameterStore& store, const std::string& name,
                                       const TransformerSettings& settings)
    : settings_(settings) {
  for (std::int64_t i = 0; i < settings.layers; ++i) {
    const std::string layer = name + ".layers." + std::to_string(i);
    layers_.push_back({{store, layer + ".self_attn", settings.width, settings.heads, settings.dropout},
                       feed_forward_in(store, layer, settings),
                       {store, layer + ".linear2", settings.feed_forward, settings.width},
                       {store, layer + ".norm1", settings.width, settings.epsilon},
                       {store, layer + ".norm2", settings.width, settings.epsilon}});
  }
}

Tensor TransformerEncoder::operator()(const Tensor& x, const TransformerCall& call) const {
  const float p = settings_.dropout;
  Tensor y = x;
  for (const Layer& layer : layers_) {
    y = residual(y, layer.norm1, settings_.norm_first, [&](const Tensor& at) {
      const MultiHeadAttention::Call attend{.key_lengths = call.lengths, .training = call.training};
      return drop(layer.attention(at, at, attend), p, call.training);
    });
    y = residual(y, layer.norm2, settings_.norm_first, [&](const Tensor& at) {
      return drop(layer.out(drop(layer.in(at), p, call.training)), p, call.training);
    });
  }
  return y;
}

TransformerDecoder::TransformerDecoder(ParameterStore& store, const std::string& name,
                                       const TransformerSettings& settings)
    : settings_(settings) {
  for (std::int64_t i = 0; i < settings.layers; ++i) {
    const std::string layer = name + ".layers." + std::to_string(i);
    layers_.push_back({{store, layer + ".self_attn", settings.width, settings.heads, settings.dropout},
                       {store, layer + ".multihead_attn", settings.width, settings.heads, settings.dropout},
                       feed_forward_in(store, layer, settings),
                       {store, layer + ".linear2", settings.feed_forward, settings.width},
                       {store, layer + ".norm1", settings.width, settings.epsilon},
                       {store, layer + ".norm2", settings.width, settings.epsilon},
                       {store, layer + ".norm3", settings.width, settings.epsilon}});
  }
}

Tensor TransformerDecoder::operator()(const Tensor& x, const Tensor& memory, const TransformerCall& call) const {
  const float p = settings_.dropout;
  Tensor y = x;
  for (const Layer& layer : layers_) {
    y = residual(y, layer.norm1, settings_.norm_first, [&](const Tensor& at) {
      const MultiHeadAttention::Call attend{.causal = true, .key_lengths = call.lengths, .training = call.training};
      return drop(layer.attention(at, at, attend), p, call.training);
    });
    y = residual(y, layer.norm2, settings_.norm_first, [&](const Tensor& at) {
      const MultiHeadAttention::Call attend{.key_lengths = call.memory_lengths, .training = call.training};
      return drop(layer.cross(at, memory, attend), p, call.training);
    });
    y = residual(y, layer.norm3, settings_.norm_first, [&](const Tensor& at) {
      return drop(layer.out(drop(layer.in(at), p, call.training)), p, call.training);
    });
  }
  return y;
}

TransformerDecoder::Writing::Writing(const TransformerDecoder& decoder, const Tensor& memory,
                                     std::vector<std::int32_t> memory_lengths)
    : decoder_(decoder), written_(decoder.layers_.size()), memory_lengths_(std::move(memory_lengths)) {
  for (const Layer& layer : decoder.layers_) read_.push_back(layer.cross.keys_of(memory));
}

Tensor TransformerDecoder::Writing::next(const Tensor& x) {
  const bool norm_first = decoder_.settings_.norm_first;
  Tensor y = x;
  for (std::size_t i = 0; i < decoder_.layers_.size(); ++i) {
    const Layer& layer = decoder_.layers_[i];
    y = residual(y, layer.norm1, norm_first, [&](const Tensor& at) { return layer.attention.next(at, written_[i]); });
    y = residual(y, layer.norm2, norm_first, [&](const Tensor& at) {
      return layer.cross.with_keys(at, read_[i], {.key_lengths = memory_lengths_});
    });
    y = residual(y, layer.norm3, norm_first, [&](const Tensor& at) { return layer.out(layer.in(at)); });
  }
  return y;
}

void TransformerDecoder::Writing::select(const Tensor& parents) {
  for (auto* all : {&written_, &read_}) {
    for (MultiHeadAttention::Keys& keys : *all) {
      if (keys.k.defined()) keys = {select_rows(keys.k, parents), select_rows(keys.v, parents)};
    }
  }
  std::vector<std::int32_t> lengths;
  for (std::size_t i = 0; i < static_cast<std::size_t>(parents.elements()) && !memory_lengths_.empty(); ++i) {
    lengths.push_back(memory_lengths_[static_cast<std::size_t>(parents.i32_data()[i])]);
  }
  memory_lengths_ = std::move(lengths);
}

Tensor select_rows(const Tensor& x, const Tensor& indices) {
  const std::int64_t rows = x.extent(0);
  const std::int64_t width = rows == 0 ? 0 : x.elements() / rows;
  return embedding(x.reshape({rows, width}), indices).reshape(x.shape().with(0, indices.elements()));
}

Tensor sinusoidal_positions(std::int64_t length, std::int64_t width) {
  Tensor y = Tensor::empty({length, width});
  for (std::int64_t place = 0; place < length; ++place) {
    for (std::int64_t i = 0; i < width; ++i) {
      const double angle =
          static_cast<double>(place) / std::pow(10000.0, static_cast<double>(i / 2 * 2) / static_cast<double>(width));
      y.data()[place * width + i] = static_cast<float>(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
  return y;
}

}  // namespace marquee::nn
