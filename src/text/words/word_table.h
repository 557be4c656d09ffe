#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace marquee::text::words {

/// Longer words are no words: base64, a line without spaces.
constexpr std::size_t kMaxWordBytes = 1024;

/// Words and their numbers, counted from 0 in the order in which they came. Looked up by a keyed hash with a random
/// key, so that nobody can prepare words that all collide.
class WordTable {
 public:
  static constexpr std::int32_t kNone = -1;
  /// What one table can number.
  static constexpr std::size_t kMaxWords = std::size_t{1} << 30U;

  WordTable();

  /// @param words how many there will be, so that the table does not grow on the way
  void reserve(std::size_t words);
  /// The number of a word, which is new if the table had it not. @param word at most kMaxWordBytes
  std::int32_t add(std::string_view word);
  /// kNone if the table does not have it.
  [[nodiscard]] std::int32_t find(std::string_view word) const;
  /// Valid until the next add(). @param id in [0, size())
  [[nodiscard]] std::string_view word(std::int32_t id) const {
    const auto at = static_cast<std::size_t>(id);
    return {letters_.data() + starts_[at], starts_[at + 1] - starts_[at]};
  }
  [[nodiscard]] std::size_t size() const { return starts_.size() - 1; }

 private:
  struct Slot {
    std::uint32_t tag = 0;  ///< part of the hash
    std::int32_t id = kNone;
  };

  [[nodiscard]] std::uint64_t hash(std::string_view word) const;
  /// Where the word is or would be.
  [[nodiscard]] std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
  void grow(std::size_t slots);

  std::uint64_t key_;
  std::vector<Slot> slots_;  ///< a power of two of them, at most two thirds in use
  std::vector<std::size_t> starts_;
  std::vector<char> letters_;
};

}  // namespace marquee::text::words
