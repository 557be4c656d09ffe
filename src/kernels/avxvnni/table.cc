// It holds addresses only.
#if defined(__x86_64__)

#include "kernels/avx2/avx2.h"
#include "kernels/avxvnni/avxvnni.h"
#include "kernels/tables.h"

namespace marquee::kernels {

const Kernels kAvxVnniKernels = {
    .isa = Isa::kAvxVnni,
    .max_tile_rows = avxvnni::kTileRows,
    .quantize_row = avx2::quantize_row,
    .matmul = avxvnni::vex::matmul,
    .rms_norm = avx2::rms_norm,
    .layer_norm = avx2::layer_norm,
    .softmax = avx2::softmax,
    .activate = avx2::activate,
    .gated_activation = avx2::gated_activation,
    .add = avx2::add_row,
    .multiply = avx2::multiply_row,
    .soft_cap = avx2::soft_cap,
    .rope_halves = avx2::rope_halves,
    .rope_interleaved = avx2::rope_interleaved,
    .f32_to_f16 = avx2::f32_to_f16_row,
    .f16_to_f32 = avx2::f16_to_f32_row,
    .attention = avx2::attention,
};

const Kernels kAvxVnniEvexKernels = {
    .isa = Isa::kAvxVnni,
    .max_tile_rows = avxvnni::kTileRows,
    .quantize_row = avx2::quantize_row,
    .matmul = avxvnni::evex::matmul,
    .rms_norm = avx2::rms_norm,
    .layer_norm = avx2::layer_norm,
    .softmax = avx2::softmax,
    .activate = avx2::activate,
    .gated_activation = avx2::gated_activation,
    .add = avx2::add_row,
    .multiply = avx2::multiply_row,
    .soft_cap = avx2::soft_cap,
    .rope_halves = avx2::rope_halves,
    .rope_interleaved = avx2::rope_interleaved,
    .f32_to_f16 = avx2::f32_to_f16_row,
    .f16_to_f32 = avx2::f16_to_f32_row,
    .attention = avx2::attention,
};

}  // namespace marquee::kernels

#endif
