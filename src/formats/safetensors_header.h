#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/dtype.h"

namespace marquee::formats {

/// One tensor as a safetensors header describes it; nothing has been compared with the file's size yet.
struct SafetensorsEntry {
  std::string name;
  kernels::DType dtype = kernels::DType::kF32;
  std::vector<std::int64_t> shape;  ///< at most 8 positive extents
  std::uint64_t begin = 0;          ///< in the data that follows the header
  std::uint64_t end = 0;
};

/// Reads the JSON header event by event, so that no document tree is built of what may be 100 MB of hostile text.
/// @error kCorrupt naming the byte or the tensor and the field; kUnsupported naming a dtype
base::Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view text, std::string_view file_name);

}  // namespace marquee::formats
