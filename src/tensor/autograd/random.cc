#include "tensor/autograd/random.h"

namespace marquee::tensor::autograd {

std::array<std::uint32_t, 4> philox(std::uint64_t counter, std::uint64_t stream, std::uint64_t key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
  std::array<std::uint32_t, 4> words = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U),
                                        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32U)};
  auto key0 = static_cast<std::uint32_t>(key);
  auto key1 = static_cast<std::uint32_t>(key >> 32U);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * words[0];
    const std::uint64_t product1 = kMultiplier1 * words[2];
    words = {static_cast<std::uint32_t>(product1 >> 32U) ^ words[1] ^ key0, static_cast<std::uint32_t>(product1),
             static_cast<std::uint32_t>(product0 >> 32U) ^ words[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return words;
}

}  // namespace marquee::tensor::autograd
