#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace marquee::text::bags {

/// An open-addressing table from the hash of a term to its number: 8 bytes a slot, neighbours tried in turn. The hash
/// is kept in the slot, so that few terms are compared and none is hashed again when the table grows.
class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = ~0U;

  /// @param entries how many there is room for before it grows
  explicit SlotIndex(std::size_t entries = 0) { allocate(entries); }

  /// Brings the slot of a hash nearer, for a find() soon after.
  void prefetch(std::uint32_t hash) const { __builtin_prefetch(&slots_[hash >> shift_]); }

  /// @param is_it asked bool(number) for entries of the same hash
  /// @return the number of the entry, or kNone
  template <typename IsIt>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, IsIt&& is_it) const {
    for (std::size_t at = hash >> shift_;; at = (at + 1) & mask_) {
      const std::uint64_t slot = slots_[at];
      if (slot == 0) return kNone;
      const auto number = static_cast<std::uint32_t>(slot) - 1;
      if (static_cast<std::uint32_t>(slot >> 32U) == hash && is_it(number)) return number;
    }
  }

  /// Adds an entry that find() does not know. @param number less than kNone
  void insert(std::uint32_t hash, std::uint32_t number) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    place(static_cast<std::uint64_t>(hash) << 32U | (number + 1));
    ++used_;
  }

 private:
  void allocate(std::size_t entries) {
    const std::size_t slots = std::bit_ceil(entries * 2 < 1024 ? std::size_t{1024} : entries * 2);
    slots_.assign(slots, 0);
    mask_ = slots - 1;
    shift_ = 32U - static_cast<unsigned>(std::countr_zero(slots));
  }
  void place(std::uint64_t slot) {
    std::size_t at = static_cast<std::uint32_t>(slot >> 32U) >> shift_;
    while (slots_[at] != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
  void grow() {
    std::vector<std::uint64_t> before;
    before.swap(slots_);
    allocate(before.size());
    for (const std::uint64_t slot : before) {
      if (slot != 0) place(slot);
    }
  }

  std::vector<std::uint64_t> slots_;  // 0, or hash << 32 | number + 1
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::size_t used_ = 0;
};

}  // namespace marquee::text::bags
