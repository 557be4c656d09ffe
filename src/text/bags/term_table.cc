#include "text/bags/term_table.h"

#include <algorithm>

namespace marquee::text::bags {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;

}  // namespace

const char* TermTable::keep(std::string_view text) {
  if (text.size() > free_bytes_) {
    const std::size_t bytes = std::max(kBlockBytes, text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    free_ = blocks_.back().get();
    free_bytes_ = bytes;
  }
  char* const kept = free_;
  std::memcpy(kept, text.data(), text.size());
  free_ += text.size();
  free_bytes_ -= text.size();
  return kept;
}

std::uint32_t TermTable::add(std::string_view text, std::uint32_t hash) {
  if (terms_.size() >= kMaxTerms) return kNone;
  const auto number = static_cast<std::uint32_t>(terms_.size());
  Term term;
  term.text = keep(text);
  term.bytes = static_cast<std::uint32_t>(text.size());
  terms_.push_back(term);
  index_.insert(hash, number);
  return number;
}

std::vector<std::uint32_t> TermTable::merge(TermTable&& other) {
  constexpr std::size_t kAhead = 8;
  const std::uint64_t seed = term_hash_seed();
  std::vector<std::uint32_t> numbers(other.size());
  std::vector<std::uint32_t> hashes(other.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) hashes[i] = hash_term(other.terms_[i].view(), seed);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) index_.prefetch(hashes[i + kAhead]);
    const Term& from = other.terms_[i];
    std::uint32_t number = find(from.view(), hashes[i]);
    if (number == kNone) {
      number = static_cast<std::uint32_t>(terms_.size());
      terms_.push_back(from);
      index_.insert(hashes[i], number);
    } else {
      terms_[number].documents += from.documents;
      terms_[number].occurrences += from.occurrences;
    }
    numbers[i] = number;
  }
  std::move(other.blocks_.begin(), other.blocks_.end(), std::back_inserter(blocks_));
  other = TermTable();
  return numbers;
}

}  // namespace marquee::text::bags
