#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizers/json_fields.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::size_t kMaxTemplate = 256;

/// The ids that a template's special token stands for.
Result<std::vector<TokenId>> read_special_ids(const JsonFields& fields, std::string_view name) {
  MARQUEE_ASSIGN(const auto* specials, fields.object("special_tokens"));
  const auto* special = specials->if_contains(name);
  if (special == nullptr) {
    return fields.corrupt("special_tokens", "has no '" + shown_text(name) + "', which the template names");
  }
  MARQUEE_ASSIGN(const auto entry, JsonFields::of(*special, fields.where() + ".special_tokens"));
  MARQUEE_ASSIGN(const auto* values, entry.array("ids", kMaxTemplate));
  std::vector<TokenId> ids;
  for (const auto& value : *values) {
    MARQUEE_ASSIGN(const TokenId id, read_token_id(value, entry.where() + ".ids"));
    ids.push_back(id);
  }
  return ids;
}

/// One piece of a pair's template.
struct PairPiece {
  std::vector<TokenId> ids;  ///< empty for a text
  std::string text;          ///< "A" or "B"; empty for special tokens
  std::uint64_t type = 0;
};

Result<PairPiece> read_pair_piece(const JsonFields& fields, const base::json::value& value) {
  MARQUEE_ASSIGN(const auto piece, JsonFields::of(value, fields.where() + ".pair"));
  PairPiece made;
  const auto* sequence = piece.find("Sequence");
  const auto* special = sequence != nullptr ? sequence : piece.find("SpecialToken");
  if (special == nullptr) return piece.corrupt("", "is neither a Sequence nor a SpecialToken");
  MARQUEE_ASSIGN(const auto inner, JsonFields::of(*special, piece.where()));
  MARQUEE_ASSIGN(auto name, inner.string("id"));
  MARQUEE_ASSIGN(made.type, inner.count_or("type_id", 0));
  if (sequence != nullptr) {
    made.text = std::move(name);
    return made;
  }
  MARQUEE_ASSIGN(made.ids, read_special_ids(fields, name));
  return made;
}

/// @return nothing if there is no template for two texts, or one that PairFrame cannot hold
Result<std::optional<PairFrame>> read_pair_template(const JsonFields& fields) {
  if (fields.find("pair") == nullptr) return std::optional<PairFrame>();
  MARQUEE_ASSIGN(const auto* pieces, fields.array("pair", kMaxTemplate));
  PairFrame frame;
  std::vector<TokenId>* const sides[] = {&frame.before, &frame.between, &frame.after};
  std::size_t texts = 0;
  bool fits = true;
  for (const auto& value : *pieces) {
    MARQUEE_ASSIGN(const PairPiece piece, read_pair_piece(fields, value));
    if (!piece.text.empty()) {
      ++texts;
      fits = fits && piece.text == (texts == 1 ? "A" : "B") && texts <= 2;
      if (texts == 2) frame.second_has_own_type = piece.type == 1;
    } else if (texts <= 2) {
      sides[texts]->insert(sides[texts]->end(), piece.ids.begin(), piece.ids.end());
    }
    fits = fits && piece.type == (texts >= 2 && frame.second_has_own_type ? 1U : 0U);
  }
  return fits && texts == 2 ? std::optional<PairFrame>(std::move(frame)) : std::nullopt;
}

Result<JsonPostProcessor> read_template(const JsonFields& fields) {
  MARQUEE_ASSIGN(const auto* pieces, fields.array("single", kMaxTemplate));
  JsonPostProcessor made;
  bool text_seen = false;
  for (const auto& value : *pieces) {
    MARQUEE_ASSIGN(const auto piece, JsonFields::of(value, fields.where() + ".single"));
    if (piece.find("Sequence") != nullptr) {
      if (text_seen) return fields.unsupported("a template that repeats its text is not supported");
      text_seen = true;
      continue;
    }
    const auto* special = piece.find("SpecialToken");
    if (special == nullptr) return piece.corrupt("", "is neither a Sequence nor a SpecialToken");
    MARQUEE_ASSIGN(const auto token, JsonFields::of(*special, piece.where() + ".SpecialToken"));
    MARQUEE_ASSIGN(const auto name, token.string("id"));
    MARQUEE_ASSIGN(const auto ids, read_special_ids(fields, name));
    auto& side = text_seen ? made.after : made.before;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!text_seen) return fields.unsupported("a template without its text is not supported");
  MARQUEE_ASSIGN(made.pair, read_pair_template(fields));
  return made;
}

/// A field ["[CLS]", 101].
Result<TokenId> read_named_id(const JsonFields& fields, std::string_view field) {
  MARQUEE_ASSIGN(const auto* pair, fields.array(field, 2));
  if (pair->size() != 2) return fields.corrupt(field, "is not a token and its id");
  return read_token_id((*pair)[1], fields.where() + "." + std::string(field));
}

/// Puts what a further processor adds around what is there.
void wrap(JsonPostProcessor& made, const JsonPostProcessor& around) {
  // Of two processors that both add tokens it is not said how they share a pair.
  const bool is_first = made.before.empty() && made.after.empty();
  made.pair = is_first ? around.pair : std::nullopt;
  made.before.insert(made.before.begin(), around.before.begin(), around.before.end());
  made.after.insert(made.after.end(), around.after.begin(), around.after.end());
}

Result<void> read_into(const base::json::value& value, const std::string& where, JsonPostProcessor& made) {
  MARQUEE_ASSIGN(const auto fields, JsonFields::of(value, where));
  MARQUEE_ASSIGN(const auto type, fields.type());
  if (made.before.size() + made.after.size() > kMaxTemplate) return fields.unsupported("it adds too many tokens");
  if (type == "ByteLevel") return {};  // only moves offsets, which are not used here
  if (type == "TemplateProcessing") {
    MARQUEE_ASSIGN(const auto around, read_template(fields));
    wrap(made, around);
    return {};
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    MARQUEE_ASSIGN(const TokenId cls, read_named_id(fields, "cls"));
    MARQUEE_ASSIGN(const TokenId sep, read_named_id(fields, "sep"));
    if (type == "BertProcessing") {
      wrap(made, {{cls}, {sep}, PairFrame{{cls}, {sep}, {sep}, true}});
    } else {
      wrap(made, {{cls}, {sep}, PairFrame{{cls}, {sep, sep}, {sep}, false}});
    }
    return {};
  }
  if (type != "Sequence") {
    return fields.unsupported("the post-processor '" + shown_text(type) + "' is not supported");
  }
  MARQUEE_ASSIGN(const auto* parts, fields.array("processors", kMaxSequence));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    MARQUEE_CHECK(read_into((*parts)[i], where + ".processors[" + std::to_string(i) + "]", made));
  }
  return {};
}

}  // namespace

Result<JsonPostProcessor> read_post_processor(const base::json::value& value) {
  JsonPostProcessor made;
  MARQUEE_CHECK(read_into(value, "post_processor", made));
  return made;
}

}  // namespace marquee::formats
