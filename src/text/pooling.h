#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "tensor/matrix.h"

namespace marquee::text {

/// How the states of a text's tokens become its one vector, as sentence-transformers names it.
enum class Pooling : std::uint8_t { kMean, kFirst, kMax, kMeanSqrtLength, kLast };

struct PoolingConfig {
  Pooling pooling = Pooling::kMean;
  bool normalize = true;        ///< to length 1
  std::int32_t max_tokens = 0;  ///< the sentence model's own limit on a text; 0: the encoder's
};

/// Reads how a folder's vectors are made: sentence-transformers' modules.json, 1_Pooling/config.json (or the
/// catalogue's pooling.json) and sentence_bert_config.json. Where a folder has none of them: the mean, normalised.
/// @error kUnsupported for a module or a pooling that is not computed here; kCorrupt for a damaged file
base::Result<PoolingConfig> read_pooling(const std::filesystem::path& folder);

/// @shape states: [tokens, hidden], at least one row; vector: [hidden]
void pool_states(Pooling pooling, tensor::ConstMatrix states, std::span<float> vector);

/// Scales a vector to length 1; one of zeros stays.
void normalize_vector(std::span<float> vector);

}  // namespace marquee::text
