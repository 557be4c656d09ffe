#pragma once
// The bytes of a GGUF file as checked facts. Nothing here trusts the file: every length, count and offset is compared
// with the bytes that are really there before memory is taken for it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/weight_source.h"

namespace marquee::formats {

/// Value types of GGUF metadata, by their numbers in the file.
enum class GgufType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

/// An array in the metadata. Its elements stay in the file; lengths inside `bytes` have been checked.
struct GgufArray {
  GgufType element = GgufType::kU8;
  std::uint64_t count = 0;
  std::span<const std::byte> bytes;  ///< the encoded elements; alignment is not guaranteed
};

struct GgufContents {
  std::uint32_t version = 0;
  std::uint64_t alignment = 0;
  base::json::object metadata;  ///< flat; arrays of at most kMaxInlineArray elements (nested ones included)
  std::map<std::string, GgufArray, std::less<>> arrays;  ///< every top-level array, short or long
  std::vector<tensor::StoredTensor> tensors;             ///< in the file's order
};

/// Arrays with more elements (vocabularies) are left out of `metadata`.
constexpr std::uint64_t kMaxInlineArray = 64;

/// Reads GGUF version 2 or 3, little-endian. The result borrows from `bytes`.
/// @param bytes at an address that is a multiple of 64 (a mapping is), so that tensors are aligned
/// @param file_name names the file in errors
/// @error kCorrupt naming the key or tensor and the byte; kUnsupported for version 1, big-endian, split files and
/// tensor
///        types outside kernels::DType, by name; kTooLarge past the caps on counts
/// @source https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
base::Result<GgufContents> parse_gguf(std::span<const std::byte> bytes, std::string_view file_name);

/// The strings of an array parsed before, borrowing from the file.
/// @error kCorrupt if its elements are no strings
base::Result<std::vector<std::string_view>> gguf_strings(const GgufArray& array);

}  // namespace marquee::formats
