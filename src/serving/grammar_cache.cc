#include "serving/grammar_cache.h"

namespace marquee::serving {

namespace grammar = text::grammar;

std::shared_ptr<const grammar::TokenVocabulary> GrammarCache::vocabulary() {
  const std::lock_guard lock(vocabulary_mutex_);
  if (!vocabulary_) vocabulary_ = std::make_shared<const grammar::TokenVocabulary>(tokenizer_, vocab_size_);
  return vocabulary_;
}

std::shared_ptr<const grammar::TokenGrammar> GrammarCache::find(const grammar::Source& source) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->source != source) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->grammar;
  }
  return nullptr;
}

void GrammarCache::keep(Entry entry) {
  const std::lock_guard lock(mutex_);
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
  while (entries_.size() > 1 && (entries_.size() > kMaxGrammars || bytes_ > kMaxBytes)) {
    bytes_ -= entries_.back().bytes();
    entries_.pop_back();
  }
}

base::Result<std::shared_ptr<const grammar::TokenGrammar>> GrammarCache::get(const grammar::Source& source) {
  if (auto known = find(source)) return known;
  MARQUEE_ASSIGN(auto automaton, grammar::compile(source));
  auto compiled = std::make_shared<const grammar::TokenGrammar>(std::move(automaton), vocabulary());
  keep({source, compiled});
  return std::shared_ptr<const grammar::TokenGrammar>(std::move(compiled));
}

}  // namespace marquee::serving
