#include "http/request_id.h"

#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace marquee::http {

namespace {

/// Random bytes from the kernel, fetched a block at a time.
class RandomBlock {
 public:
  void fill(unsigned char* out, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      if (used_ == block_.size()) refill();
      out[i] = block_[used_++];
    }
  }

 private:
  void refill() {
    // getentropy gives at most 256 bytes and does not fail for them once the system has started.
    while (getentropy(block_.data(), block_.size()) != 0) {
    }
    used_ = 0;
  }
  std::array<unsigned char, 256> block_{};
  std::size_t used_ = 256;
};

void random_bytes(unsigned char* out, std::size_t size) {
  thread_local RandomBlock block;
  block.fill(out, size);
}

constexpr char kAlphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdLetters = 24;

}  // namespace

std::string new_request_id() {
  std::string id = "req_";
  while (id.size() < 4 + kIdLetters) {
    unsigned char byte = 0;
    random_bytes(&byte, 1);
    if (byte < 62 * 4) id.push_back(kAlphabet[byte % 62]);  // without the bias of the last 8 values
  }
  return id;
}

unsigned long long random_seed() {
  std::array<unsigned char, sizeof(unsigned long long)> bytes{};
  random_bytes(bytes.data(), bytes.size());
  unsigned long long seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof(seed));
  return seed;
}

}  // namespace marquee::http
