#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bags/slot_index.h"
#include "text/bags/term_hash.h"

namespace marquee::text::bags {

/// Terms while they are counted, numbered in the order in which they came. Their bytes lie in large blocks, so that a
/// term costs no allocation of its own. For one thread.
class TermTable {
 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;
  /// More would take over 10 GB: find_or_add refuses them.
  static constexpr std::size_t kMaxTerms = std::size_t{1} << 28U;

  struct Term {
    const char* text = nullptr;
    std::uint32_t bytes = 0;
    std::uint32_t documents = 0;          ///< that hold it
    std::uint32_t last_document = kNone;  ///< that held it
    std::uint32_t position = 0;           ///< in that document's row
    std::uint64_t occurrences = 0;

    [[nodiscard]] std::string_view view() const { return {text, bytes}; }
  };

  [[nodiscard]] std::size_t size() const { return terms_.size(); }
  [[nodiscard]] const Term& term(std::uint32_t number) const { return terms_[number]; }
  Term& term(std::uint32_t number) { return terms_[number]; }

  void prefetch(std::uint32_t hash) const { index_.prefetch(hash); }
  /// @param hash hash_term(text, term_hash_seed())
  /// @return its number, or kNone
  [[nodiscard]] std::uint32_t find(std::string_view text, std::uint32_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) {
      const Term& known = terms_[number];
      return known.bytes == text.size() && std::memcmp(known.text, text.data(), text.size()) == 0;
    });
  }
  /// @param text not empty
  /// @return its number; kNone if kMaxTerms are there already
  std::uint32_t find_or_add(std::string_view text, std::uint32_t hash) {
    const std::uint32_t number = find(text, hash);
    return number != kNone ? number : add(text, hash);
  }

  /// Takes in what another table counted, with its bytes. @return the number here of each of its terms
  std::vector<std::uint32_t> merge(TermTable&& other);

 private:
  std::uint32_t add(std::string_view text, std::uint32_t hash);
  const char* keep(std::string_view text);

  SlotIndex index_;
  std::vector<Term> terms_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t free_bytes_ = 0;
};

}  // namespace marquee::text::bags
