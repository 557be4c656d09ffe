#include "formats/tokenizers/pipeline_tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace marquee::formats {

/// One text on its way through the steps.
class PipelineTokenizer::Encoding final : public PreTokenizer::Sink {
 public:
  Encoding(const TokenizerParts& parts, bool parse_special, std::vector<TokenId>& ids)
      : parts_(parts), parse_special_(parse_special), ids_(ids) {}

  void run(std::string_view text) {
    std::vector<TextSection> sections;
    parts_.raw_added.split(text, parse_special_, sections);
    const char* const text_begin = text.data();
    for (const auto& section : sections) {
      if (section.id >= 0) {
        ids_.push_back(section.id);
      } else {
        run_text(section.text, section.text.data() == text_begin);
      }
    }
  }

  void piece(std::string_view text) override {
    while (!text.empty()) {
      auto part = text.substr(0, kMaxPieceBytes);
      if (part.size() < text.size()) part = part.substr(0, base::complete_utf8_prefix(part));
      parts_.model->encode(part, scratch_, ids_);
      text.remove_prefix(part.size());
    }
  }

 private:
  void run_text(std::string_view text, bool at_text_start) {
    if (parts_.normalizer.empty() && parts_.normalized_added.empty()) {
      parts_.pre_tokenizer.run({text, at_text_start}, *this);
      return;
    }
    const std::string normalized = parts_.normalizer.apply(text);
    std::vector<TextSection> sections;
    parts_.normalized_added.split(normalized, parse_special_, sections);
    for (const auto& section : sections) {
      if (section.id >= 0) {
        ids_.push_back(section.id);
      } else {
        const bool first = at_text_start && section.text.data() == normalized.data();
        parts_.pre_tokenizer.run({section.text, first}, *this);
      }
    }
  }

  const TokenizerParts& parts_;
  bool parse_special_;
  std::vector<TokenId>& ids_;
  SubwordScratch scratch_;
};

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}

std::vector<TokenId> PipelineTokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  if (options.add_special) ids = parts_.before;
  Encoding encoding(parts_, options.parse_special, ids);
  if (parts_.takes_any_bytes || base::is_valid_utf8(text)) {
    encoding.run(text);
  } else {
    encoding.run(base::sanitize_utf8(text));
  }
  if (options.add_special) ids.insert(ids.end(), parts_.after.begin(), parts_.after.end());
  return ids;
}

std::string PipelineTokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  StreamingDetokenizer stream(*this, skip_special);
  std::string text;
  for (const TokenId id : ids) text += stream.push(id);
  return text + stream.finish();
}

std::string_view PipelineTokenizer::first_token_bytes(TokenId id) const {
  return parts_.first_texts.size() == 0 ? parts_.texts.at(id) : parts_.first_texts.at(id);
}

bool PipelineTokenizer::is_special(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < parts_.special.size() && parts_.special[id];
}

std::optional<TokenId> PipelineTokenizer::find(std::string_view token) const { return parts_.vocabulary.find(token); }

}  // namespace marquee::formats
