#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// Two neighbouring tokens that become one. Lower ranks merge first; equal ranks from left to right.
struct Merge {
  TokenId left = -1;
  TokenId right = -1;
  TokenId result = -1;
  std::uint32_t rank = 0;
};

constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxMerges = 1U << 23;

/// Merges by their pair.
class MergeTable {
 public:
  MergeTable() = default;
  /// Of several merges of one pair the last one counts.
  explicit MergeTable(const std::vector<Merge>& merges);

  struct Found {
    std::uint32_t rank = kNoRank;
    TokenId result = -1;
  };
  [[nodiscard]] Found find(TokenId left, TokenId right) const {
    if (entries_.empty()) return {};
    const std::uint64_t key = pair_key(left, right);
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      const Entry& entry = entries_[slot];
      if (entry.key == key) return {entry.rank, entry.result};
      if (entry.rank == kNoRank) return {};
    }
  }

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t rank = kNoRank;  // kNoRank: free
    TokenId result = -1;
  };

  static std::uint64_t pair_key(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
    std::uint64_t hash = (key ^ seed_) * 0x9E3779B97F4A7C15;
    hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
    return (hash ^ (hash >> 32)) & mask_;
  }

  std::vector<Entry> entries_;
  std::size_t mask_ = 0;
  std::uint64_t seed_ = 0;
};

}  // namespace marquee::formats
