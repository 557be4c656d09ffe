#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "text/grammar/compile.h"
#include "text/grammar/token_grammar.h"

namespace marquee::serving {

/// The grammars that answers of one model have asked for last, compiled. Safe to use from many threads.
class GrammarCache {
 public:
  static constexpr std::size_t kMaxGrammars = 32;
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20U;  ///< of automata and sources; masks come on top

  /// The tokenizer must outlive the cache and every grammar from it. @param vocab_size length of the model's logits
  GrammarCache(const formats::Tokenizer& tokenizer, std::int32_t vocab_size)
      : tokenizer_(tokenizer), vocab_size_(vocab_size) {}

  /// Compiles on the calling thread unless it is known. The first call also sorts the vocabulary.
  /// @error as text::grammar::compile
  base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> get(const text::grammar::Source& source);

 private:
  struct Entry {
    text::grammar::Source source;
    std::shared_ptr<const text::grammar::TokenGrammar> grammar;
    [[nodiscard]] std::size_t bytes() const { return source.text.size() + grammar->automaton().bytes(); }
  };
  std::shared_ptr<const text::grammar::TokenVocabulary> vocabulary();
  std::shared_ptr<const text::grammar::TokenGrammar> find(const text::grammar::Source& source);
  void keep(Entry entry);

  const formats::Tokenizer& tokenizer_;
  std::int32_t vocab_size_;
  std::mutex vocabulary_mutex_;
  std::shared_ptr<const text::grammar::TokenVocabulary> vocabulary_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< the last used first
  std::size_t bytes_ = 0;
};

}  // namespace marquee::serving
