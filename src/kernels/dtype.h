#pragma once
// Element types as model files store them. Quantised types come in blocks; see kernels/blocks.h for their layouts.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace marquee::kernels {

enum class DType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kI8,
  kI16,
  kI32,
  kI64,
  kF64,
  kU8,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

struct DTypeInfo {
  std::string_view name;       ///< as GGUF tools print it: "F32", "Q4_1", "Q6_K"
  std::size_t block_elements;  ///< 1 for plain types, 32 or 256 for quantised ones
  std::size_t block_bytes;
};

/// @return the facts of a type; every enumerator has them
const DTypeInfo& dtype_info(DType dtype);

}  // namespace marquee::kernels
