#include <string>
#include <utility>

#include "formats/tokenizers/json_fields.h"

namespace marquee::formats {

using base::Result;

namespace {

Result<SplitBehavior> read_behavior(const JsonFields& fields) {
  MARQUEE_ASSIGN(const auto name, fields.string_or("behavior", "Isolated"));
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return fields.corrupt("behavior", "'" + shown_text(name) + "' is not a way to split");
}

Result<PreTokenizerStage> read_split(const JsonFields& fields) {
  MARQUEE_ASSIGN(auto pattern, read_pattern(fields));
  MARQUEE_ASSIGN(const auto behavior, read_behavior(fields));
  MARQUEE_ASSIGN(const bool invert, fields.boolean_or("invert", false));
  if (!pattern.regex) return PreTokenizerStage(LiteralSplit{std::move(pattern.text), behavior, invert});
  const auto rule = SplitRule::from_regex(pattern.text);
  if (!rule) {
    return fields.unsupported("the pre-tokenisation rule '" + shown_text(pattern.text) +
                              "' is not one that is known here");
  }
  return PreTokenizerStage(RuleSplit{*rule, behavior, invert});
}

/// The one code point of a field.
Result<std::string> read_char(const JsonFields& fields, std::string_view name, std::string_view fallback) {
  MARQUEE_ASSIGN(auto text, fields.string_or(name, fallback));
  if (text.empty() || base::decode_utf8(text).length != text.size())
    return fields.corrupt(name, "is not one character");
  return text;
}

Result<PreTokenizerStage> read_metaspace(const JsonFields& fields) {
  Metaspace stage;
  MARQUEE_ASSIGN(stage.replacement, read_char(fields, "replacement", stage.replacement));
  MARQUEE_ASSIGN(const bool add_prefix, fields.boolean_or("add_prefix_space", true));  // before prepend_scheme
  MARQUEE_ASSIGN(const auto scheme, fields.string_or("prepend_scheme", add_prefix ? "always" : "never"));
  if (scheme == "always") {
    stage.prepend = Metaspace::Prepend::kAlways;
  } else if (scheme == "first") {
    stage.prepend = Metaspace::Prepend::kFirst;
  } else if (scheme == "never") {
    stage.prepend = Metaspace::Prepend::kNever;
  } else {
    return fields.corrupt("prepend_scheme", "'" + shown_text(scheme) + "' is not always, first or never");
  }
  MARQUEE_ASSIGN(stage.split, fields.boolean_or("split", true));
  return PreTokenizerStage(std::move(stage));
}

class Reader {
 public:
  Result<void> read(const base::json::value& value, const std::string& where) {
    MARQUEE_ASSIGN(const auto fields, JsonFields::of(value, where));
    MARQUEE_ASSIGN(const auto type, fields.type());
    if (type == "Sequence") {
      MARQUEE_ASSIGN(const auto* parts, fields.array("pretokenizers", kMaxSequence));
      for (std::size_t i = 0; i < parts->size(); ++i) {
        MARQUEE_CHECK(read((*parts)[i], where + ".pretokenizers[" + std::to_string(i) + "]"));
      }
      return {};
    }
    if (made_.byte_level) return fields.unsupported("nothing is supported after a ByteLevel pre-tokenizer");
    if (made_.stages.size() >= kMaxSequence) return fields.unsupported("there are too many pre-tokenizers");
    if (type == "ByteLevel") return read_byte_level(fields);
    if (type == "BertPreTokenizer") {
      add(CharSplit{CharSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved});
      add(CharSplit{CharSplit::Kind::kPunctuation, SplitBehavior::kIsolated});
      return {};
    }
    MARQUEE_ASSIGN(auto stage, read_stage(type, fields));
    add(std::move(stage));
    return {};
  }

  JsonPreTokenizer take() { return std::move(made_); }

 private:
  void add(PreTokenizerStage stage) { made_.stages.push_back(std::move(stage)); }

  Result<void> read_byte_level(const JsonFields& fields) {
    MARQUEE_ASSIGN(const bool prefix_space, fields.boolean_or("add_prefix_space", true));
    MARQUEE_ASSIGN(const bool use_regex, fields.boolean_or("use_regex", true));
    if (prefix_space) add(PrefixSpace{});
    if (use_regex) add(RuleSplit{SplitRule::gpt2(), SplitBehavior::kIsolated, false});
    made_.byte_level = true;
    return {};
  }

  static Result<PreTokenizerStage> read_stage(const std::string& type, const JsonFields& fields) {
    if (type == "Split") return read_split(fields);
    if (type == "Metaspace") return read_metaspace(fields);
    if (type == "Whitespace") return PreTokenizerStage(WordSplit{});
    if (type == "WhitespaceSplit") {
      return PreTokenizerStage(CharSplit{CharSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved});
    }
    if (type == "Punctuation") {
      MARQUEE_ASSIGN(const auto behavior, read_behavior(fields));
      return PreTokenizerStage(CharSplit{CharSplit::Kind::kPunctuation, behavior});
    }
    if (type == "Digits") {
      MARQUEE_ASSIGN(const bool individual, fields.boolean_or("individual_digits", false));
      const auto behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
      return PreTokenizerStage(CharSplit{CharSplit::Kind::kNumber, behavior});
    }
    if (type == "CharDelimiterSplit") {
      MARQUEE_ASSIGN(auto delimiter, read_char(fields, "delimiter", ""));
      return PreTokenizerStage(LiteralSplit{std::move(delimiter), SplitBehavior::kRemoved, false});
    }
    return fields.unsupported("the pre-tokenizer '" + shown_text(type) + "' is not supported");
  }

  JsonPreTokenizer made_;
};

}  // namespace

Result<JsonPreTokenizer> read_pre_tokenizer(const base::json::value& value) {
  Reader reader;
  MARQUEE_CHECK(reader.read(value, "pre_tokenizer"));
  return reader.take();
}

}  // namespace marquee::formats
