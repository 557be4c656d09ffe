#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// Far above any real vocabulary (the largest known have 0.3 million tokens), low enough that tables stay small.
constexpr std::size_t kMaxVocabulary = 1U << 22;
/// Bounds how far one step of a longest-match search can look.
constexpr std::size_t kMaxTokenBytes = 1024;
constexpr std::size_t kMaxVocabularyBytes = 1U << 24;

/// A hash of bytes with this process's random seed, so that no file can prepare collisions.
std::uint64_t seeded_hash(std::string_view bytes);

/// Strings and their ids, both ways.
class Vocabulary {
 public:
  /// Adds or renames a token. A text that is there already keeps the id it was given first.
  /// @error kTooLarge past kMaxVocabulary, kMaxTokenBytes or kMaxVocabularyBytes; kCorrupt if the id is taken
  base::Result<void> add(TokenId id, std::string_view text);
  /// Sets aside memory and slots for so many tokens.
  void reserve(std::size_t tokens);

  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;
  /// Empty for an id that has no text.
  [[nodiscard]] std::string_view text(TokenId id) const;
  [[nodiscard]] bool has(TokenId id) const;
  /// How many different texts there are.
  [[nodiscard]] std::size_t count() const { return used_; }
  /// One more than the highest id.
  [[nodiscard]] std::size_t size() const { return spans_.size(); }

 private:
  struct Span {
    std::uint32_t offset = 0;
    std::uint32_t length = kAbsent;
  };
  static constexpr std::uint32_t kAbsent = 0xFFFFFFFF;

  void rehash(std::size_t slots);
  [[nodiscard]] std::size_t slot_of(std::string_view text) const;

  std::string bytes_;
  std::vector<Span> spans_;
  std::vector<TokenId> slots_;  // -1: free; a power of two
  std::size_t used_ = 0;
};

}  // namespace marquee::formats
