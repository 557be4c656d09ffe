// Compiled like its folder: it holds addresses only.
#if defined(__aarch64__)

#include "kernels/neon/neon.h"
#include "kernels/neon/vector.h"
#include "kernels/tables.h"

namespace marquee::kernels {

const Kernels kNeonKernels = {
    .isa = Isa::kNeonDotprod,
    .max_tile_rows = neon::kMaxTileRows,
    .quantize_row = neon::quantize_row,
    .matmul = neon::matmul,
    .rms_norm = neon::rms_norm,
    .layer_norm = neon::layer_norm,
    .softmax = neon::softmax,
    .activate = neon::activate,
    .gated_activation = neon::gated_activation,
    .add = neon::add_row,
    .multiply = neon::multiply_row,
    .soft_cap = neon::soft_cap,
    .rope_halves = neon::rope_halves,
    .rope_interleaved = neon::rope_interleaved,
    .f32_to_f16 = neon::f32_to_f16_row,
    .f16_to_f32 = neon::f16_to_f32_row,
    .attention = neon::attention,
};

}  // namespace marquee::kernels

#endif
