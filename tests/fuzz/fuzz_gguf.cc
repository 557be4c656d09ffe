// GGUF files: header, metadata, tensors, and the tokenizer that a file describes.
// Links: marquee::formats
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include "formats/gguf.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/check_tokenizer.h"

namespace {

using marquee::fuzz::check;

/// The input as a mapped file has it: at an address that is a multiple of 64, its end watched by the sanitizer.
class AlignedBytes {
 public:
  AlignedBytes(const std::uint8_t* data, std::size_t size) : size_(size) {
    bytes_ = static_cast<std::byte*>(::operator new (size + 1, std::align_val_t{64}));
    if (size > 0) std::memcpy(bytes_, data, size);
  }
  ~AlignedBytes() { ::operator delete (bytes_, std::align_val_t{64}); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;

  [[nodiscard]] std::span<const std::byte> span() const { return {bytes_, size_}; }

 private:
  std::byte* bytes_;
  std::size_t size_;
};

void check_tensors(const marquee::formats::GgufFile& file, std::span<const std::byte> bytes) {
  for (const auto& name : file.names()) {
    const auto tensor = file.find(name);
    check(tensor.has_value(), "a name that is listed is found");
    check(tensor->bytes.data() >= bytes.data() &&
              tensor->bytes.data() + tensor->bytes.size() <= bytes.data() + bytes.size(),
          "a tensor lies inside its file");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const AlignedBytes bytes(data, size);
  const auto file = marquee::formats::GgufFile::from_bytes(bytes.span(), "input.gguf");
  if (!file) {
    check(!file.error().message.empty(), "an error says something");
    return 0;
  }
  check_tensors(**file, bytes.span());
  (void)(*file)->chat_template();
  const auto tokenizer = (*file)->tokenizer();
  if (!tokenizer) return 0;
  const std::size_t text_size = size < 200 ? size : 200;
  marquee::fuzz::check_tokenizer(**tokenizer, {reinterpret_cast<const char*>(data) + size - text_size, text_size});
  marquee::fuzz::check_tokenizer(**tokenizer, "Hello wörld <s> 你好 \n\n 123");
  return 0;
}
