#pragma once
// The one packed form of weights that the matrix kernels of every instruction set read.
//
// A panel holds 16 output rows over all `in` columns, so that one vector register holds the same column (f32) or the
// same four columns (int8 dot products) of 16 outputs. Rows beyond the matrix are zero.
//
// Float panel (F32, F16, BF16): [in][16] elements of the weight's type.
// Quantised panel: records of one group, one after another, so that a product reads one stream from end to end:
//   header: 16 scales, then 16 minima if the format has them; binary16 or f32
//   8-bit quants:  per four columns, 16 rows × 4 bytes
//   4-bit quants:  per eight columns, 16 rows × 4 bytes; the low nibbles are the first four columns
// Where a header would be 32 bytes, a record is two groups (their headers, then their quants), so that quants stay
// aligned to 64; of an odd last group the second header is unused.
// value = scale · u + minimum; without stored minima, minimum = -zero · scale.

#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace marquee::kernels {

constexpr std::size_t kPanelRows = 16;

struct PanelFormat {
  DType dtype = DType::kF32;  ///< of the stored tensor; kF32, kF16 and kBF16 make float panels
  bool quantized = false;
  std::uint8_t bits = 0;  ///< 4 or 8
  std::uint8_t zero = 0;
  bool has_minimum = false;
  bool scale_is_f16 = false;
  std::size_t group = 0;  ///< 16 or 32

  // Defined in panels.cc: an inline function here would be compiled for the wider instruction sets too.
  [[nodiscard]] std::size_t header_bytes() const;       ///< of one group's scales and minima
  [[nodiscard]] std::size_t quant_bytes() const;        ///< of one group's quants
  [[nodiscard]] std::size_t groups_per_record() const;  ///< 1 or 2
  /// Where a group's header and quants begin in a panel.
  [[nodiscard]] std::size_t header_offset(std::size_t group) const;
  [[nodiscard]] std::size_t quants_offset(std::size_t group) const;
  /// Bytes of one panel, a multiple of 64. `in` must be a multiple of 32 for quantised formats.
  [[nodiscard]] std::size_t panel_bytes(std::size_t in) const;
};

/// How weights of a type are packed. Call only for types of is_weight_dtype().
PanelFormat panel_format(DType dtype);

/// Packs up to 16 consecutive rows, `row_bytes` apart, into one panel.
/// @param rows 1 to 16; the rest of the panel becomes zero
struct PanelSource {
  const std::byte* first_row = nullptr;
  std::size_t row_bytes = 0;
  std::size_t rows = 0;
  std::size_t in = 0;
};
void pack_panel(const PanelFormat& format, const PanelSource& source, std::byte* panel);

/// Entry `index` of a group's header: rows [0, 16) have their scales there, then come their minima.
float panel_scale(const PanelFormat& format, const std::byte* header, std::size_t index);

/// One row of a panel as f32, the values that dequantize() gives. @param row 0 to 15. @shape out: [in]
void unpack_row(const PanelFormat& format, const std::byte* panel, std::size_t row, std::size_t in, float* out);

}  // namespace marquee::kernels
