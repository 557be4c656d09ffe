#include "text/words/huffman.h"

#include <algorithm>

namespace marquee::text::words {

namespace {

/// Parents and which child each node is, of leaves first and inner nodes after them.
struct Links {
  std::vector<std::int32_t> parent;
  std::vector<bool> is_second;
};

/// As the counts fall, leaves and inner nodes are both queues in order of weight: two of them and no heap.
Links link(std::span<const std::uint64_t> counts) {
  const std::size_t words = counts.size();
  Links links{std::vector<std::int32_t>(2 * words - 1, -1), std::vector<bool>(2 * words - 1, false)};
  std::vector<std::uint64_t> inner;
  inner.reserve(words - 1);
  std::size_t leaves_left = words;
  std::size_t next_inner = 0;
  const auto take_lightest = [&](std::uint64_t& weight) {
    const bool is_leaf =
        leaves_left > 0 && (next_inner == inner.size() || counts[leaves_left - 1] <= inner[next_inner]);
    weight += is_leaf ? counts[leaves_left - 1] : inner[next_inner];
    return is_leaf ? --leaves_left : words + next_inner++;
  };
  while (inner.size() + 1 < words) {
    std::uint64_t weight = 0;
    const std::size_t first = take_lightest(weight);
    const std::size_t second = take_lightest(weight);
    const auto parent = static_cast<std::int32_t>(words + inner.size());
    links.parent[first] = links.parent[second] = parent;
    links.is_second[second] = true;
    inner.push_back(weight);
  }
  return links;
}

}  // namespace

HuffmanTree::HuffmanTree(std::span<const std::uint64_t> counts) : inner_nodes_(counts.size() - 1), starts_(1, 0) {
  const Links links = link(counts);
  for (std::size_t word = 0; word < counts.size(); ++word) {
    const std::size_t begin = nodes_.size();
    auto node = static_cast<std::int32_t>(word);
    while (links.parent[static_cast<std::size_t>(node)] >= 0 && nodes_.size() - begin < kMaxPath) {
      labels_.push_back(links.is_second[static_cast<std::size_t>(node)] ? 0.0F : 1.0F);
      node = links.parent[static_cast<std::size_t>(node)];
      nodes_.push_back(node - static_cast<std::int32_t>(counts.size()));
    }
    std::reverse(nodes_.begin() + static_cast<std::ptrdiff_t>(begin), nodes_.end());
    std::reverse(labels_.begin() + static_cast<std::ptrdiff_t>(begin), labels_.end());
    starts_.push_back(nodes_.size());
  }
}

}  // namespace marquee::text::words
