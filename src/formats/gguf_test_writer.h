#pragma once
// Writes small GGUF files in memory, right or wrong in whatever way a test asks for.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_parser.h"

namespace marquee::formats::testing {

/// Little-endian bytes, at an address that is a multiple of 64 as a mapping's is.
class ByteWriter {
 public:
  template <typename T>
  ByteWriter& number(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
    return *this;
  }
  ByteWriter& text(std::string_view value) {
    number<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  ByteWriter& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

struct TestTensor {
  std::string name;
  std::vector<std::uint64_t> dims;  // innermost first, as in the file
  std::uint32_t type = 0;           // 0: F32
  std::string data;
  std::int64_t offset = -1;  // -1: where it belongs
};

class GgufWriter {
 public:
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::int64_t tensor_count = -1;  // -1: the true one
  std::int64_t key_count = -1;
  std::vector<TestTensor> tensors;

  GgufWriter() { string("general.architecture", "llama"); }
  explicit GgufWriter(std::nullptr_t) {}  // without any key

  GgufWriter& value(std::string_view key, GgufType type, std::string_view encoded) {
    keys_.text(key).number(static_cast<std::uint32_t>(type)).raw(encoded);
    ++keys_written_;
    return *this;
  }
  GgufWriter& string(std::string_view key, std::string_view text) {
    return value(key, GgufType::kString, ByteWriter().text(text).bytes());
  }
  template <typename T>
  GgufWriter& number(std::string_view key, GgufType type, T number) {
    return value(key, type, ByteWriter().number(number).bytes());
  }
  GgufWriter& u32(std::string_view key, std::uint32_t number_) { return number(key, GgufType::kU32, number_); }
  GgufWriter& array(std::string_view key, GgufType element, std::uint64_t count, std::string_view encoded) {
    ByteWriter writer;
    writer.number(static_cast<std::uint32_t>(element)).number(count).raw(encoded);
    return value(key, GgufType::kArray, writer.bytes());
  }
  GgufWriter& strings(std::string_view key, std::span<const std::string> texts) {
    ByteWriter encoded;
    for (const auto& text : texts) encoded.text(text);
    return array(key, GgufType::kString, texts.size(), encoded.bytes());
  }

  [[nodiscard]] std::string bytes() const {
    ByteWriter out;
    out.raw("GGUF").number(version);
    out.number<std::uint64_t>(tensor_count < 0 ? tensors.size() : static_cast<std::uint64_t>(tensor_count));
    out.number<std::uint64_t>(key_count < 0 ? keys_written_ : static_cast<std::uint64_t>(key_count));
    out.raw(keys_.bytes());
    std::string data;
    for (const auto& tensor : tensors) {
      data.resize((data.size() + alignment - 1) / alignment * alignment);
      out.text(tensor.name).number<std::uint32_t>(static_cast<std::uint32_t>(tensor.dims.size()));
      for (const auto extent : tensor.dims) out.number(extent);
      out.number(tensor.type);
      out.number<std::uint64_t>(tensor.offset < 0 ? data.size() : static_cast<std::uint64_t>(tensor.offset));
      data += tensor.data;
    }
    std::string file = out.bytes();
    if (!tensors.empty()) {
      file.resize((file.size() + alignment - 1) / alignment * alignment);
      file += data;
    }
    return file;
  }

 private:
  ByteWriter keys_;
  std::uint64_t keys_written_ = 0;
};

/// A copy of bytes at an address that is a multiple of 64, of exactly their size so that sanitizers see any overrun.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view bytes)
      : size_(bytes.size()), data_(static_cast<std::byte*>(::operator new (size_, std::align_val_t{64}))) {
    if (size_ > 0) std::memcpy(data_, bytes.data(), size_);
  }
  ~AlignedBytes() { ::operator delete (data_, std::align_val_t{64}); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  [[nodiscard]] std::span<const std::byte> span() const { return {data_, size_}; }
  [[nodiscard]] std::span<std::byte> writable() { return {data_, size_}; }

 private:
  std::size_t size_;
  std::byte* data_;
};

}  // namespace marquee::formats::testing
