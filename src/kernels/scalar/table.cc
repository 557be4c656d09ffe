#include "kernels/scalar/scalar.h"
#include "kernels/tables.h"

namespace marquee::kernels {

const Kernels kScalarKernels = {
    .isa = Isa::kScalar,
    .max_tile_rows = 4,
    .quantize_row = scalar::quantize_row,
    .matmul = scalar::matmul,
    .rms_norm = scalar::rms_norm,
    .layer_norm = scalar::layer_norm,
    .softmax = scalar::softmax,
    .activate = scalar::activate,
    .gated_activation = scalar::gated_activation,
    .add = scalar::add_row,
    .multiply = scalar::multiply_row,
    .soft_cap = scalar::soft_cap,
    .rope_halves = scalar::rope_halves,
    .rope_interleaved = scalar::rope_interleaved,
    .f32_to_f16 = scalar::f32_to_f16_row,
    .f16_to_f32 = scalar::f16_to_f32_row,
    .attention = scalar::attention,
};

}  // namespace marquee::kernels
