#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace marquee::text::words {

/// The tree of hierarchical softmax: frequent words have short paths. Inner nodes are numbered from 0, the root being
/// the last. @source Huffman 1952; arXiv:1310.4546
class HuffmanTree {
 public:
  /// A longer path would need counts that add up to Fibonacci numbers beyond 10^12; what lies above it is left out.
  static constexpr std::size_t kMaxPath = 64;

  /// @param counts by falling size, all above 0, at least two
  explicit HuffmanTree(std::span<const std::uint64_t> counts);

  struct Path {
    std::span<const std::int32_t> nodes;  ///< from the root on; at most kMaxPath
    std::span<const float> labels;        ///< 1 where the path turns to the first child, 0 for the second
  };
  [[nodiscard]] Path path(std::int32_t word) const {
    const auto begin = starts_[static_cast<std::size_t>(word)];
    const auto length = starts_[static_cast<std::size_t>(word) + 1] - begin;
    return {{nodes_.data() + begin, length}, {labels_.data() + begin, length}};
  }
  [[nodiscard]] std::size_t inner_nodes() const { return inner_nodes_; }

 private:
  std::size_t inner_nodes_;
  std::vector<std::size_t> starts_;
  std::vector<std::int32_t> nodes_;
  std::vector<float> labels_;
};

}  // namespace marquee::text::words
