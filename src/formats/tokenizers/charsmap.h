#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::formats {

/// A character map as SentencePiece compiles it: a double-array trie from byte strings to offsets into a pool of
/// NUL-terminated replacements.
/// @source sentencepiece/src/normalizer.h and the Darts-clone unit layout
class Charsmap {
 public:
  /// @error kCorrupt if the blob's sizes contradict each other or a replacement does not end
  static base::Result<Charsmap> parse(std::string_view blob);

  /// Of one replacement, in bytes.
  [[nodiscard]] std::size_t longest_replacement() const { return longest_replacement_; }

  struct Match {
    std::size_t length = 0;  ///< 0: none
    std::string_view replacement;
  };
  /// The longest entry that `text` begins with.
  [[nodiscard]] Match longest(std::string_view text) const;
  /// The shortest one.
  [[nodiscard]] Match shortest(std::string_view text) const;

 private:
  template <typename Visit>
  void for_each_prefix(std::string_view text, Visit&& visit) const;
  [[nodiscard]] std::string_view replacement_at(std::uint32_t offset) const;

  std::vector<std::uint32_t> units_;
  std::string pool_;
  std::size_t longest_replacement_ = 0;
};

}  // namespace marquee::formats
