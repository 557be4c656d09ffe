#include "formats/tokenizers/token_decoder.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "formats/tokenizers/byte_alphabet.h"

namespace marquee::formats {
namespace {

struct Place {
  bool first;
  bool added;
};

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  for (;;) {
    const std::size_t found = text.find(pattern);
    out += text.substr(0, found);
    if (found == std::string_view::npos) return out;
    out += content;
    text.remove_prefix(found + pattern.size());
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string run(const DecodeByteLevel&, std::string token, Place place) {
  auto bytes = place.added ? std::nullopt : symbols_to_bytes(token);
  return bytes ? std::move(*bytes) : token;
}

std::string run(const DecodeByteFallback&, std::string token, Place) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return token;
  const int high = hex_digit(token[3]);
  const int low = hex_digit(token[4]);
  return high < 0 || low < 0 ? token : std::string(1, static_cast<char>(high * 16 + low));
}

std::string run(const DecodeReplace& stage, std::string token, Place) {
  return replace_all(token, stage.pattern, stage.content);
}

std::string run(const DecodeStrip& stage, std::string token, Place) {
  std::string_view rest = token;
  for (std::size_t i = 0; i < stage.start && rest.starts_with(stage.content); ++i) {
    rest.remove_prefix(stage.content.size());
  }
  for (std::size_t i = 0; i < stage.stop && rest.ends_with(stage.content); ++i) {
    rest.remove_suffix(stage.content.size());
  }
  return std::string(rest);
}

std::string run(const DecodeStripText& stage, std::string token, Place place) {
  return place.first && token.starts_with(stage.content) ? token.substr(stage.content.size()) : token;
}

std::string run(const DecodeMetaspace& stage, std::string token, Place place) {
  return replace_all(token, stage.replacement, place.first && stage.drop_first ? "" : " ");
}

std::string run(const DecodeWordPiece& stage, std::string token, Place place) {
  /// @source huggingface/transformers, clean_up_tokenization
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kCleanups = {{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" do not", " don't"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  if (!place.first) {
    if (token.starts_with(stage.prefix)) {
      token.erase(0, stage.prefix.size());
    } else {
      token.insert(0, " ");
    }
  }
  if (!stage.cleanup) return token;
  for (const auto& [dirty, clean] : kCleanups) token = replace_all(token, dirty, clean);
  return token;
}

std::string run(const DecodeSpaced&, std::string token, Place place) { return place.first ? token : " " + token; }

}  // namespace

bool TokenDecoder::first_differs() const {
  return std::any_of(stages_.begin(), stages_.end(), [](const DecoderStage& stage) {
    return std::holds_alternative<DecodeStripText>(stage) || std::holds_alternative<DecodeMetaspace>(stage) ||
           std::holds_alternative<DecodeWordPiece>(stage) || std::holds_alternative<DecodeSpaced>(stage);
  });
}

std::string TokenDecoder::decode(std::string_view token, bool first, bool added) const {
  std::string text(token);
  for (const auto& stage : stages_) {
    text = std::visit([&](const auto& made) { return run(made, std::move(text), Place{first, added}); }, stage);
  }
  return text;
}

}  // namespace marquee::formats
