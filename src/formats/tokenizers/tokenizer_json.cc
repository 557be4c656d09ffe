#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/model_file.h"
#include "formats/tokenizers/end_tokens.h"
#include "formats/tokenizers/json_fields.h"
#include "formats/tokenizers/json_model.h"
#include "formats/tokenizers/pipeline_tokenizer.h"

namespace marquee::formats {

using base::Result;

namespace {

/// A special token in tokenizer_config.json: a text, or an object with its "content".
std::optional<TokenId> token_named(const base::json::object& config, std::string_view key, const Vocabulary& tokens) {
  const auto* value = config.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* object = value->if_object()) value = object->if_contains("content");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return tokens.find(value->get_string());
}

Result<void> read_config(std::string_view text, TokenizerParts& parts) {
  if (text.empty()) return {};
  MARQUEE_ASSIGN(const auto config, base::parse_json(text, "tokenizer_config.json"));
  if (!config.is_object()) return base::corrupt("tokenizer_config.json is not an object");
  parts.bos = token_named(config.get_object(), "bos_token", parts.vocabulary);
  parts.eos = token_named(config.get_object(), "eos_token", parts.vocabulary);
  return {};
}

Result<void> place_added_tokens(std::vector<AddedToken> added, TokenizerParts& parts) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (auto& token : added) {
    if (!token.normalized) {
      raw.push_back(std::move(token));
      continue;
    }
    token.content = parts.normalizer.apply(token.content);
    if (token.content.size() > kMaxTokenBytes) {
      return base::corrupt("tokenizer.json: added_tokens has a token that is too long once it is normalised");
    }
    if (!token.content.empty()) normalized.push_back(std::move(token));
  }
  parts.raw_added = AddedTokens(std::move(raw));
  parts.normalized_added = AddedTokens(std::move(normalized));
  return {};
}

void write_texts(const TokenDecoder& decoder, const std::vector<bool>& is_added, TokenizerParts& parts) {
  const bool first_differs = decoder.first_differs();
  for (std::size_t i = 0; i < parts.vocabulary.size(); ++i) {
    const auto token = parts.vocabulary.text(static_cast<TokenId>(i));
    parts.texts.push_back(decoder.decode(token, false, is_added[i]));
    if (first_differs) parts.first_texts.push_back(decoder.decode(token, true, is_added[i]));
  }
}

Result<void> check_ids(const std::vector<TokenId>& ids, const Vocabulary& tokens) {
  for (const TokenId id : ids) {
    if (tokens.has(id)) continue;
    return base::corrupt("tokenizer.json: post_processor adds the token " + std::to_string(id) +
                         ", which does not exist");
  }
  return {};
}

/// The decoder's field; without one tokens are joined by spaces.
Result<TokenDecoder> find_decoder(const JsonFields& file) {
  const auto* decoder = file.find("decoder");
  if (decoder == nullptr) return TokenDecoder({DecodeSpaced{}});
  return read_decoder(*decoder);
}

Result<TokenizerParts> read_parts(const JsonFields& file) {
  TokenizerParts parts;
  MARQUEE_ASSIGN(const auto version, file.string_or("version", "1.0"));
  if (version != "1.0") return file.unsupported("version '" + shown_text(version) + "'; known is 1.0");
  if (const auto* normalizer = file.find("normalizer")) {
    MARQUEE_ASSIGN(auto stages, read_normalizer(*normalizer));
    parts.normalizer = Normalizer(std::move(stages));
  }
  JsonPreTokenizer pre;
  if (const auto* pre_tokenizer = file.find("pre_tokenizer")) {
    MARQUEE_ASSIGN(pre, read_pre_tokenizer(*pre_tokenizer));
  }
  parts.pre_tokenizer = PreTokenizer(std::move(pre.stages));
  parts.takes_any_bytes = pre.byte_level && parts.normalizer.empty();
  if (file.find("model") == nullptr) return file.corrupt("model", "is missing");
  MARQUEE_ASSIGN(auto model, read_model(*file.find("model"), file.find("added_tokens"), pre.byte_level));
  parts.model = std::move(model.model);
  if (const auto* post_processor = file.find("post_processor")) {
    MARQUEE_ASSIGN(auto around, read_post_processor(*post_processor));
    MARQUEE_CHECK(check_ids(around.before, model.vocabulary.tokens));
    MARQUEE_CHECK(check_ids(around.after, model.vocabulary.tokens));
    if (around.pair) {
      MARQUEE_CHECK(check_ids(around.pair->before, model.vocabulary.tokens));
      MARQUEE_CHECK(check_ids(around.pair->between, model.vocabulary.tokens));
      MARQUEE_CHECK(check_ids(around.pair->after, model.vocabulary.tokens));
    }
    parts.before = std::move(around.before);
    parts.after = std::move(around.after);
    parts.pair = std::move(around.pair);
  }
  MARQUEE_ASSIGN(const auto decoder, find_decoder(file));
  parts.vocabulary = std::move(model.vocabulary.tokens);
  parts.special = std::move(model.vocabulary.special);
  write_texts(decoder, model.vocabulary.is_added, parts);
  MARQUEE_CHECK(place_added_tokens(std::move(model.vocabulary.added), parts));
  return parts;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> tokenizer_from_json(std::string_view tokenizer_json,
                                                       std::string_view tokenizer_config_json) {
  MARQUEE_ASSIGN(const auto document, base::parse_json(tokenizer_json, "tokenizer.json"));
  MARQUEE_ASSIGN(const auto file, JsonFields::of(document, ""));
  MARQUEE_ASSIGN(auto parts, read_parts(file));
  MARQUEE_CHECK(read_config(tokenizer_config_json, parts));
  parts.end_tokens = find_end_tokens(parts.vocabulary, parts.special, parts.eos);
  return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(parts)));
}

}  // namespace marquee::formats
