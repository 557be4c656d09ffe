#include "formats/tokenizers/prefix_trie.h"

#include <algorithm>

namespace marquee::formats {
namespace {

/// The entries below a node still without children.
struct OpenNode {
  std::uint32_t node;
  std::size_t begin;
  std::size_t end;
};

}  // namespace

PrefixTrie::PrefixTrie(std::vector<std::pair<std::string_view, TokenId>> entries) {
  std::erase_if(entries, [](const auto& entry) { return entry.first.empty(); });
  if (entries.empty()) return;
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  nodes_.emplace_back();
  std::vector<OpenNode> level = {{0, 0, entries.size()}};
  std::vector<OpenNode> next_level;
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    next_level.clear();
    for (const OpenNode& here : level) {
      std::size_t begin = here.begin;
      while (begin < here.end && entries[begin].first.size() == depth) nodes_[here.node].id = entries[begin++].second;
      nodes_[here.node].first_child = static_cast<std::uint32_t>(nodes_.size());
      while (begin < here.end) {
        const char byte = entries[begin].first[depth];
        std::size_t end = begin;
        while (end < here.end && entries[end].first[depth] == byte) ++end;
        next_level.push_back({static_cast<std::uint32_t>(nodes_.size()), begin, end});
        ++nodes_[here.node].children;
        nodes_.push_back({0, -1, 0, static_cast<std::uint8_t>(byte)});
        begin = end;
      }
    }
    level.swap(next_level);
  }
  const Node root = nodes_[0];
  for (std::uint32_t i = 0; i < root.children; ++i) roots_[nodes_[root.first_child + i].byte] = root.first_child + i;
}

}  // namespace marquee::formats
