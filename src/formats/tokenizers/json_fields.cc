#include "formats/tokenizers/json_fields.h"

#include <utility>

#include "base/utf8.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string shown_text(std::string_view text) {
  constexpr std::size_t kMaxShown = 300;
  const bool cut = text.size() > kMaxShown;
  if (cut) text = text.substr(0, base::complete_utf8_prefix(text.substr(0, kMaxShown)));
  std::string shown;
  for (const char c : base::sanitize_utf8(text)) {
    if (c == '\n') {
      shown += "\\n";
    } else if (c == '\r') {
      shown += "\\r";
    } else {
      shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
  }
  return cut ? shown + "…" : shown;
}

Result<JsonFields> JsonFields::of(const base::json::value& value, std::string where) {
  JsonFields fields;
  fields.object_ = value.if_object();
  fields.where_ = std::move(where);
  if (fields.object_ == nullptr) {
    return base::corrupt("tokenizer.json: " + (fields.where_.empty() ? "it" : fields.where_) + " is not an object");
  }
  return fields;
}

Error JsonFields::corrupt(std::string_view field, std::string_view problem) const {
  const std::string dot = where_.empty() ? "" : ".";
  return base::corrupt("tokenizer.json: " + where_ + dot + std::string(field) + " " + std::string(problem));
}

Error JsonFields::unsupported(std::string_view problem) const {
  return base::unsupported("tokenizer.json: " + where_ + (where_.empty() ? "" : ": ") + std::string(problem));
}

const base::json::value* JsonFields::find(std::string_view field) const {
  const auto* value = object_->if_contains(field);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::string> JsonFields::type() const { return string("type"); }

Result<std::string> JsonFields::string(std::string_view field) const {
  MARQUEE_ASSIGN(auto text, optional_string(field));
  if (!text) return corrupt(field, "is missing");
  return std::move(*text);
}

Result<std::string> JsonFields::literal(std::string_view field) const {
  MARQUEE_ASSIGN(auto text, string(field));
  if (text.size() > kMaxLiteralBytes) {
    return corrupt(field, "has more than " + std::to_string(kMaxLiteralBytes) + " bytes");
  }
  return text;
}

Result<std::string> JsonFields::string_or(std::string_view field, std::string_view fallback) const {
  MARQUEE_ASSIGN(auto text, optional_string(field));
  return text ? std::move(*text) : std::string(fallback);
}

Result<std::optional<std::string>> JsonFields::optional_string(std::string_view field) const {
  const auto* value = find(field);
  if (value == nullptr) return std::optional<std::string>{};
  if (!value->is_string()) return corrupt(field, "is not a string");
  if (value->get_string().size() > kMaxVocabularyBytes) return corrupt(field, "is too long");
  return std::optional<std::string>(std::string(value->get_string()));
}

Result<bool> JsonFields::boolean_or(std::string_view field, bool fallback) const {
  const auto* value = find(field);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) return corrupt(field, "is not true or false");
  return value->get_bool();
}

Result<std::uint64_t> JsonFields::count_or(std::string_view field, std::uint64_t fallback) const {
  const auto* value = find(field);
  if (value == nullptr) return fallback;
  if (value->is_uint64()) return value->get_uint64();
  if (!value->is_int64() || value->get_int64() < 0) return corrupt(field, "is not a whole number of 0 or more");
  return static_cast<std::uint64_t>(value->get_int64());
}

Result<const base::json::array*> JsonFields::array(std::string_view field, std::size_t at_most) const {
  const auto* value = find(field);
  if (value == nullptr) return corrupt(field, "is missing");
  const auto* array = value->if_array();
  if (array == nullptr) return corrupt(field, "is not an array");
  if (array->size() > at_most) {
    return Error{ErrorCode::kTooLarge, "tokenizer.json: " + where_ + "." + std::string(field) + " has " +
                                           std::to_string(array->size()) + " entries; at most " +
                                           std::to_string(at_most) + " are supported"};
  }
  return array;
}

Result<const base::json::object*> JsonFields::object(std::string_view field) const {
  const auto* value = find(field);
  if (value == nullptr) return corrupt(field, "is missing");
  const auto* object = value->if_object();
  if (object == nullptr) return corrupt(field, "is not an object");
  return object;
}

Result<TokenId> read_token_id(const base::json::value& value, std::string_view where) {
  const bool whole = value.is_int64() && value.get_int64() >= 0;
  if (!whole || value.get_int64() >= static_cast<std::int64_t>(kMaxVocabulary)) {
    return base::corrupt("tokenizer.json: " + std::string(where) + " is not a token id from 0 to " +
                         std::to_string(kMaxVocabulary - 1));
  }
  return static_cast<TokenId>(value.get_int64());
}

Result<JsonPattern> read_pattern(const JsonFields& fields) {
  const auto* value = fields.find("pattern");
  if (value == nullptr) return fields.corrupt("pattern", "is missing");
  MARQUEE_ASSIGN(const auto pattern, JsonFields::of(*value, fields.where() + ".pattern"));
  const bool regex = pattern.find("Regex") != nullptr;
  MARQUEE_ASSIGN(auto text, regex ? pattern.string("Regex") : pattern.literal("String"));
  if (text.empty()) return pattern.corrupt(regex ? "Regex" : "String", "is empty");
  return JsonPattern{regex, std::move(text)};
}

}  // namespace marquee::formats
