#include "formats/tokenizers/tokenizer_gguf.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "formats/byte_cursor.h"
#include "formats/tokenizers/end_tokens.h"
#include "formats/tokenizers/merge_table.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

struct NamedId {
  const char* key;
  std::optional<TokenId> id;
};

Result<void> check_sizes(const GgufVocabulary& source) {
  const std::size_t count = source.tokens.size();
  if (count == 0) return base::corrupt("tokenizer.ggml.tokens is empty");
  if (count > kMaxVocabulary) {
    return Error{ErrorCode::kTooLarge, "tokenizer.ggml.tokens has " + std::to_string(count) + " tokens; at most " +
                                           std::to_string(kMaxVocabulary) + " are supported"};
  }
  if (source.merges.size() > kMaxMerges) {
    return Error{ErrorCode::kTooLarge, "tokenizer.ggml.merges has " + std::to_string(source.merges.size()) +
                                           " merges; at most " + std::to_string(kMaxMerges) + " are supported"};
  }
  if (!source.types.empty() && source.types.size() != count) {
    return base::corrupt("tokenizer.ggml.token_type has " + std::to_string(source.types.size()) + " entries for " +
                         std::to_string(count) + " tokens");
  }
  if (!source.scores.empty() && source.scores.size() != count) {
    return base::corrupt("tokenizer.ggml.scores has " + std::to_string(source.scores.size()) + " entries for " +
                         std::to_string(count) + " tokens");
  }
  const std::array<NamedId, 8> ids = {{{"bos", source.bos},
                                       {"eos", source.eos},
                                       {"eot", source.eot},
                                       {"unknown", source.unknown},
                                       {"seperator", source.separator},
                                       {"padding", source.padding},
                                       {"cls", source.cls},
                                       {"mask", source.mask}}};
  for (const auto& [key, id] : ids) {
    if (id && (*id < 0 || static_cast<std::size_t>(*id) >= count)) {
      return base::corrupt("tokenizer.ggml." + std::string(key) + "_token_id is " + std::to_string(*id) +
                           ", outside the vocabulary of " + std::to_string(count));
    }
  }
  return {};
}

Result<CheckedVocabulary> check(const GgufVocabulary& source) {
  MARQUEE_CHECK(check_sizes(source));
  CheckedVocabulary checked;
  checked.source = &source;
  checked.tokens.reserve(source.tokens.size());
  for (std::size_t i = 0; i < source.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::int32_t type = source.types.empty() ? 1 : source.types[i];
    if (type < 1 || type > 6) {
      return base::corrupt("tokenizer.ggml.token_type[" + std::to_string(i) + "] is " + std::to_string(type) +
                           "; types are 1 to 6");
    }
    MARQUEE_CHECK(checked.tokens.add(id, source.tokens[i]));
    const auto first = checked.tokens.find(source.tokens[i]);
    if (first != id && !source.tokens[i].empty()) {
      return base::corrupt("tokenizer.ggml.tokens has '" + printable_name(source.tokens[i]) + "' twice, as " +
                           std::to_string(*first) + " and " + std::to_string(i));
    }
    checked.types.push_back(static_cast<GgufTokenType>(type));
    checked.special.push_back(checked.types.back() == GgufTokenType::kControl ||
                              checked.types.back() == GgufTokenType::kUnknown);
  }
  return checked;
}

AddedTokens find_added_tokens(const CheckedVocabulary& vocabulary) {
  // GGUF has no place for "takes the whitespace after it along", which only Phi-3's tokens do among known models.
  const bool phi3 = vocabulary.source->model == "llama" && vocabulary.tokens.find("<|placeholder1|>").has_value();
  std::vector<AddedToken> added;
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    if (!vocabulary.special[i] && vocabulary.types[i] != GgufTokenType::kUserDefined) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = vocabulary.tokens.text(token.id);
    token.special = vocabulary.special[i];
    token.right_strip = phi3 && token.content != "<unk>" && token.content != "<s>" && token.content != "<|endoftext|>";
    added.push_back(std::move(token));
  }
  return AddedTokens(std::move(added));
}

Result<void> build_model(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  const std::string& model = vocabulary.source->model;
  if (model == "gpt2") return build_byte_level_bpe(vocabulary, parts);
  if (model == "llama") return build_sentencepiece_bpe(vocabulary, parts);
  if (model == "t5") return build_unigram(vocabulary, parts);
  if (model == "bert") return build_word_piece(vocabulary, parts);
  return base::unsupported("tokenizer.ggml.model '" + printable_name(model) +
                           "' is no tokenizer known here; known are gpt2, llama, t5 and bert");
}

}  // namespace

void add_ends(const GgufVocabulary& source, bool bos_by_default, bool eos_by_default, TokenizerParts& parts) {
  if (source.bos && source.add_bos.value_or(bos_by_default)) parts.before.push_back(*source.bos);
  if (source.eos && source.add_eos.value_or(eos_by_default)) parts.after.push_back(*source.eos);
}

Result<std::unique_ptr<Tokenizer>> tokenizer_from_gguf(const GgufVocabulary& source) {
  MARQUEE_ASSIGN(auto vocabulary, check(source));
  TokenizerParts parts;
  parts.bos = source.bos;
  parts.eos = source.eos;
  parts.raw_added = find_added_tokens(vocabulary);
  MARQUEE_CHECK(build_model(vocabulary, parts));
  parts.end_tokens = find_end_tokens(vocabulary.tokens, vocabulary.special, source.eos, source.eot);
  parts.special = std::move(vocabulary.special);
  parts.vocabulary = std::move(vocabulary.tokens);
  return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(parts)));
}

}  // namespace marquee::formats
