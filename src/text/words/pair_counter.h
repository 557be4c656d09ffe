#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/words/scratch_file.h"

namespace marquee::text::words {

/// Two words and how often they stand near each other.
struct PairCount {
  std::uint64_t pair = 0;  ///< the first word's number in the high half, the second's in the low one
  double count = 0.0;      ///< 0: a place of the table that is free
};

constexpr std::uint64_t pair_of(std::uint32_t first, std::uint32_t second) {
  return (static_cast<std::uint64_t>(first) << 32U) | second;
}

/// Adds up counts of pairs in bounded memory: a hash table, which goes to disk as a sorted run whenever it is full.
class PairCounter {
 public:
  /// @param max_bytes of the table; at least 64 KiB are used
  PairCounter(std::size_t max_bytes, ScratchFile file);

  /// The pair's place is asked for, so that it is in the cache when the count comes.
  void prefetch(std::uint64_t pair) const { __builtin_prefetch(&slots_[home(pair)], 1); }
  /// @param count above 0  @return whether make_room() must be called now
  [[nodiscard]] bool add(std::uint64_t pair, double count) {
    std::size_t at = home(pair);
    while (slots_[at].count != 0.0 && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    const bool is_new = slots_[at].count == 0.0;
    slots_[at].pair = pair;
    slots_[at].count += count;
    return is_new && ++used_ > most_used_;
  }
  /// @error kIo when a run has to go to disk and cannot
  base::Result<void> make_room();

  /// What is in memory is sorted; add() may not be called any more.
  void finish();

  struct Run {
    std::uint64_t begin = 0;  ///< in pairs, not bytes
    std::uint64_t count = 0;
  };
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  [[nodiscard]] const ScratchFile& file() const { return file_; }
  /// After finish(): the last run.
  [[nodiscard]] std::span<const PairCount> in_memory() const { return {slots_.data(), used_}; }

 private:
  [[nodiscard]] std::size_t home(std::uint64_t pair) const {
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15U) >> shift_);
  }
  void resize(std::size_t slots);
  /// The used slots, sorted, at the beginning.
  void sort_used();

  std::size_t max_slots_;
  ScratchFile file_;
  std::vector<PairCount> slots_;  ///< a power of two of them
  unsigned shift_ = 0;
  std::size_t used_ = 0;
  std::size_t most_used_ = 0;
  std::vector<Run> runs_;
};

/// Reads several sorted runs as one, the counts of equal pairs added up.
class PairMerger {
 public:
  /// @param counters finished; must outlive it  @param max_bytes for reading runs from disk
  PairMerger(std::span<const PairCounter> counters, std::size_t max_bytes);

  /// @return a count of 0 after the last pair  @error kIo
  base::Result<PairCount> next();
  /// Pairs of all runs: at least as many as next() will give.
  [[nodiscard]] std::uint64_t upper_bound() const { return upper_bound_; }

 private:
  struct Source {
    const ScratchFile* file = nullptr;
    std::uint64_t next = 0;  ///< to be read from the file
    std::uint64_t end = 0;
    std::vector<PairCount> buffer;
    std::span<const PairCount> rest;  ///< in memory; the first is the smallest
  };
  base::Result<void> refill(Source& source) const;
  base::Result<void> advance(std::size_t source);
  void sift_down(std::size_t at);
  [[nodiscard]] std::uint64_t key(std::size_t at) const { return sources_[heap_[at]].rest.front().pair; }

  std::size_t buffer_pairs_;
  std::uint64_t upper_bound_ = 0;
  std::vector<Source> sources_;
  std::vector<std::size_t> heap_;  ///< sources with something left, the smallest pair first
  bool is_begun_ = false;
};

}  // namespace marquee::text::words
