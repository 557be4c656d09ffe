// safetensors_probe FILE: writes tensors of several types, for test_safetensors.py to read.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "formats/safetensors_writer.h"

int main(int argc, char** argv) {
  using namespace marquee;  // NOLINT: a program of one file
  using kernels::DType;
  if (argc != 2) return 2;
  const std::vector<float> floats = {1.0F, -2.5F, 3e38F, 0.0F, 1e-40F, 7.0F};
  const std::vector<std::int64_t> wholes = {-1, INT64_MAX};
  const std::vector<std::uint8_t> bytes = {1, 2, 255};
  const std::vector<std::uint16_t> halves = {0x3C00, 0xC000};  // 1 and -2
  const std::vector<tensor::StoredTensor> tensors = {
      {"bytes", DType::kU8, {3}, std::as_bytes(std::span(bytes))},
      {"layer.0.weight", DType::kF32, {2, 3}, std::as_bytes(std::span(floats))},
      {"naïve \"name\"", DType::kF16, {1, 2, 1}, std::as_bytes(std::span(halves))},
      {"wholes", DType::kI64, {2}, std::as_bytes(std::span(wholes))},
      {"scalar", DType::kF32, {}, std::as_bytes(std::span(floats)).subspan(4, 4)},
  };
  const auto written = formats::write_safetensors(argv[1], tensors, {{"format", "pt"}, {"note", "a \"quoted\" ä"}});
  if (written) return 0;
  std::fprintf(stderr, "safetensors_probe: %s\n", written.error().message.c_str());
  return 1;
}
