#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizers/json_fields.h"

namespace marquee::formats {

using base::Result;

namespace {

class Reader {
 public:
  Result<void> read(const base::json::value& value, const std::string& where) {
    MARQUEE_ASSIGN(const auto fields, JsonFields::of(value, where));
    MARQUEE_ASSIGN(const auto type, fields.type());
    if (type == "Sequence") {
      MARQUEE_ASSIGN(const auto* parts, fields.array("decoders", kMaxSequence));
      for (std::size_t i = 0; i < parts->size(); ++i) {
        MARQUEE_CHECK(read((*parts)[i], where + ".decoders[" + std::to_string(i) + "]"));
      }
      return {};
    }
    if (stages_.size() >= kMaxSequence) return fields.unsupported("there are too many decoders");
    if (type == "Fuse") {
      joined_ = true;
      return {};
    }
    if (type == "Strip") return read_strip(fields);
    // What comes after tokens are joined would have to see the whole text before any of it can be sent.
    if (joined_) return fields.unsupported("the decoder '" + shown_text(type) + "' is not supported after Fuse");
    return read_stage(type, fields);
  }

  TokenDecoder take() { return TokenDecoder(std::move(stages_)); }

 private:
  Result<void> read_stage(const std::string& type, const JsonFields& fields) {
    if (type == "ByteLevel") {
      stages_.emplace_back(DecodeByteLevel{});
      joined_ = true;
      return {};
    }
    if (type == "ByteFallback") {
      stages_.emplace_back(DecodeByteFallback{});
      return {};
    }
    if (type == "Replace") {
      MARQUEE_ASSIGN(auto pattern, read_pattern(fields));
      MARQUEE_ASSIGN(auto content, fields.literal("content"));
      if (pattern.regex) {
        return fields.unsupported("the regular expression '" + shown_text(pattern.text) +
                                  "' is not supported in a decoder");
      }
      return add_replace({std::move(pattern.text), std::move(content)}, fields);
    }
    if (type == "WordPiece") {
      DecodeWordPiece stage;
      MARQUEE_ASSIGN(stage.prefix, fields.string_or("prefix", stage.prefix));
      MARQUEE_ASSIGN(stage.cleanup, fields.boolean_or("cleanup", true));
      stages_.emplace_back(std::move(stage));
      return {};
    }
    if (type == "Metaspace") {
      DecodeMetaspace stage;
      MARQUEE_ASSIGN(stage.replacement, fields.string_or("replacement", "\xE2\x96\x81"));
      if (stage.replacement.empty()) return fields.corrupt("replacement", "is empty");
      MARQUEE_ASSIGN(const bool add_prefix, fields.boolean_or("add_prefix_space", true));
      MARQUEE_ASSIGN(const auto scheme, fields.string_or("prepend_scheme", add_prefix ? "always" : "never"));
      stage.drop_first = scheme != "never";
      stages_.emplace_back(std::move(stage));
      return {};
    }
    return fields.unsupported("the decoder '" + shown_text(type) + "' is not supported");
  }

  Result<void> add_replace(DecodeReplace stage, const JsonFields& fields) {
    growth_ *= 1 + stage.content.size() / stage.pattern.size();
    if (growth_ > kMaxTokenGrowth * 2) return fields.unsupported("it would make tokens too long");
    stages_.emplace_back(std::move(stage));
    return {};
  }

  Result<void> read_strip(const JsonFields& fields) {
    DecodeStrip stage;
    MARQUEE_ASSIGN(stage.content, fields.literal("content"));
    MARQUEE_ASSIGN(stage.start, fields.count_or("start", 0));
    MARQUEE_ASSIGN(stage.stop, fields.count_or("stop", 0));
    if (stage.content.empty()) return fields.corrupt("content", "is empty");
    if (!joined_) {
      stages_.emplace_back(std::move(stage));
      return {};
    }
    if (stage.start > 1 || stage.stop > 0) {
      return fields.unsupported("stripping a joined text is only supported for one character at its start");
    }
    if (stage.start == 1) stages_.emplace_back(DecodeStripText{std::move(stage.content)});
    return {};
  }

  std::vector<DecoderStage> stages_;
  bool joined_ = false;
  std::size_t growth_ = 1;
};

}  // namespace

Result<TokenDecoder> read_decoder(const base::json::value& value) {
  Reader reader;
  MARQUEE_CHECK(reader.read(value, "decoder"));
  return reader.take();
}

}  // namespace marquee::formats
