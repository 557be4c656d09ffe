#include "formats/tokenizers/vocabulary.h"

#include <cstring>
#include <random>

#include "formats/byte_cursor.h"

namespace marquee::formats {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) ^ device();
  }();
  return seed;
}

}  // namespace

std::uint64_t seeded_hash(std::string_view bytes) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t state = process_seed() ^ (bytes.size() * kOdd);
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    state = mix(state ^ word, kOdd);
    bytes.remove_prefix(8);
  }
  std::uint64_t tail = 0;
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
  return mix(state ^ tail, kOdd ^ process_seed());
}

std::size_t Vocabulary::slot_of(std::string_view text) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = seeded_hash(text) & mask;
  while (slots_[slot] >= 0 && this->text(slots_[slot]) != text) slot = (slot + 1) & mask;
  return slot;
}

void Vocabulary::rehash(std::size_t slots) {
  std::vector<TokenId> old(slots, -1);
  old.swap(slots_);
  for (const TokenId id : old) {
    if (id >= 0) slots_[slot_of(text(id))] = id;
  }
}

void Vocabulary::reserve(std::size_t tokens) {
  std::size_t slots = 16;
  while (slots < tokens * 2) slots *= 2;
  if (slots > slots_.size()) rehash(slots);
  spans_.reserve(tokens);
}

base::Result<void> Vocabulary::add(TokenId id, std::string_view text) {
  using base::Error;
  using base::ErrorCode;
  const auto shown = [text] { return "token '" + printable_name(text) + "' "; };
  if (id < 0 || static_cast<std::size_t>(id) >= kMaxVocabulary) {
    return Error{ErrorCode::kTooLarge, shown() + "has the id " + std::to_string(id) + "; ids must be from 0 to " +
                                           std::to_string(kMaxVocabulary - 1)};
  }
  if (text.size() > kMaxTokenBytes) {
    return Error{ErrorCode::kTooLarge, shown() + "has " + std::to_string(text.size()) + " bytes; at most " +
                                           std::to_string(kMaxTokenBytes) + " are supported"};
  }
  if (bytes_.size() + text.size() > kMaxVocabularyBytes) {
    return Error{ErrorCode::kTooLarge,
                 "the vocabulary has more than " + std::to_string(kMaxVocabularyBytes) + " bytes of tokens"};
  }
  if (has(id)) {
    return base::corrupt(shown() + "has the id " + std::to_string(id) + ", which belongs to '" +
                         printable_name(this->text(id)) + "'");
  }
  if (static_cast<std::size_t>(id) >= spans_.size()) spans_.resize(static_cast<std::size_t>(id) + 1);
  if ((used_ + 1) * 2 > slots_.size()) rehash(slots_.empty() ? 16 : slots_.size() * 2);
  spans_[id] = {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(text.size())};
  bytes_.append(text);
  const std::size_t slot = slot_of(text);
  if (slots_[slot] < 0) {
    slots_[slot] = id;
    ++used_;
  }
  return {};
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const TokenId id = slots_[slot_of(text)];
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

std::string_view Vocabulary::text(TokenId id) const {
  if (!has(id)) return {};
  return std::string_view(bytes_).substr(spans_[id].offset, spans_[id].length);
}

bool Vocabulary::has(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < spans_.size() && spans_[id].length != kAbsent;
}

}  // namespace marquee::formats
