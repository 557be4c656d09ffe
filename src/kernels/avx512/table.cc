// Compiled for AVX-512 like its folder: it holds addresses only.
#if defined(__x86_64__)

#include "kernels/avx512/avx512.h"
#include "kernels/avx512/vector.h"
#include "kernels/tables.h"

namespace marquee::kernels {

const Kernels kAvx512Kernels = {
    .isa = Isa::kAvx512Vnni,
    .max_tile_rows = avx512::kMaxTileRows,
    .quantize_row = avx512::quantize_row,
    .matmul = avx512::matmul,
    .rms_norm = avx512::rms_norm,
    .layer_norm = avx512::layer_norm,
    .softmax = avx512::softmax,
    .activate = avx512::activate,
    .gated_activation = avx512::gated_activation,
    .add = avx512::add_row,
    .multiply = avx512::multiply_row,
    .soft_cap = avx512::soft_cap,
    .rope_halves = avx512::rope_halves,
    .rope_interleaved = avx512::rope_interleaved,
    .f32_to_f16 = avx512::f32_to_f16_row,
    .f16_to_f32 = avx512::f16_to_f32_row,
    .attention = avx512::attention,
};

}  // namespace marquee::kernels

#endif
