#include "formats/tokenizers/neighbour_set.h"

#include "base/utf8.h"

namespace marquee::formats {
namespace {

/// Never 0: the right code point is counted from 1.
std::uint64_t key_of(char32_t left, char32_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | (static_cast<std::uint64_t>(right) + 1);
}

std::size_t hash(std::uint64_t key) {
  key *= 0x9E3779B97F4A7C15;
  return key ^ (key >> 32);
}

}  // namespace

void NeighbourSet::add(std::string_view token) {
  char32_t left = 0;
  for (bool first = true; !token.empty(); first = false) {
    const auto byte = static_cast<unsigned char>(token[0]);
    const auto decoded = bytes_ ? base::DecodedCodePoint{byte, 1, true} : base::decode_utf8(token);
    if (!first) insert(left, decoded.code_point);
    left = decoded.code_point;
    token.remove_prefix(decoded.length);
  }
}

void NeighbourSet::insert(char32_t left, char32_t right) {
  if (left < 256 && right < 256) {
    small_.set(left * 256 + right);
    return;
  }
  if ((used_ + 1) * 2 > slots_.size()) grow();
  const std::uint64_t key = key_of(left, right);
  std::size_t slot = hash(key) & (slots_.size() - 1);
  while (slots_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & (slots_.size() - 1);
  if (slots_[slot] == 0) ++used_;
  slots_[slot] = key;
}

void NeighbourSet::grow() {
  std::vector<std::uint64_t> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint64_t key : old) {
    if (key == 0) continue;
    std::size_t slot = hash(key) & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = key;
  }
}

bool NeighbourSet::contains(char32_t left, char32_t right) const {
  if (left < 256 && right < 256) return small_.test(left * 256 + right);
  if (slots_.empty()) return false;
  const std::uint64_t key = key_of(left, right);
  std::size_t slot = hash(key) & (slots_.size() - 1);
  while (slots_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & (slots_.size() - 1);
  return slots_[slot] == key;
}

}  // namespace marquee::formats
