#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"
#include "formats/tokenizers/added_tokens.h"
#include "formats/tokenizers/normalizer.h"
#include "formats/tokenizers/pre_tokenizer.h"
#include "formats/tokenizers/subword_model.h"
#include "formats/tokenizers/token_texts.h"
#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

/// What a tokenizer is made of. The readers of GGUF and of tokenizer.json fill it in.
struct TokenizerParts {
  Vocabulary vocabulary;         ///< every token as its file writes it
  AddedTokens raw_added;         ///< looked for in the text as it is
  AddedTokens normalized_added;  ///< looked for in the normalised text
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<SubwordModel> model;
  bool takes_any_bytes = false;  ///< the model can encode bytes that are no UTF-8; else they become U+FFFD first
  std::vector<TokenId> before;   ///< with EncodeOptions::add_special
  std::vector<TokenId> after;
  std::optional<PairFrame> pair;
  TokenTexts texts;           ///< what a token adds to a text
  TokenTexts first_texts;     ///< what it adds as the first of a text; empty if there is no difference
  std::vector<bool> special;  ///< by id
  std::optional<TokenId> bos, eos;
  std::vector<TokenId> end_tokens;
};

/// The steps that all tokenizers have in common: added tokens, normalisation, pre-tokenisation, the subword model, and
/// the tokens around the text.
class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(TokenizerParts parts);

  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const override;
  [[nodiscard]] std::span<const TokenId> before() const override { return parts_.before; }
  [[nodiscard]] std::span<const TokenId> after() const override { return parts_.after; }
  [[nodiscard]] const PairFrame* pair() const override { return parts_.pair ? &*parts_.pair : nullptr; }
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special) const override;
  [[nodiscard]] std::string_view token_bytes(TokenId id) const override { return parts_.texts.at(id); }
  [[nodiscard]] std::string_view first_token_bytes(TokenId id) const override;
  [[nodiscard]] std::int32_t vocab_size() const override { return static_cast<std::int32_t>(parts_.texts.size()); }
  [[nodiscard]] bool is_special(TokenId id) const override;
  [[nodiscard]] std::optional<TokenId> find(std::string_view token) const override;
  [[nodiscard]] std::optional<TokenId> bos() const override { return parts_.bos; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return parts_.eos; }
  [[nodiscard]] std::span<const TokenId> end_tokens() const override { return parts_.end_tokens; }

 private:
  class Encoding;

  TokenizerParts parts_;
};

}  // namespace marquee::formats
