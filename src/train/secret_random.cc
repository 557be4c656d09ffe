#include "train/secret_random.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>

#include "tensor/autograd/scope.h"

namespace marquee::train {
namespace {

constexpr std::size_t kWordsOfBlock = 8;  // of 64 bits in the 64 bytes that the cipher makes at a time
constexpr std::size_t kWordsOfPart = 512;
constexpr std::uint32_t kSampleStream = 1U << 31U;

void start_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start");
}

/// Uniform in (0, 1] with 53 bits: its logarithm is finite.
double unit(std::uint64_t word) { return static_cast<double>((word >> 11U) + 1) * 0x1p-53; }

}  // namespace

SecretRandom SecretRandom::fresh() {
  start_sodium();
  SecretRandom random;
  randombytes_buf(random.key_.data(), random.key_.size());
  return random;
}

SecretRandom SecretRandom::seeded(std::uint64_t seed) {
  start_sodium();
  SecretRandom random;
  unsigned char bytes[sizeof(seed)];
  std::memcpy(bytes, &seed, sizeof(seed));
  crypto_generichash(random.key_.data(), random.key_.size(), bytes, sizeof(bytes), nullptr, 0);
  return random;
}

void SecretRandom::fill(std::int64_t step, std::uint32_t stream, std::uint32_t block,
                        std::span<std::uint64_t> words) const {
  unsigned char nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
  std::memcpy(nonce, &step, sizeof(step));
  std::memcpy(nonce + sizeof(step), &stream, sizeof(stream));
  auto* bytes = reinterpret_cast<unsigned char*>(words.data());
  std::memset(bytes, 0, words.size_bytes());
  crypto_stream_chacha20_ietf_xor_ic(bytes, bytes, words.size_bytes(), nonce, block, key_.data());
}

void SecretRandom::add_gaussian(std::int64_t step, std::uint32_t stream, double deviation,
                                std::span<float> values) const {
  // Two values of two words (Box and Muller), in doubles: floats would end the tails early.
  const std::size_t parts = (values.size() + kWordsOfPart - 1) / kWordsOfPart;
  tensor::autograd::parallel_ranges(parts, 4, [&](std::size_t begin, std::size_t end) {
    std::array<std::uint64_t, kWordsOfPart> words;
    for (std::size_t part = begin; part < end; ++part) {
      fill(step, stream, static_cast<std::uint32_t>(part * (kWordsOfPart / kWordsOfBlock)), words);
      const std::span<float> here =
          values.subspan(part * kWordsOfPart, std::min(kWordsOfPart, values.size() - part * kWordsOfPart));
      for (std::size_t i = 0; i < here.size(); i += 2) {
        const double radius = deviation * std::sqrt(-2.0 * std::log(unit(words[i])));
        const double angle = 2.0 * std::numbers::pi * unit(words[i + 1]);
        here[i] += static_cast<float>(radius * std::cos(angle));
        if (i + 1 < here.size()) here[i + 1] += static_cast<float>(radius * std::sin(angle));
      }
    }
  });
}

std::vector<std::int64_t> SecretRandom::sample(std::int64_t step, std::int64_t count, double rate) const {
  std::vector<std::int64_t> taken;
  std::array<std::uint64_t, kWordsOfPart> words;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i) % kWordsOfPart;
    if (at == 0) {
      const auto block = static_cast<std::uint32_t>(static_cast<std::size_t>(i) / kWordsOfBlock);
      fill(step, kSampleStream, block, words);
    }
    if (static_cast<double>(words[at] >> 11U) * 0x1p-53 < rate) taken.push_back(i);
  }
  return taken;
}

}  // namespace marquee::train
