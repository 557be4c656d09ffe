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
    wrap(made, {{cls}, {sep}});
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
