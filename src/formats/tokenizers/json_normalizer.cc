#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "formats/tokenizers/base64.h"
#include "formats/tokenizers/json_fields.h"

namespace marquee::formats {

using base::Result;

namespace {

using Stages = std::vector<NormalizerStage>;

Result<NormalizerStage> read_replace(const JsonFields& fields) {
  MARQUEE_ASSIGN(auto pattern, read_pattern(fields));
  MARQUEE_ASSIGN(auto content, fields.literal("content"));
  if (!pattern.regex) return NormalizerStage(ReplaceText{std::move(pattern.text), std::move(content)});
  if (pattern.text == " {2,}") return NormalizerStage(ReplaceSpaceRuns{2, false, std::move(content)});
  if (pattern.text == " +") return NormalizerStage(ReplaceSpaceRuns{1, false, std::move(content)});
  if (pattern.text == "\\s+") return NormalizerStage(ReplaceSpaceRuns{1, true, std::move(content)});
  return fields.unsupported("the regular expression '" + shown_text(pattern.text) +
                            "' is not one that is known here for Replace");
}

Result<NormalizerStage> read_bert(const JsonFields& fields) {
  BertCleaning stage;
  MARQUEE_ASSIGN(stage.clean_text, fields.boolean_or("clean_text", true));
  MARQUEE_ASSIGN(stage.space_around_cjk, fields.boolean_or("handle_chinese_chars", true));
  MARQUEE_ASSIGN(stage.lowercase, fields.boolean_or("lowercase", true));
  MARQUEE_ASSIGN(stage.strip_accents, fields.boolean_or("strip_accents", stage.lowercase));
  return NormalizerStage(stage);
}

Result<NormalizerStage> read_charsmap(const JsonFields& fields) {
  MARQUEE_ASSIGN(const auto text, fields.string("precompiled_charsmap"));
  auto blob = decode_base64(text);
  if (!blob) return fields.corrupt("precompiled_charsmap", "is not " + blob.error().message);
  auto map = Charsmap::parse(*blob);
  if (!map) return fields.corrupt("precompiled_charsmap", ": " + map.error().message);
  return NormalizerStage(CharsmapNormalizer{std::make_shared<const Charsmap>(std::move(*map))});
}

Result<NormalizerStage> read_stage(const std::string& type, const JsonFields& fields) {
  if (type == "NFC") return NormalizerStage(UnicodeForm::kNfc);
  if (type == "NFD") return NormalizerStage(UnicodeForm::kNfd);
  if (type == "NFKC") return NormalizerStage(UnicodeForm::kNfkc);
  if (type == "NFKD") return NormalizerStage(UnicodeForm::kNfkd);
  if (type == "Lowercase") return NormalizerStage(Lowercase{});
  if (type == "StripAccents") return NormalizerStage(StripAccents{});
  if (type == "Replace") return read_replace(fields);
  if (type == "BertNormalizer") return read_bert(fields);
  if (type == "Precompiled") return read_charsmap(fields);
  if (type == "Prepend") {
    MARQUEE_ASSIGN(auto text, fields.literal("prepend"));
    return NormalizerStage(Prepend{std::move(text)});
  }
  if (type == "Strip") {
    StripSpaces stage;
    MARQUEE_ASSIGN(stage.left, fields.boolean_or("strip_left", true));
    MARQUEE_ASSIGN(stage.right, fields.boolean_or("strip_right", true));
    return NormalizerStage(stage);
  }
  return fields.unsupported("the normalizer '" + shown_text(type) + "' is not supported");
}

/// How many times longer a stage may make a text; the Unicode forms are left out, as they change a text only once.
std::size_t growth(const NormalizerStage& stage) {
  if (const auto* replace = std::get_if<ReplaceText>(&stage)) {
    return 1 + replace->content.size() / replace->pattern.size();
  }
  if (const auto* runs = std::get_if<ReplaceSpaceRuns>(&stage)) return 1 + runs->content.size() / runs->least;
  if (const auto* map = std::get_if<CharsmapNormalizer>(&stage)) return 1 + map->map->longest_replacement();
  return 1;
}

Result<void> read_into(const base::json::value& value, const std::string& where, Stages& stages) {
  MARQUEE_ASSIGN(const auto fields, JsonFields::of(value, where));
  MARQUEE_ASSIGN(const auto type, fields.type());
  if (type != "Sequence") {
    if (stages.size() >= kMaxSequence) return fields.unsupported("there are too many normalizers");
    MARQUEE_ASSIGN(auto stage, read_stage(type, fields));
    stages.push_back(std::move(stage));
    return {};
  }
  MARQUEE_ASSIGN(const auto* parts, fields.array("normalizers", kMaxSequence));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    MARQUEE_CHECK(read_into((*parts)[i], where + ".normalizers[" + std::to_string(i) + "]", stages));
  }
  return {};
}

}  // namespace

Result<Stages> read_normalizer(const base::json::value& value) {
  Stages stages;
  MARQUEE_CHECK(read_into(value, "normalizer", stages));
  std::size_t total = 1;
  for (const auto& stage : stages) {
    total *= growth(stage);
    if (total > kMaxTextGrowth) {
      return base::unsupported("tokenizer.json: normalizer: it could make a text more than " +
                               std::to_string(kMaxTextGrowth) + " times longer");
    }
  }
  return stages;
}

}  // namespace marquee::formats
