#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/bags/slot_index.h"

namespace marquee::text::bags {

/// The terms that have columns, in the order of their code points: a term's column is its place. Immutable; any number
/// of threads may ask.
class Vocabulary {
 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;

  Vocabulary() = default;
  /// @param text the terms one after another, in ascending order of their bytes, each once
  /// @param lengths how many bytes each has, at least 1
  /// @error kCorrupt naming the term if the order is broken, a term is empty or not UTF-8, or the lengths do not add up
  static base::Result<Vocabulary> make(std::string text, std::vector<std::uint32_t> lengths);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size() - 1); }
  /// @param column less than size()
  [[nodiscard]] std::string_view term(std::uint32_t column) const {
    const auto begin = static_cast<std::size_t>(ends_[column]);
    return {text_.data() + begin, static_cast<std::size_t>(ends_[column + std::size_t{1}]) - begin};
  }
  void prefetch(std::uint32_t hash) const { index_.prefetch(hash); }
  /// @param hash hash_term(text, term_hash_seed())
  /// @return the column, or kNone
  [[nodiscard]] std::uint32_t find(std::string_view text, std::uint32_t hash) const {
    return index_.find(hash, [&](std::uint32_t column) {
      const std::string_view known = term(column);
      return known.size() == text.size() && std::memcmp(known.data(), text.data(), text.size()) == 0;
    });
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::uint64_t> ends_ = {0};  // of column i: [i, i + 1]
  SlotIndex index_;
};

/// A handful of words to be left out. Immutable.
class WordSet {
 public:
  WordSet() = default;
  explicit WordSet(const std::vector<std::string>& words);
  [[nodiscard]] bool contains(std::string_view word) const;
  [[nodiscard]] bool empty() const { return words_.empty(); }

 private:
  std::vector<std::string> words_;
  SlotIndex index_;
};

}  // namespace marquee::text::bags
