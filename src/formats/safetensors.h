#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "tensor/weight_source.h"

namespace marquee::formats {

/// Reads the header of one safetensors file: 8 bytes of length, a JSON object, then the tensors' bytes without gaps.
/// The tensors borrow from `bytes`, in the order of their offsets. They may be misaligned for their type, as in files
/// of older writers.
/// @param file_name names the file in errors
/// @error kCorrupt naming the tensor and what contradicts what; kUnsupported naming a dtype outside kernels::DType;
///        kTooLarge for a header of more than 100 MB
/// @source https://github.com/huggingface/safetensors#format
base::Result<std::vector<tensor::StoredTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                                  std::string_view file_name);

/// The mapped files that hold a model's tensors: one file, or the shards an index names.
struct SafetensorsFiles {
  std::vector<base::MappedFile> mappings;
  std::vector<tensor::StoredTensor> tensors;
};

/// Opens `folder`/model.safetensors, or the shards of `folder`/model.safetensors.index.json.
/// @error kNotFound if neither is there; kCorrupt if a shard lacks a tensor the index places there or its name leaves
///        the folder; else as parse_safetensors
base::Result<SafetensorsFiles> open_safetensors(const std::filesystem::path& folder);

}  // namespace marquee::formats
