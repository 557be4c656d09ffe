#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace marquee::formats {

/// Walks through little-endian bytes, refusing every step past their end. `where` is put into its errors.
class ByteCursor {
 public:
  ByteCursor(std::span<const std::byte> bytes, std::string_view file_name) : bytes_(bytes), file_name_(file_name) {}

  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }
  /// What is being read, for errors: "metadata key 'general.name'".
  void set_where(std::string where) { where_ = std::move(where); }

  [[nodiscard]] base::Error error(base::ErrorCode code, std::string_view message) const {
    return {code,
            file_name_ + ": " + where_ + ": " + std::string(message) + " (at byte " + std::to_string(offset_) + ")"};
  }
  [[nodiscard]] base::Error corrupt(std::string_view message) const {
    return error(base::ErrorCode::kCorrupt, message);
  }

  base::Result<std::span<const std::byte>> take(std::uint64_t count, std::string_view what) {
    if (count > remaining()) {
      return corrupt(std::string(what) + " needs " + std::to_string(count) + " bytes where " +
                     std::to_string(remaining()) + " are left; the file is truncated or its length field is wrong");
    }
    const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(count));
    offset_ += taken.size();
    return taken;
  }

  template <typename T>
  base::Result<T> number(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    MARQUEE_ASSIGN(const auto raw, take(sizeof(T), what));
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  /// A 64-bit length and that many bytes.
  base::Result<std::string_view> string(std::string_view what) {
    MARQUEE_ASSIGN(const auto length, number<std::uint64_t>(what));
    MARQUEE_ASSIGN(const auto raw, take(length, what));
    return std::string_view(reinterpret_cast<const char*>(raw.data()), raw.size());
  }

 private:
  std::span<const std::byte> bytes_;
  std::string file_name_;
  std::string where_ = "header";
  std::size_t offset_ = 0;
};

/// A name out of a file made fit for an error or a log: valid UTF-8 without control characters, at most 80 bytes.
std::string printable_name(std::string_view name);

}  // namespace marquee::formats
