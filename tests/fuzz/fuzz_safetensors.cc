// The header of safetensors files.
// Links: marquee::formats
#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/safetensors.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using marquee::fuzz::check;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = marquee::formats::parse_safetensors(bytes, "input.safetensors");
  if (!tensors) {
    check(!tensors.error().message.empty(), "an error says something");
    return 0;
  }
  const std::byte* end = bytes.data();
  for (const auto& tensor : *tensors) {
    check(tensor.bytes.data() >= end, "tensors do not overlap and are in the order of the file");
    end = tensor.bytes.data() + tensor.bytes.size();
    check(end <= bytes.data() + size, "a tensor lies inside its file");
  }
  return 0;
}
