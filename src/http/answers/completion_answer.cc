#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "http/answers/answer_format.h"
#include "http/answers/answer_text.h"
#include "http/answers/json_text.h"

namespace marquee::http {

namespace {

using serving::TokenRecord;

/// How the old API writes a token that is no whole UTF-8: "bytes:\xe2\x80".
std::string token_text(std::string_view bytes) {
  if (base::is_valid_utf8(bytes)) return std::string(bytes);
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "bytes:";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += "\\x";
    text.push_back(kHex[value >> 4]);
    text.push_back(kHex[value & 15]);
  }
  return text;
}

std::int64_t count_code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

template <typename Append>
void append_array(std::string& out, std::string_view name, std::span<const TokenRecord> tokens, Append append) {
  out.append("\"").append(name).append("\":[");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out.push_back(',');
    append(tokens[i]);
  }
  out.push_back(']');
}

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerInfo info, const formats::Tokenizer& tokenizer, std::vector<std::string> echoes)
      : info_(std::move(info)),
        tokenizer_(&tokenizer),
        echoes_(std::move(echoes)),
        chunk_head_(answer_head(info_, "text_completion")),
        offsets_(static_cast<std::size_t>(info_.choices), 0) {}

  void append_opening(std::string& out, std::int32_t choice) override {
    const std::string_view echo = echo_of(choice);
    if (echo.empty()) return;
    append_chunk(out, {.choice = choice, .text = echo, .tokens = {}}, "null");
  }
  void append_piece(std::string& out, const ChoicePiece& piece) override { append_chunk(out, piece, "null"); }
  void append_finish(std::string& out, std::int32_t choice, serving::FinishReason reason) override {
    append_chunk(out, {.choice = choice, .text = {}, .tokens = {}}, "\"" + std::string(finish_name(reason)) + "\"");
  }
  void append_usage(std::string& out, const serving::Usage& usage) override {
    out.append(kEventBegin).append(chunk_head_).append(R"(],"usage":)");
    append_usage_json(out, usage);
    out.append("}").append(kEventEnd);
  }
  std::string whole(std::span<const Choice> choices, const serving::Usage& usage) override {
    std::string out = chunk_head_;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (i > 0) out.push_back(',');
      const auto index = static_cast<std::int32_t>(i);
      const std::string text = std::string(echo_of(index)) + choices[i].text;
      const std::string finish(finish_name(choices[i].finish.value_or(serving::FinishReason::kStop)));
      append_choice(out, {.choice = index, .text = text, .tokens = choices[i].tokens}, "\"" + finish + "\"");
    }
    out += R"(],"usage":)";
    append_usage_json(out, usage);
    out.push_back('}');
    return out;
  }

 private:
  [[nodiscard]] std::string_view echo_of(std::int32_t choice) const {
    if (echoes_.empty()) return {};
    const std::size_t per_prompt = offsets_.size() / echoes_.size();
    return echoes_[static_cast<std::size_t>(choice) / per_prompt];
  }
  void append_chunk(std::string& out, const ChoicePiece& piece, std::string_view finish) {
    out.append(kEventBegin).append(chunk_head_);
    append_choice(out, piece, finish);
    out += info_.include_usage ? R"(],"usage":null})" : "]}";
    out += kEventEnd;
  }
  void append_choice(std::string& out, const ChoicePiece& piece, std::string_view finish) {
    out += R"({"text":)";
    append_json_string(out, piece.text);
    out += R"(,"index":)";
    append_json_number(out, static_cast<std::int64_t>(piece.choice));
    out += R"(,"logprobs":)";
    append_logprobs(out, piece);
    out.append(R"(,"finish_reason":)").append(finish).push_back('}');
  }
  void append_logprobs(std::string& out, const ChoicePiece& piece) {
    if (!info_.logprobs || piece.tokens.empty()) {
      out += "null";
      return;
    }
    std::int64_t& offset = offsets_[static_cast<std::size_t>(piece.choice)];
    out.push_back('{');
    append_array(out, "tokens", piece.tokens,
                 [&](const TokenRecord& record) { append_json_string(out, token_text(record.bytes)); });
    out.push_back(',');
    append_array(out, "token_logprobs", piece.tokens, [&](const TokenRecord& record) {
      append_json_number(out, record.sampled.logprob ? record.sampled.logprob->logprob : 0.0F);
    });
    out.push_back(',');
    append_array(out, "top_logprobs", piece.tokens, [&](const TokenRecord& record) { append_top(out, record); });
    out.push_back(',');
    append_array(out, "text_offset", piece.tokens, [&](const TokenRecord& record) {
      append_json_number(out, offset);
      offset += count_code_points(record.bytes);
    });
    out.push_back('}');
  }
  /// Two tokens that read the same would be one key twice; the likelier one stays.
  void append_top(std::string& out, const TokenRecord& record) const {
    std::set<std::string> seen;
    out.push_back('{');
    for (const text::TokenLogprob& candidate : record.sampled.top) {
      const auto [name, added] = seen.insert(token_text(tokenizer_->token_bytes(candidate.id)));
      if (!added) continue;
      if (seen.size() > 1) out.push_back(',');
      append_json_string(out, *name);
      out.push_back(':');
      append_json_number(out, candidate.logprob);
    }
    out.push_back('}');
  }

  AnswerInfo info_;
  const formats::Tokenizer* tokenizer_;
  std::vector<std::string> echoes_;
  std::string chunk_head_;
  std::vector<std::int64_t> offsets_;  ///< of each choice's next token, in characters of its text
};

}  // namespace

std::unique_ptr<AnswerFormat> make_completion_format(AnswerInfo info, const formats::Tokenizer& tokenizer,
                                                     std::vector<std::string> echoes) {
  return std::make_unique<CompletionFormat>(std::move(info), tokenizer, std::move(echoes));
}

}  // namespace marquee::http
