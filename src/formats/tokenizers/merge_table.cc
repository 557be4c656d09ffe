#include "formats/tokenizers/merge_table.h"

#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

MergeTable::MergeTable(const std::vector<Merge>& merges) : seed_(seeded_hash("merge table")) {
  if (merges.empty()) return;
  std::size_t slots = 16;
  while (slots < merges.size() * 2) slots *= 2;
  entries_.resize(slots);
  mask_ = slots - 1;
  for (const Merge& merge : merges) {
    const std::uint64_t key = pair_key(merge.left, merge.right);
    std::size_t slot = slot_of(key);
    while (entries_[slot].rank != kNoRank && entries_[slot].key != key) slot = (slot + 1) & mask_;
    entries_[slot] = {key, merge.rank, merge.result};
  }
}

}  // namespace marquee::formats
