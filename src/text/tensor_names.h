#pragma once

#include <span>
#include <string>
#include <string_view>

#include "formats/model_file.h"
#include "text/decoder_config.h"

namespace marquee::text {

/// What a kind of file calls the decoder's tensors, without ".weight" and ".bias". Empty: that kind has none.
struct TensorNames {
  std::string_view embedding;
  std::string_view positions;
  std::string_view final_norm;
  std::string_view head;
  std::string_view layer;  ///< before the layer's number; the names below follow the number
  std::string_view attention_norm;
  std::string_view attention_post_norm;
  std::string_view query, key, value;
  std::string_view qkv;  ///< the three stacked
  std::string_view query_norm, key_norm;
  std::string_view attention_out;
  std::string_view feed_forward_norm;
  std::string_view feed_forward_post_norm;
  std::string_view gate, up;
  std::string_view gate_up;  ///< the two stacked
  std::string_view down;
  bool linear_transposed = false;             ///< linear weights of the layers are [in, out]
  std::span<const std::string_view> ignored;  ///< in a layer, but without meaning for the result
};

struct NamedTensors {
  const TensorNames* names;
  std::string prefix;  ///< before every name: "model." and the like
  std::string head_prefix;
};

/// Which names this file uses. @error kCorrupt if there is no embedding under any known name
base::Result<NamedTensors> find_tensor_names(const formats::ModelFile& file, const DecoderConfig& config);

}  // namespace marquee::text
