#include "text/words/word_table.h"

#include <xxhash.h>

#include <bit>
#include <random>

namespace marquee::text::words {

namespace {

std::uint64_t random_key() {
  static const std::uint64_t kKey = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32U) | device();
  }();
  return kKey;
}

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }

}  // namespace

WordTable::WordTable() : key_(random_key()), slots_(1024), starts_(1, 0) {}

void WordTable::reserve(std::size_t words) {
  starts_.reserve(words + 1);
  const std::size_t slots = std::bit_ceil(words + words / 2 + 1);
  if (slots > slots_.size()) grow(slots);
}

std::uint64_t WordTable::hash(std::string_view word) const {
  return XXH3_64bits_withSeed(word.data(), word.size(), key_);
}

std::size_t WordTable::slot_of(std::string_view word, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id == kNone || (slot.tag == tag_of(hash) && this->word(slot.id) == word)) return at;
  }
}

std::int32_t WordTable::find(std::string_view word) const { return slots_[slot_of(word, hash(word))].id; }

std::int32_t WordTable::add(std::string_view word) {
  const std::uint64_t hash = this->hash(word);
  const std::size_t at = slot_of(word, hash);
  if (slots_[at].id != kNone) return slots_[at].id;
  const auto id = static_cast<std::int32_t>(size());
  slots_[at] = {tag_of(hash), id};
  letters_.insert(letters_.end(), word.begin(), word.end());
  starts_.push_back(letters_.size());
  if (3 * size() > 2 * slots_.size()) grow(2 * slots_.size());
  return id;
}

void WordTable::grow(std::size_t slots) {
  slots_.assign(slots, Slot{});
  for (std::size_t id = 0; id < size(); ++id) {
    const std::uint64_t hash = this->hash(word(static_cast<std::int32_t>(id)));
    const std::size_t mask = slots - 1;
    std::size_t at = hash & mask;
    while (slots_[at].id != kNone) at = (at + 1) & mask;
    slots_[at] = {tag_of(hash), static_cast<std::int32_t>(id)};
  }
}

}  // namespace marquee::text::words
