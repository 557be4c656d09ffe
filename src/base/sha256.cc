#include "base/sha256.h"

#include <sodium.h>

#include <fstream>
#include <vector>

namespace marquee::base {

struct Sha256::State {
  crypto_hash_sha256_state value;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->value); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  crypto_hash_sha256_update(&state_->value, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string Sha256::hex_digest() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state_->value, digest.data());
  std::string hex(digest.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();
  return hex;
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.hex_digest();
}

Result<std::string> sha256_file(const std::filesystem::path& path,
                                const std::function<void(std::uint64_t done)>& progress) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return not_found(path.string() + ": cannot be opened for reading");
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  std::uint64_t done = 0;
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto got = static_cast<std::size_t>(file.gcount());
    hash.update(std::as_bytes(std::span(buffer.data(), got)));
    done += got;
    if (progress) progress(done);
  }
  if (file.bad()) return io_error(path.string() + ": read error");
  return hash.hex_digest();
}

}  // namespace marquee::base
