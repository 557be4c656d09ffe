#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/weight_source.h"

namespace marquee::formats {

using SafetensorsMetadata = std::map<std::string, std::string>;

struct WrittenFile {
  std::uint64_t bytes = 0;
  std::uint64_t xxh3 = 0;  ///< the whole file's XXH3, 64 bits
};

/// Writes one safetensors file, which appears under its name whole and on the disk, or not at all. Tensors lie in it by
/// descending size of their elements, then in the order given; the first begins at a multiple of 64 bytes.
/// @param tensors plain types (no blocks), at most 8 positive extents, names of 1 to 1,024 bytes, each once
/// @param metadata texts for `__metadata__`, of valid UTF-8
/// @error kInvalidArgument naming the tensor; kIo, a full disk above all
/// @source https://github.com/huggingface/safetensors#format
base::Result<WrittenFile> write_safetensors(const std::filesystem::path& path,
                                            std::span<const tensor::StoredTensor> tensors,
                                            const SafetensorsMetadata& metadata = {});

}  // namespace marquee::formats
