#include "kernels/dtype.h"

namespace marquee::kernels {

namespace {

constexpr DTypeInfo kF32Info{"F32", 1, 4};
constexpr DTypeInfo kF16Info{"F16", 1, 2};
constexpr DTypeInfo kBF16Info{"BF16", 1, 2};
constexpr DTypeInfo kI8Info{"I8", 1, 1};
constexpr DTypeInfo kI16Info{"I16", 1, 2};
constexpr DTypeInfo kI32Info{"I32", 1, 4};
constexpr DTypeInfo kI64Info{"I64", 1, 8};
constexpr DTypeInfo kF64Info{"F64", 1, 8};
constexpr DTypeInfo kU8Info{"U8", 1, 1};
constexpr DTypeInfo kBoolInfo{"BOOL", 1, 1};
// Blocks of 32: an f16 scale (and an f16 minimum in the _1 types), then the bits of the values.
constexpr DTypeInfo kQ4_0Info{"Q4_0", 32, 2 + 16};
constexpr DTypeInfo kQ4_1Info{"Q4_1", 32, 2 + 2 + 16};
constexpr DTypeInfo kQ5_0Info{"Q5_0", 32, 2 + 4 + 16};
constexpr DTypeInfo kQ5_1Info{"Q5_1", 32, 2 + 2 + 4 + 16};
constexpr DTypeInfo kQ8_0Info{"Q8_0", 32, 2 + 32};
// Super-blocks of 256: packed scales, values, and one or two f16 scales of the scales.
constexpr DTypeInfo kQ2_KInfo{"Q2_K", 256, 16 + 64 + 2 + 2};
constexpr DTypeInfo kQ3_KInfo{"Q3_K", 256, 32 + 64 + 12 + 2};
constexpr DTypeInfo kQ4_KInfo{"Q4_K", 256, 2 + 2 + 12 + 128};
constexpr DTypeInfo kQ5_KInfo{"Q5_K", 256, 2 + 2 + 12 + 32 + 128};
constexpr DTypeInfo kQ6_KInfo{"Q6_K", 256, 128 + 64 + 16 + 2};

}  // namespace

const DTypeInfo& dtype_info(DType dtype) {
  switch (dtype) {
    case DType::kF32: return kF32Info;
    case DType::kF16: return kF16Info;
    case DType::kBF16: return kBF16Info;
    case DType::kI8: return kI8Info;
    case DType::kI16: return kI16Info;
    case DType::kI32: return kI32Info;
    case DType::kI64: return kI64Info;
    case DType::kF64: return kF64Info;
    case DType::kU8: return kU8Info;
    case DType::kBool: return kBoolInfo;
    case DType::kQ4_0: return kQ4_0Info;
    case DType::kQ4_1: return kQ4_1Info;
    case DType::kQ5_0: return kQ5_0Info;
    case DType::kQ5_1: return kQ5_1Info;
    case DType::kQ8_0: return kQ8_0Info;
    case DType::kQ2_K: return kQ2_KInfo;
    case DType::kQ3_K: return kQ3_KInfo;
    case DType::kQ4_K: return kQ4_KInfo;
    case DType::kQ5_K: return kQ5_KInfo;
    case DType::kQ6_K: return kQ6_KInfo;
  }
  __builtin_unreachable();
}

}  // namespace marquee::kernels
