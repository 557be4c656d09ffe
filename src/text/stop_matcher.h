#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::text {

/// Looks for stop strings in a text that comes in pieces, and tells which part of it can be shown already: a character
/// is held back only while it may still turn out to be part of a stop string. The result does not depend on how the
/// text is cut. Linear in the length of text and stop strings. @source Aho, Corasick: Efficient string matching (CACM
/// 1975)
class StopMatcher {
 public:
  struct Output {
    std::string text;                    ///< safe to show; whole characters as long as the pieces are
    std::optional<std::size_t> matched;  ///< the stop string found; the text ends before it, and nothing more will come
  };

  /// Empty stop strings never match. Copies share the tables and start in the same state.
  explicit StopMatcher(std::span<const std::string> stops);

  /// The first stop string to be complete counts; of several complete at the same character, the longest. After a match
  /// every further push gives nothing.
  Output push(std::string_view piece);
  /// The text ends here: what was held back after all.
  std::string finish();
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;  ///< at most one for each stop string
    std::uint32_t fallback = 0;                                     ///< the longest proper suffix that is a node
    std::uint32_t depth = 0;
    std::optional<std::uint32_t> match;  ///< the longest stop string that ends here
  };
  using Automaton = std::vector<Node>;

  static Automaton build(std::span<const std::string> stops);
  static std::uint32_t child(const Node& node, unsigned char byte);

  std::shared_ptr<const Automaton> automaton_;
  std::vector<std::size_t> lengths_;
  std::string held_;
  std::uint32_t state_ = 0;
  bool stopped_ = false;
};

}  // namespace marquee::text
