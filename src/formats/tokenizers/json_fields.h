#pragma once
// What the parts of tokenizer.json have in common: objects with a "type", read field by field with errors that say
// where.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tokenizer.h"
#include "formats/tokenizers/normalizer.h"
#include "formats/tokenizers/pre_tokenizer.h"
#include "formats/tokenizers/token_decoder.h"
#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

/// How many parts a "Sequence" may have, with those inside it.
constexpr std::size_t kMaxSequence = 64;
/// Patterns, replacements, prefixes: real ones have a few bytes.
constexpr std::size_t kMaxLiteralBytes = 256;
/// How many times longer all normalizers together may make a text, and all decoders a token.
constexpr std::size_t kMaxTextGrowth = 256;
constexpr std::size_t kMaxTokenGrowth = 8;

/// An object inside a tokenizer.json, with its place for errors ("normalizer.normalizers[1]").
class JsonFields {
 public:
  /// @error kCorrupt if `value` is no object
  static base::Result<JsonFields> of(const base::json::value& value, std::string where);

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] base::Error corrupt(std::string_view field, std::string_view problem) const;
  [[nodiscard]] base::Error unsupported(std::string_view problem) const;

  /// The field, or null if it is missing or null.
  [[nodiscard]] const base::json::value* find(std::string_view field) const;
  [[nodiscard]] base::Result<std::string> type() const;
  [[nodiscard]] base::Result<std::string> string(std::string_view field) const;
  /// A string of at most kMaxLiteralBytes.
  [[nodiscard]] base::Result<std::string> literal(std::string_view field) const;
  [[nodiscard]] base::Result<std::string> string_or(std::string_view field, std::string_view fallback) const;
  [[nodiscard]] base::Result<std::optional<std::string>> optional_string(std::string_view field) const;
  [[nodiscard]] base::Result<bool> boolean_or(std::string_view field, bool fallback) const;
  [[nodiscard]] base::Result<std::uint64_t> count_or(std::string_view field, std::uint64_t fallback) const;
  /// @error kCorrupt if it is missing, no array, or longer than `at_most`
  [[nodiscard]] base::Result<const base::json::array*> array(std::string_view field, std::size_t at_most) const;
  [[nodiscard]] base::Result<const base::json::object*> object(std::string_view field) const;

 private:
  const base::json::object* object_ = nullptr;
  std::string where_;
};

/// A whole number from 0 to kMaxVocabulary - 1.
base::Result<TokenId> read_token_id(const base::json::value& value, std::string_view where);

/// A "pattern" field: {"String": …} or {"Regex": …}.
struct JsonPattern {
  bool regex = false;
  std::string text;
};
base::Result<JsonPattern> read_pattern(const JsonFields& fields);

/// A text out of the file for an error: as it stands, cut to a reasonable length.
std::string shown_text(std::string_view text);

base::Result<std::vector<NormalizerStage>> read_normalizer(const base::json::value& value);

struct JsonPreTokenizer {
  std::vector<PreTokenizerStage> stages;
  bool byte_level = false;  ///< the model works on bytes, written in the byte alphabet
};
base::Result<JsonPreTokenizer> read_pre_tokenizer(const base::json::value& value);

/// The ids around a single text, and around two if the file says so in a way that PairFrame can hold.
struct JsonPostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;
  std::optional<PairFrame> pair = {};
};
base::Result<JsonPostProcessor> read_post_processor(const base::json::value& value);

base::Result<TokenDecoder> read_decoder(const base::json::value& value);

}  // namespace marquee::formats
