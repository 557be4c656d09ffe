#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::formats {

using TokenId = std::int32_t;

struct EncodeOptions {
  bool add_special = false;    ///< put the tokens around the text that the model's file asks for (BOS, [CLS] … [SEP])
  bool parse_special = false;  ///< recognise special tokens written in the text; otherwise they are plain text, so that
                               ///< a user's "<|im_end|>" cannot end a turn
};

/// What goes around two texts that a model reads together.
struct PairFrame {
  std::vector<TokenId> before, between, after;  ///< [CLS] first [SEP] second [SEP]
  bool second_has_own_type = false;             ///< the second text and what follows it have token type 1, not 0
};

/// Text to token ids and back. Immutable after loading; safe to use from many threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Never fails on any bytes: invalid UTF-8 is encoded by byte fall-back, U+FFFD or the unknown token, as the model's
  /// family does. Linear in the length of the text.
  [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const = 0;
  /// The text of the ids; out-of-range ids give nothing.
  [[nodiscard]] virtual std::string decode(std::span<const TokenId> ids, bool skip_special) const = 0;
  /// The bytes a token adds in the middle of a text (not always whole UTF-8); empty for an id out of range.
  [[nodiscard]] virtual std::string_view token_bytes(TokenId id) const = 0;
  /// The bytes it adds as the first of a text: some families then leave out the space that starts a word.
  [[nodiscard]] virtual std::string_view first_token_bytes(TokenId id) const { return token_bytes(id); }
  [[nodiscard]] virtual std::int32_t vocab_size() const = 0;
  [[nodiscard]] virtual bool is_special(TokenId id) const = 0;
  [[nodiscard]] virtual std::optional<TokenId> find(std::string_view token) const = 0;
  [[nodiscard]] virtual std::optional<TokenId> bos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> eos() const = 0;
  /// Every token that ends a generation: eos and the family's end-of-turn tokens.
  [[nodiscard]] virtual std::span<const TokenId> end_tokens() const = 0;
  /// What add_special puts around a text.
  [[nodiscard]] virtual std::span<const TokenId> before() const { return {}; }
  [[nodiscard]] virtual std::span<const TokenId> after() const { return {}; }
  /// Null if the model's file does not say how it takes two texts.
  [[nodiscard]] virtual const PairFrame* pair() const { return nullptr; }
};

/// Turns generated tokens into text as they come; holds back bytes that do not yet form a whole character, and never
/// emits half of one. Unless `after_text`, all pieces together equal decode() of all ids (invalid bytes become U+FFFD).
class StreamingDetokenizer {
 public:
  /// @param after_text the tokens go on with a text that is there already: the first keeps the space that starts its
  ///        word, so that the two can be joined
  explicit StreamingDetokenizer(const Tokenizer& tokenizer, bool skip_special = true, bool after_text = false)
      : tokenizer_(&tokenizer), skip_special_(skip_special), at_start_(!after_text) {}
  std::string push(TokenId id);
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  bool at_start_;
  std::string pending_;
};

}  // namespace marquee::formats
