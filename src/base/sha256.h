#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::base {

/// Incremental SHA-256 (FIPS 180-4), by libsodium.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  /// The digest as 64 lower-case hexadecimal digits. The object is spent afterwards.
  std::string hex_digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view text);

/// @error kNotFound, kIo
Result<std::string> sha256_file(const std::filesystem::path& path,
                                const std::function<void(std::uint64_t done)>& progress = nullptr);

}  // namespace marquee::base
