#include "formats/tokenizers/json_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/byte_cursor.h"
#include "formats/tokenizers/bpe_model.h"
#include "formats/tokenizers/byte_alphabet.h"
#include "formats/tokenizers/unigram_model.h"
#include "formats/tokenizers/word_piece_model.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::size_t kMaxAddedTokens = 1U << 20;

std::string name_of(std::string_view token) { return "'" + printable_name(token) + "'"; }

/// Ids may have gaps, but tables of all ids must not be far larger than the file that gives the ids.
Result<void> check_gap(TokenId id, std::size_t tokens, const std::string& where) {
  constexpr std::size_t kFree = 1U << 16;
  if (static_cast<std::size_t>(id) < kFree + 8 * tokens) return {};
  return base::corrupt("tokenizer.json: " + where + " is the id " + std::to_string(id) +
                       ", too high for a vocabulary of " + std::to_string(tokens) + " tokens");
}

/// The "vocab" object of BPE and WordPiece.
Result<void> read_vocab_object(const JsonFields& model, Vocabulary& tokens) {
  MARQUEE_ASSIGN(const auto* vocab, model.object("vocab"));
  if (vocab->size() > kMaxVocabulary) {
    return Error{ErrorCode::kTooLarge, "tokenizer.json: model.vocab has " + std::to_string(vocab->size()) +
                                           " tokens; at most " + std::to_string(kMaxVocabulary) + " are supported"};
  }
  tokens.reserve(vocab->size());
  for (const auto& [text, value] : *vocab) {
    const std::string where = "model.vocab of " + name_of(text);
    MARQUEE_ASSIGN(const TokenId id, read_token_id(value, where));
    MARQUEE_CHECK(check_gap(id, vocab->size(), where));
    MARQUEE_CHECK(tokens.add(id, text));
  }
  return {};
}

/// The "vocab" array of Unigram: [token, score].
Result<std::vector<double>> read_vocab_array(const JsonFields& model, Vocabulary& tokens) {
  MARQUEE_ASSIGN(const auto* vocab, model.array("vocab", kMaxVocabulary));
  tokens.reserve(vocab->size());
  std::vector<double> scores;
  for (const auto& value : *vocab) {
    const auto* pair = value.if_array();
    const bool well_formed = pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_number();
    const double score = well_formed ? (*pair)[1].to_number<double>() : NAN;
    if (!std::isfinite(score)) {
      return model.corrupt("vocab",
                           "has an entry that is not a token and a finite score, at " + std::to_string(scores.size()));
    }
    MARQUEE_CHECK(tokens.add(static_cast<TokenId>(scores.size()), (*pair)[0].get_string()));
    scores.push_back(score);
  }
  return scores;
}

Result<AddedToken> read_added_token(const base::json::value& value, std::size_t index) {
  MARQUEE_ASSIGN(const auto fields, JsonFields::of(value, "added_tokens[" + std::to_string(index) + "]"));
  AddedToken token;
  const auto* id = fields.find("id");
  if (id == nullptr) return fields.corrupt("id", "is missing");
  MARQUEE_ASSIGN(token.id, read_token_id(*id, fields.where() + ".id"));
  MARQUEE_ASSIGN(token.content, fields.string("content"));
  MARQUEE_ASSIGN(token.special, fields.boolean_or("special", false));
  MARQUEE_ASSIGN(token.single_word, fields.boolean_or("single_word", false));
  MARQUEE_ASSIGN(token.left_strip, fields.boolean_or("lstrip", false));
  MARQUEE_ASSIGN(token.right_strip, fields.boolean_or("rstrip", false));
  MARQUEE_ASSIGN(token.normalized, fields.boolean_or("normalized", !token.special));
  return token;
}

Result<void> read_added_tokens(const base::json::value* value, JsonVocabulary& vocabulary) {
  if (value == nullptr || value->is_null()) return {};
  const auto* array = value->if_array();
  if (array == nullptr) return base::corrupt("tokenizer.json: added_tokens is not an array");
  if (array->size() > kMaxAddedTokens) {
    return Error{ErrorCode::kTooLarge, "tokenizer.json: there are too many added_tokens"};
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    MARQUEE_ASSIGN(auto token, read_added_token((*array)[i], i));
    if (token.content.empty()) continue;
    const auto known = vocabulary.tokens.find(token.content);
    if (known && *known != token.id) {
      return base::corrupt("tokenizer.json: added_tokens[" + std::to_string(i) + "] gives " + name_of(token.content) +
                           " the id " + std::to_string(token.id) + ", but it has " + std::to_string(*known));
    }
    MARQUEE_CHECK(
        check_gap(token.id, vocabulary.tokens.count() + array->size(), "added_tokens[" + std::to_string(i) + "].id"));
    if (!known) MARQUEE_CHECK(vocabulary.tokens.add(token.id, token.content));
    vocabulary.added.push_back(std::move(token));
  }
  return {};
}

void mark_added(JsonVocabulary& vocabulary) {
  vocabulary.is_added.resize(vocabulary.tokens.size());
  vocabulary.special.resize(vocabulary.tokens.size());
  for (const auto& token : vocabulary.added) {
    vocabulary.is_added[token.id] = true;
    vocabulary.special[token.id] = vocabulary.special[token.id] || token.special;
  }
}

Result<TokenId> find_unknown(const JsonFields& model, const Vocabulary& tokens, const std::string& text) {
  const auto id = tokens.find(text);
  if (!id) return model.corrupt("unk_token", name_of(text) + " is no token");
  return *id;
}

/// A merge as "left right" or as ["left", "right"].
Result<std::pair<std::string_view, std::string_view>> read_merge(const base::json::value& value, std::size_t index) {
  const auto wrong = [index] {
    return base::corrupt("tokenizer.json: model.merges[" + std::to_string(index) + "] is not two tokens");
  };
  if (const auto* line = value.if_string()) {
    const std::string_view text = *line;
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) return wrong();
    return std::pair(text.substr(0, space), text.substr(space + 1));
  }
  const auto* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) return wrong();
  return std::pair<std::string_view, std::string_view>((*pair)[0].get_string(), (*pair)[1].get_string());
}

Result<std::vector<Merge>> read_merges(const JsonFields& model, const JsonVocabulary& vocabulary,
                                       const std::string& continuing_prefix) {
  MARQUEE_ASSIGN(const auto* array, model.array("merges", kMaxMerges));
  std::vector<Merge> merges;
  merges.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    MARQUEE_ASSIGN(const auto pair, read_merge((*array)[i], i));
    const auto [left, right] = pair;
    const auto find = [&, i](std::string_view token) -> Result<TokenId> {
      const auto id = vocabulary.tokens.find(token);
      if (id) return *id;
      return base::corrupt("tokenizer.json: model.merges[" + std::to_string(i) + "] names " + name_of(token) +
                           ", which is no token");
    };
    const std::size_t skip = std::min(continuing_prefix.size(), right.size());
    Merge merge;
    MARQUEE_ASSIGN(merge.left, find(left));
    MARQUEE_ASSIGN(merge.right, find(right));
    MARQUEE_ASSIGN(merge.result, find(std::string(left) + std::string(right.substr(skip))));
    merge.rank = static_cast<std::uint32_t>(i);
    if (left.empty() || right.empty()) {
      return base::corrupt("tokenizer.json: model.merges[" + std::to_string(i) + "] names an empty token");
    }
    // Text can become a special token only where special tokens are looked for.
    if (!vocabulary.special[merge.result]) merges.push_back(merge);
  }
  return merges;
}

/// The tokens that text may become, in the form that text has when it comes to the model.
Result<Vocabulary> model_tokens(const JsonVocabulary& vocabulary, std::size_t count, bool byte_level) {
  Vocabulary tokens;
  tokens.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!vocabulary.tokens.has(id) || vocabulary.special[i]) continue;
    const auto text = vocabulary.tokens.text(id);
    if (!byte_level) {
      MARQUEE_CHECK(tokens.add(id, text));
    } else if (const auto bytes = symbols_to_bytes(text)) {
      MARQUEE_CHECK(tokens.add(id, *bytes));
    }
  }
  return tokens;
}

Result<std::unique_ptr<SubwordModel>> make_bpe(const JsonFields& model, const JsonVocabulary& vocabulary,
                                               std::size_t model_size, bool byte_level) {
  if (const auto* dropout = model.find("dropout")) {
    if (!dropout->is_number() || dropout->to_number<double>() != 0) {
      return model.unsupported("BPE dropout is for training; set it to null");
    }
  }
  BpeOptions options;
  options.byte_level = byte_level;
  MARQUEE_ASSIGN(options.ignore_merges, model.boolean_or("ignore_merges", false));
  MARQUEE_ASSIGN(options.fuse_unknown, model.boolean_or("fuse_unk", false));
  MARQUEE_ASSIGN(options.continuing_prefix, model.string_or("continuing_subword_prefix", ""));
  MARQUEE_ASSIGN(options.word_end_suffix, model.string_or("end_of_word_suffix", ""));
  if (options.continuing_prefix.size() > kMaxLiteralBytes || options.word_end_suffix.size() > kMaxLiteralBytes) {
    return model.unsupported("its continuing_subword_prefix or end_of_word_suffix is too long");
  }
  if (byte_level && (!options.continuing_prefix.empty() || !options.word_end_suffix.empty())) {
    return model.unsupported("affixes of words are not supported together with ByteLevel");
  }
  MARQUEE_ASSIGN(const auto unknown, model.optional_string("unk_token"));
  if (unknown) {
    MARQUEE_ASSIGN(options.unknown, find_unknown(model, vocabulary.tokens, *unknown));
  }
  MARQUEE_ASSIGN(const bool byte_fallback, model.boolean_or("byte_fallback", false));
  if (byte_fallback) options.byte_tokens = find_byte_tokens(vocabulary.tokens);
  MARQUEE_ASSIGN(const auto merges, read_merges(model, vocabulary, options.continuing_prefix));
  MARQUEE_ASSIGN(auto tokens, model_tokens(vocabulary, model_size, byte_level));
  return std::unique_ptr<SubwordModel>(std::make_unique<BpeModel>(std::move(options), std::move(tokens), merges));
}

Result<std::unique_ptr<SubwordModel>> make_unigram(const JsonFields& model, const JsonVocabulary& vocabulary,
                                                   std::vector<double> scores) {
  UnigramOptions options;
  const auto* unknown = model.find("unk_id");
  if (unknown == nullptr) return model.corrupt("unk_id", "is missing");
  MARQUEE_ASSIGN(options.unknown, read_token_id(*unknown, "model.unk_id"));
  if (static_cast<std::size_t>(options.unknown) >= scores.size()) {
    return model.corrupt("unk_id", "is outside the vocabulary");
  }
  options.unknown_score = *std::min_element(scores.begin(), scores.end()) - UnigramModel::kUnknownPenalty;
  MARQUEE_ASSIGN(const bool byte_fallback, model.boolean_or("byte_fallback", false));
  if (byte_fallback) options.byte_tokens = find_byte_tokens(vocabulary.tokens);
  std::vector<std::pair<std::string_view, TokenId>> entries;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!vocabulary.special[i] && id != options.unknown) entries.emplace_back(vocabulary.tokens.text(id), id);
  }
  return std::unique_ptr<SubwordModel>(
      std::make_unique<UnigramModel>(options, PrefixTrie(std::move(entries)), std::move(scores)));
}

Result<std::unique_ptr<SubwordModel>> make_word_piece(const JsonFields& model, const JsonVocabulary& vocabulary,
                                                      std::size_t model_size) {
  WordPieceOptions options;
  MARQUEE_ASSIGN(const auto unknown, model.string_or("unk_token", "[UNK]"));
  MARQUEE_ASSIGN(options.unknown, find_unknown(model, vocabulary.tokens, unknown));
  MARQUEE_ASSIGN(const auto prefix, model.string_or("continuing_subword_prefix", "##"));
  MARQUEE_ASSIGN(options.max_word_chars, model.count_or("max_input_chars_per_word", 100));
  std::vector<std::pair<std::string_view, TokenId>> starts;
  std::vector<std::pair<std::string_view, TokenId>> continuations;
  for (std::size_t i = 0; i < model_size; ++i) {
    const auto id = static_cast<TokenId>(i);
    const auto text = vocabulary.tokens.text(id);
    if (text.empty() || vocabulary.special[i]) continue;
    starts.emplace_back(text, id);
    if (text.starts_with(prefix)) continuations.emplace_back(text.substr(prefix.size()), id);
  }
  return std::unique_ptr<SubwordModel>(
      std::make_unique<WordPieceModel>(options, PrefixTrie(std::move(starts)), PrefixTrie(std::move(continuations))));
}

/// Files of old versions leave the type out.
Result<std::string> model_type(const JsonFields& model) {
  if (model.find("type") != nullptr) return model.type();
  return std::string(model.find("merges") != nullptr ? "BPE" : "WordPiece");
}

}  // namespace

Result<JsonModel> read_model(const base::json::value& value, const base::json::value* added_tokens, bool byte_level) {
  MARQUEE_ASSIGN(const auto model, JsonFields::of(value, "model"));
  MARQUEE_ASSIGN(const auto type, model_type(model));
  JsonModel made;
  std::vector<double> scores;
  if (type == "BPE" || type == "WordPiece") {
    MARQUEE_CHECK(read_vocab_object(model, made.vocabulary.tokens));
  } else if (type == "Unigram") {
    MARQUEE_ASSIGN(scores, read_vocab_array(model, made.vocabulary.tokens));
  } else {
    return model.unsupported("the model '" + shown_text(type) + "' is not supported");
  }
  const std::size_t model_size = made.vocabulary.tokens.size();
  if (model_size == 0) return model.corrupt("vocab", "is empty");
  if (byte_level && type != "BPE") return model.unsupported("a ByteLevel pre-tokenizer goes with BPE only");
  MARQUEE_CHECK(read_added_tokens(added_tokens, made.vocabulary));
  mark_added(made.vocabulary);
  if (type == "BPE") {
    MARQUEE_ASSIGN(made.model, make_bpe(model, made.vocabulary, model_size, byte_level));
  } else if (type == "Unigram") {
    MARQUEE_ASSIGN(made.model, make_unigram(model, made.vocabulary, std::move(scores)));
  } else {
    MARQUEE_ASSIGN(made.model, make_word_piece(model, made.vocabulary, model_size));
  }
  return made;
}

}  // namespace marquee::formats
