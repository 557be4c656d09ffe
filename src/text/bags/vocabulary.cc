#include "text/bags/vocabulary.h"

#include "base/utf8.h"
#include "text/bags/term_hash.h"

namespace marquee::text::bags {

using base::Result;

Result<Vocabulary> Vocabulary::make(std::string text, std::vector<std::uint32_t> lengths) {
  const auto broken = [](std::size_t number, const char* problem) {
    return base::corrupt("the vocabulary's term " + std::to_string(number) + " " + problem);
  };
  const std::uint64_t seed = term_hash_seed();
  Vocabulary made;
  made.text_ = std::move(text);
  made.index_ = SlotIndex(lengths.size());
  made.ends_.reserve(lengths.size() + 1);
  std::string_view before;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::uint64_t begin = made.ends_.back();
    if (lengths[i] == 0) return broken(i, "is empty");
    if (lengths[i] > made.text_.size() - begin) return broken(i, "ends after the end of the text");
    const std::string_view term(made.text_.data() + begin, lengths[i]);
    if (!base::is_valid_utf8(term)) return broken(i, "is not valid UTF-8");
    if (i > 0 && before >= term) return broken(i, "does not come after the one before it");
    made.index_.insert(hash_term(term, seed), static_cast<std::uint32_t>(i));
    made.ends_.push_back(begin + lengths[i]);
    before = term;
  }
  if (made.ends_.back() != made.text_.size()) return broken(lengths.size(), "is missing: text is left over");
  return made;
}

WordSet::WordSet(const std::vector<std::string>& words) {
  const std::uint64_t seed = term_hash_seed();
  for (const std::string& word : words) {
    if (contains(word)) continue;
    index_.insert(hash_term(word, seed), static_cast<std::uint32_t>(words_.size()));
    words_.push_back(word);
  }
}

bool WordSet::contains(std::string_view word) const {
  if (words_.empty()) return false;
  const std::uint32_t hash = hash_term(word, term_hash_seed());
  return index_.find(hash, [&](std::uint32_t number) { return words_[number] == word; }) != SlotIndex::kNone;
}

}  // namespace marquee::text::bags
