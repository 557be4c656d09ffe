#pragma once

#include <string>
#include <vector>

#include "nn/layers.h"
#include "tensor/autograd/attention.h"

namespace marquee::nn {

/// @source arXiv:1706.03762
struct TransformerSettings {
  std::int64_t width = 512;
  std::int64_t heads = 8;
  std::int64_t feed_forward = 2048;
  std::int64_t layers = 6;
  float dropout = 0.1F;
  Activation activation = Activation::kRelu;
  bool norm_first = false;  ///< norms before each part instead of behind its sum. @source arXiv:2002.04745
  float epsilon = 1e-5F;
};

/// Attention by several heads with projections before and behind, named as PyTorch's: name.in_proj_weight, ….
class MultiHeadAttention {
 public:
  MultiHeadAttention(ParameterStore& store, const std::string& name, std::int64_t width, std::int64_t heads,
                     float dropout);

  struct Call {
    bool causal = false;
    std::vector<std::int32_t> key_lengths = {};
    bool training = false;
  };
  /// @shape query, result: [batch, queries, width]; memory: [batch, keys, width], where keys and values come from
  [[nodiscard]] Tensor operator()(const Tensor& query, const Tensor& memory, const Call& call) const;

  /// What memory looks like to queries, computed once for many of them. @shape k, v: [batch, keys, width]
  struct Keys {
    Tensor k;
    Tensor v;
  };
  [[nodiscard]] Keys keys_of(const Tensor& memory) const;
  [[nodiscard]] Tensor with_keys(const Tensor& query, const Keys& keys, const Call& call) const;
  /// The next place of each sequence, after those whose keys are given, which it joins. @shape x: [batch, 1, width]
  [[nodiscard]] Tensor next(const Tensor& x, Keys& keys) const;

 private:
  [[nodiscard]] Tensor attend(const Tensor& q, const Keys& keys, const Call& call) const;

  Tensor in_weight_;  ///< [3 width, width]: query, key, value
  Tensor in_bias_;
  Linear out_;
  std::int64_t width_;
  std::int64_t heads_;
  float dropout_;
};

/// What a sequence of layers is told besides its input.
struct TransformerCall {
  std::vector<std::int32_t> lengths = {};         ///< of the input's texts; empty: all as long as the batch
  std::vector<std::int32_t> memory_lengths = {};  ///< a decoder's: of what the encoder read
  bool training = false;
};

class TransformerEncoder {
 public:
  /// Parameters are name.layers.0.self_attn.…, as PyTorch's
  TransformerEncoder(ParameterStore& store, const std::string& name, const TransformerSettings& settings);
  /// @shape x, result: [batch, length, width]
  [[nodiscard]] Tensor operator()(const Tensor& x, const TransformerCall& call) const;

 private:
  struct Layer {
    MultiHeadAttention attention;
    Linear in;
    Linear out;
    LayerNorm norm1;
    LayerNorm norm2;
  };
  TransformerSettings settings_;
  std::vector<Layer> layers_;
};

class TransformerDecoder {
  struct Layer;

 public:
  TransformerDecoder(ParameterStore& store, const std::string& name, const TransformerSettings& settings);
  /// A place sees itself and what is before it, and all of memory. @shape x, result: [batch, length, width]; memory:
  /// [batch, read, width]
  [[nodiscard]] Tensor operator()(const Tensor& x, const Tensor& memory, const TransformerCall& call) const;

  /// Texts written place by place: what was computed of earlier places is kept. Holds the decoder by reference.
  class Writing {
   public:
    /// @shape memory: [rows, read, width]; memory_lengths: [rows], or empty
    Writing(const TransformerDecoder& decoder, const Tensor& memory, std::vector<std::int32_t> memory_lengths);
    /// @shape x, result: [rows, 1, width]
    [[nodiscard]] Tensor next(const Tensor& x);
    /// Row i goes on from what was row parents[i]; there may be more or fewer rows than before.
    void select(const Tensor& parents);

   private:
    const TransformerDecoder& decoder_;
    std::vector<MultiHeadAttention::Keys> written_;
    std::vector<MultiHeadAttention::Keys> read_;
    std::vector<std::int32_t> memory_lengths_;
  };

 private:
  struct Layer {
    MultiHeadAttention attention;
    MultiHeadAttention cross;
    Linear in;
    Linear out;
    LayerNorm norm1;
    LayerNorm norm2;
    LayerNorm norm3;
  };
  TransformerSettings settings_;
  std::vector<Layer> layers_;
};

/// Rows of x, of any rank, by their indices. @shape indices: [count], i32
Tensor select_rows(const Tensor& x, const Tensor& indices);

/// Sines and cosines of a place, one row each. @shape result: [length, width]
Tensor sinusoidal_positions(std::int64_t length, std::int64_t width);

}  // namespace marquee::nn
