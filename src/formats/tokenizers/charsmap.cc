#include "formats/tokenizers/charsmap.h"

#include <algorithm>
#include <cstring>

namespace marquee::formats {
namespace {

constexpr std::size_t kMaxBlobBytes = 64U << 20;
constexpr std::size_t kMaxReplacementBytes = 64;  // Unicode's longest has 33

// The fields of a Darts-clone unit.
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label_of(std::uint32_t unit) { return unit & (0x80000000 | 0xFF); }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace

base::Result<Charsmap> Charsmap::parse(std::string_view blob) {
  if (blob.size() > kMaxBlobBytes) {
    return base::Error{base::ErrorCode::kTooLarge, "the precompiled character map is larger than 64 MiB"};
  }
  std::uint32_t trie_bytes = 0;
  if (blob.size() < sizeof(trie_bytes)) return base::corrupt("the precompiled character map is too short");
  std::memcpy(&trie_bytes, blob.data(), sizeof(trie_bytes));
  blob.remove_prefix(sizeof(trie_bytes));
  if (trie_bytes > blob.size() || trie_bytes % sizeof(std::uint32_t) != 0 || trie_bytes == 0) {
    return base::corrupt("the precompiled character map's trie has " + std::to_string(trie_bytes) + " bytes where " +
                         std::to_string(blob.size()) + " are there");
  }
  Charsmap map;
  map.units_.resize(trie_bytes / sizeof(std::uint32_t));
  std::memcpy(map.units_.data(), blob.data(), trie_bytes);
  map.pool_ = blob.substr(trie_bytes);
  if (!map.pool_.empty() && map.pool_.back() != '\0') {
    return base::corrupt("the precompiled character map's last replacement does not end");
  }
  for (std::size_t begin = 0; begin < map.pool_.size();) {
    const std::size_t end = map.pool_.find('\0', begin);
    map.longest_replacement_ = std::max(map.longest_replacement_, end - begin);
    begin = end + 1;
  }
  if (map.longest_replacement_ > kMaxReplacementBytes) {
    return base::corrupt("the precompiled character map has a replacement of " +
                         std::to_string(map.longest_replacement_) + " bytes");
  }
  return map;
}

std::string_view Charsmap::replacement_at(std::uint32_t offset) const {
  if (offset >= pool_.size()) return {};
  return std::string_view(pool_.data() + offset);  // parse() made sure of a NUL
}

template <typename Visit>
void Charsmap::for_each_prefix(std::string_view text, Visit&& visit) const {
  std::uint32_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size()) return;
    const std::uint32_t unit = units_[node];
    if (label_of(unit) != byte) return;
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return;
    if (!visit(i + 1, value_of(units_[node]))) return;
  }
}

Charsmap::Match Charsmap::longest(std::string_view text) const {
  Match match;
  for_each_prefix(text, [&](std::size_t length, std::uint32_t value) {
    match = {length, replacement_at(value)};
    return true;
  });
  return match;
}

Charsmap::Match Charsmap::shortest(std::string_view text) const {
  Match match;
  for_each_prefix(text, [&](std::size_t length, std::uint32_t value) {
    match = {length, replacement_at(value)};
    return false;
  });
  return match;
}

}  // namespace marquee::formats
