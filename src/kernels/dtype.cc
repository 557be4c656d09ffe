#include "kernels/dtype.h"

namespace marquee::kernels {

const DTypeInfo& dtype_info(DType dtype) {
  // In the enumerators' order. Block sizes: GGUF specification and ggml's block structures.
  static constexpr DTypeInfo kInfo[] = {
      {"F32", 1, 4},     {"F16", 1, 2},      {"BF16", 1, 2},     {"I8", 1, 1},       {"I16", 1, 2},
      {"I32", 1, 4},     {"I64", 1, 8},      {"F64", 1, 8},      {"U8", 1, 1},       {"BOOL", 1, 1},
      {"Q4_0", 32, 18},  {"Q4_1", 32, 20},   {"Q5_0", 32, 22},   {"Q5_1", 32, 24},   {"Q8_0", 32, 34},
      {"Q2_K", 256, 84}, {"Q3_K", 256, 110}, {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210},
  };
  return kInfo[static_cast<std::size_t>(dtype)];
}

}  // namespace marquee::kernels
