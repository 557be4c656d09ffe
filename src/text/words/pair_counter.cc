#include "text/words/pair_counter.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace marquee::text::words {

using base::Result;

namespace {
constexpr std::size_t kLeastSlots = 4096;
}

PairCounter::PairCounter(std::size_t max_bytes, ScratchFile file)
    // While it grows the old table and the new one, twice as large, are there at once.
    : max_slots_(std::max(kLeastSlots, std::bit_floor(max_bytes / sizeof(PairCount) / 3 * 2))), file_(std::move(file)) {
  resize(kLeastSlots);
}

void PairCounter::resize(std::size_t slots) {
  std::vector<PairCount> old = std::exchange(slots_, std::vector<PairCount>(slots));
  shift_ = 64U - static_cast<unsigned>(std::bit_width(slots) - 1);
  most_used_ = slots / 8 * 5;
  for (const PairCount& pair : old) {
    if (pair.count == 0.0) continue;
    std::size_t at = home(pair.pair);
    while (slots_[at].count != 0.0) at = (at + 1) & (slots - 1);
    slots_[at] = pair;
  }
}

void PairCounter::sort_used() {
  const auto end =
      std::remove_if(slots_.begin(), slots_.end(), [](const PairCount& pair) { return pair.count == 0.0; });
  std::sort(slots_.begin(), end, [](const PairCount& a, const PairCount& b) { return a.pair < b.pair; });
}

Result<void> PairCounter::make_room() {
  if (slots_.size() * 2 <= max_slots_) {
    resize(slots_.size() * 2);
    return {};
  }
  sort_used();
  runs_.push_back({file_.size() / sizeof(PairCount), used_});
  MARQUEE_CHECK(file_.append(std::span<const PairCount>(slots_.data(), used_)));
  std::fill(slots_.begin(), slots_.end(), PairCount{});
  used_ = 0;
  return {};
}

void PairCounter::finish() { sort_used(); }

PairMerger::PairMerger(std::span<const PairCounter> counters, std::size_t max_bytes) {
  std::size_t on_disk = 0;
  for (const PairCounter& counter : counters) {
    on_disk += counter.runs().size();
    for (const auto& run : counter.runs()) {
      sources_.push_back({&counter.file(), run.begin, run.begin + run.count, {}, {}});
      upper_bound_ += run.count;
    }
    upper_bound_ += counter.in_memory().size();
    sources_.push_back({nullptr, 0, 0, {}, counter.in_memory()});
  }
  const std::size_t each = max_bytes / sizeof(PairCount) / std::max<std::size_t>(1, on_disk);
  buffer_pairs_ = std::clamp<std::size_t>(each, 256, 65'536);
}

Result<void> PairMerger::refill(Source& source) const {
  const std::uint64_t count = std::min<std::uint64_t>(buffer_pairs_, source.end - source.next);
  if (count == 0) return {};
  source.buffer.resize(count);
  MARQUEE_CHECK(source.file->read(source.next * sizeof(PairCount), std::span<PairCount>(source.buffer)));
  source.next += count;
  source.rest = source.buffer;
  return {};
}

void PairMerger::sift_down(std::size_t at) {
  while (true) {
    std::size_t least = at;
    for (std::size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child) {
      if (key(child) < key(least)) least = child;
    }
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    at = least;
  }
}

/// Goes on in the source at the heap's top.
Result<void> PairMerger::advance(std::size_t source) {
  Source& top = sources_[source];
  top.rest = top.rest.subspan(1);
  if (top.rest.empty()) MARQUEE_CHECK(refill(top));
  if (top.rest.empty()) {
    heap_[0] = heap_.back();
    heap_.pop_back();
  }
  if (!heap_.empty()) sift_down(0);
  return {};
}

Result<PairCount> PairMerger::next() {
  if (!std::exchange(is_begun_, true)) {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].file != nullptr) MARQUEE_CHECK(refill(sources_[i]));
      if (!sources_[i].rest.empty()) heap_.push_back(i);
    }
    for (std::size_t i = heap_.size() / 2; i-- > 0;) sift_down(i);
  }
  if (heap_.empty()) return PairCount{};
  PairCount sum{key(0), 0.0};
  while (!heap_.empty() && key(0) == sum.pair) {
    const std::size_t top = heap_[0];
    sum.count += sources_[top].rest.front().count;
    MARQUEE_CHECK(advance(top));
  }
  return sum;
}

}  // namespace marquee::text::words
