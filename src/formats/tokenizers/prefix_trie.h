#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// Strings to ids, searched by all the prefixes of a text at once.
class PrefixTrie {
 public:
  PrefixTrie() = default;
  /// Of equal strings the last one counts. Empty strings are left out. At most 2^32 - 1 bytes in all.
  explicit PrefixTrie(std::vector<std::pair<std::string_view, TokenId>> entries);

  [[nodiscard]] bool empty() const { return nodes_.empty(); }
  /// Whether an entry begins with this byte.
  [[nodiscard]] bool begins(unsigned char byte) const { return roots_[byte] != 0; }

  /// Calls visit(length, id) for each entry that `text` begins with, the shortest first.
  template <typename Visit>
  void for_each_prefix(std::string_view text, Visit&& visit) const {
    if (text.empty()) return;
    std::uint32_t node = roots_[static_cast<unsigned char>(text[0])];
    for (std::size_t length = 1; node != 0; ++length) {
      const Node& here = nodes_[node];
      if (here.id >= 0) visit(length, here.id);
      if (length >= text.size()) break;
      node = child(here, static_cast<unsigned char>(text[length]));
    }
  }

  struct Match {
    std::size_t length = 0;
    TokenId id = -1;
  };
  /// The longest entry that `text` begins with; length 0 if there is none.
  [[nodiscard]] Match longest(std::string_view text) const {
    Match match;
    for_each_prefix(text, [&](std::size_t length, TokenId id) { match = {length, id}; });
    return match;
  }

 private:
  /// Children lie side by side, ordered by byte. Node 0 is no node.
  struct Node {
    std::uint32_t first_child = 0;
    TokenId id = -1;
    std::uint16_t children = 0;
    std::uint8_t byte = 0;
  };

  [[nodiscard]] std::uint32_t child(const Node& node, unsigned char byte) const {
    std::uint32_t low = node.first_child;
    std::uint32_t high = low + node.children;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (nodes_[middle].byte < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < node.first_child + node.children && nodes_[low].byte == byte ? low : 0;
  }

  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> roots_{};
};

}  // namespace marquee::formats
