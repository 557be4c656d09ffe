#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/tokenizers/token_decoder.h"
#include "formats/tokenizers/tokenizer_gguf.h"
#include "formats/tokenizers/word_piece_model.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::string_view kWordStart = "\xE2\x96\x81";

using Entries = std::vector<std::pair<std::string_view, TokenId>>;

/// An id that the file gives, or that of the token BERT calls so.
std::optional<TokenId> id_or_named(std::optional<TokenId> id, const CheckedVocabulary& vocabulary,
                                   std::string_view name) {
  return id ? id : vocabulary.tokens.find(name);
}

/// What a token adds to a text. GGUF marks the tokens that begin words, where BERT marks the others.
void write_word_piece_texts(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  const TokenDecoder decoder({DecodeWordPiece{"##", true}});
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    std::string text(vocabulary.tokens.text(static_cast<TokenId>(i)));
    if (text.starts_with(kWordStart)) {
      text.erase(0, kWordStart.size());
    } else if (vocabulary.types[i] == GgufTokenType::kNormal) {
      text.insert(0, "##");
    }
    parts.texts.push_back(decoder.decode(text, false, false));
    parts.first_texts.push_back(decoder.decode(text, true, false));
  }
}

}  // namespace

Result<void> build_word_piece(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  const auto unknown = id_or_named(vocabulary.source->unknown, vocabulary, "[UNK]");
  if (!unknown) return base::corrupt("tokenizer.ggml.unknown_token_id is missing and there is no token '[UNK]'");
  Entries starts;
  Entries continuations;
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    if (vocabulary.types[i] != GgufTokenType::kNormal) continue;
    const auto id = static_cast<TokenId>(i);
    const auto text = vocabulary.tokens.text(id);
    if (text.starts_with(kWordStart)) {
      starts.emplace_back(text.substr(kWordStart.size()), id);
    } else {
      continuations.emplace_back(text, id);
    }
  }
  WordPieceOptions options;
  options.unknown = *unknown;
  parts.model =
      std::make_unique<WordPieceModel>(options, PrefixTrie(std::move(starts)), PrefixTrie(std::move(continuations)));
  BertCleaning cleaning;
  cleaning.lowercase = vocabulary.source->lowercase.value_or(true);
  cleaning.strip_accents = vocabulary.source->strip_accents.value_or(cleaning.lowercase);
  parts.normalizer = Normalizer({cleaning});
  parts.pre_tokenizer = PreTokenizer({CharSplit{CharSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved},
                                      CharSplit{CharSplit::Kind::kPunctuation, SplitBehavior::kIsolated}});
  write_word_piece_texts(vocabulary, parts);
  const auto cls = vocabulary.source->cls ? vocabulary.source->cls : vocabulary.source->bos;
  const auto first = id_or_named(cls, vocabulary, "[CLS]");
  const auto last = id_or_named(vocabulary.source->separator, vocabulary, "[SEP]");
  if (first && vocabulary.source->add_bos.value_or(true)) parts.before.push_back(*first);
  if (last) parts.after.push_back(*last);
  return {};
}

}  // namespace marquee::formats
