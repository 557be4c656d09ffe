#include <cstddef>
#include <utility>

#include "http/answers/answer_format.h"
#include "http/answers/answer_text.h"
#include "http/answers/json_text.h"

namespace marquee::http {

namespace {

using serving::TokenRecord;

/// `"token":…,"logprob":…,"bytes":[…]`. The text is made valid UTF-8; the bytes are exact.
void append_token(std::string& out, std::string_view bytes, float logprob) {
  out += R"("token":)";
  append_json_string(out, bytes);
  out += R"(,"logprob":)";
  append_json_number(out, logprob);
  out += R"(,"bytes":[)";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_number(out, static_cast<std::int64_t>(static_cast<unsigned char>(bytes[i])));
  }
  out.push_back(']');
}

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(AnswerInfo info, const formats::Tokenizer& tokenizer)
      : info_(std::move(info)), tokenizer_(&tokenizer), chunk_head_(answer_head(info_, "chat.completion.chunk")) {}

  void append_opening(std::string& out, std::int32_t choice) override {
    begin_chunk(out, choice);
    out += R"({"role":"assistant","content":""},"logprobs":null,"finish_reason":null)";
    end_chunk(out);
  }

  void append_piece(std::string& out, const ChoicePiece& piece) override {
    begin_chunk(out, piece.choice);
    out += R"({"content":)";
    append_json_string(out, piece.text);
    out += R"(},"logprobs":)";
    append_logprobs(out, piece.tokens);
    out += R"(,"finish_reason":null)";
    end_chunk(out);
  }

  void append_finish(std::string& out, std::int32_t choice, serving::FinishReason reason) override {
    begin_chunk(out, choice);
    out += R"({},"logprobs":null,"finish_reason":)";
    append_json_string(out, finish_name(reason));
    end_chunk(out);
  }

  void append_usage(std::string& out, const serving::Usage& usage) override {
    out.append(kEventBegin).append(chunk_head_).append(R"(],"usage":)");
    append_usage_json(out, usage);
    out.append("}").append(kEventEnd);
  }

  std::string whole(std::span<const Choice> choices, const serving::Usage& usage) override {
    std::string out = answer_head(info_, "chat.completion");
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (i > 0) out.push_back(',');
      out += R"({"index":)";
      append_json_number(out, static_cast<std::int64_t>(i));
      out += R"(,"message":{"role":"assistant","content":)";
      append_json_string(out, choices[i].text);
      out += R"(,"refusal":null},"logprobs":)";
      append_logprobs(out, choices[i].tokens);
      out += R"(,"finish_reason":)";
      append_json_string(out, finish_name(choices[i].finish.value_or(serving::FinishReason::kStop)));
      out.push_back('}');
    }
    out += R"(],"usage":)";
    append_usage_json(out, usage);
    out.push_back('}');
    return out;
  }

 private:
  void begin_chunk(std::string& out, std::int32_t choice) const {
    out.append(kEventBegin).append(chunk_head_).append(R"({"index":)");
    append_json_number(out, static_cast<std::int64_t>(choice));
    out += R"(,"delta":)";
  }
  void end_chunk(std::string& out) const {
    out += info_.include_usage ? R"(}],"usage":null})" : "}]}";
    out += kEventEnd;
  }
  void append_logprobs(std::string& out, std::span<const TokenRecord> tokens) const {
    if (!info_.logprobs) {
      out += "null";
      return;
    }
    out += R"({"content":[)";
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out.push_back(',');
      append_record(out, tokens[i]);
    }
    out += R"(],"refusal":null})";
  }
  void append_record(std::string& out, const TokenRecord& record) const {
    out.push_back('{');
    append_token(out, record.bytes, record.sampled.logprob ? record.sampled.logprob->logprob : 0.0F);
    out += R"(,"top_logprobs":[)";
    for (std::size_t i = 0; i < record.sampled.top.size(); ++i) {
      const text::TokenLogprob& candidate = record.sampled.top[i];
      if (i > 0) out.push_back(',');
      out.push_back('{');
      append_token(out, tokenizer_->token_bytes(candidate.id), candidate.logprob);
      out.push_back('}');
    }
    out += "]}";
  }

  AnswerInfo info_;
  const formats::Tokenizer* tokenizer_;
  std::string chunk_head_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_chat_format(AnswerInfo info, const formats::Tokenizer& tokenizer) {
  return std::make_unique<ChatFormat>(std::move(info), tokenizer);
}

}  // namespace marquee::http
