#include <cstddef>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "http/answers/answer_format.h"
#include "http/answers/answer_text.h"
#include "http/answers/json_text.h"
#include "http/answers/tool_call_reader.h"

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
      : info_(std::move(info)), tokenizer_(&tokenizer), chunk_head_(answer_head(info_, "chat.completion.chunk")) {
    if (info_.tool_calls) readers_.resize(static_cast<std::size_t>(info_.choices));
  }

  void append_opening(std::string& out, std::int32_t choice) override {
    begin_chunk(out, choice);
    out += R"({"role":"assistant","content":""},"logprobs":null,"finish_reason":null)";
    end_chunk(out);
  }

  void append_piece(std::string& out, const ChoicePiece& piece) override {
    if (info_.tool_calls) {
      append_parts(out, piece.choice, readers_[static_cast<std::size_t>(piece.choice)].push(piece.text), piece.tokens);
    } else {
      append_content(out, piece.choice, piece.text, piece.tokens);
    }
  }

  void append_finish(std::string& out, std::int32_t choice, serving::FinishReason reason) override {
    std::string_view name = finish_name(reason);
    if (info_.tool_calls) {
      ToolCallReader& reader = readers_[static_cast<std::size_t>(choice)];
      append_parts(out, choice, reader.finish(), {});
      name = finish_with_calls(reader, reason);
    }
    begin_chunk(out, choice);
    out += R"({},"logprobs":null,"finish_reason":)";
    append_json_string(out, name);
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
      const auto reason = choices[i].finish.value_or(serving::FinishReason::kStop);
      std::string_view name = finish_name(reason);
      out += R"(,"message":{"role":"assistant","content":)";
      if (info_.tool_calls) {
        name = append_message_with_calls(out, static_cast<std::int32_t>(i), choices[i].text, reason);
      } else {
        append_json_string(out, choices[i].text);
      }
      out += R"(,"refusal":null},"logprobs":)";
      append_logprobs(out, choices[i].tokens);
      out += R"(,"finish_reason":)";
      append_json_string(out, name);
      out.push_back('}');
    }
    out += R"(],"usage":)";
    append_usage_json(out, usage);
    out.push_back('}');
    return out;
  }

 private:
  static std::string_view finish_with_calls(const ToolCallReader& reader, serving::FinishReason reason) {
    return reader.complete() && reason == serving::FinishReason::kStop ? "tool_calls" : finish_name(reason);
  }

  void append_content(std::string& out, std::int32_t choice, std::string_view text,
                      std::span<const TokenRecord> tokens) const {
    begin_chunk(out, choice);
    out += R"({"content":)";
    append_json_string(out, text);
    out += R"(},"logprobs":)";
    append_logprobs(out, tokens);
    out += R"(,"finish_reason":null)";
    end_chunk(out);
  }

  /// What a piece brings, a chunk for each part; the first has the log probabilities of the piece's tokens.
  void append_parts(std::string& out, std::int32_t choice, const std::vector<ToolCallReader::Part>& parts,
                    std::span<const TokenRecord> tokens) {
    const std::size_t calls_now = readers_[static_cast<std::size_t>(choice)].calls();
    std::size_t begun = calls_now;
    for (const auto& part : parts) begun -= part.kind == ToolCallReader::Part::Kind::kName ? 1 : 0;
    if (parts.empty() && !tokens.empty()) append_delta(out, choice, "{}", tokens);
    for (const ToolCallReader::Part& part : parts) {
      if (part.kind == ToolCallReader::Part::Kind::kText) {
        append_content(out, choice, part.text, tokens);
      } else {
        std::string delta;
        if (part.kind == ToolCallReader::Part::Kind::kName) {
          delta = call_begin(choice, begun++, part.text, true) + R"("arguments":""}}]})";
        } else {
          delta = R"({"tool_calls":[{"index":)" + std::to_string(begun - 1) + R"(,"function":{"arguments":)";
          append_json_string(delta, part.text);
          delta += "}}]}";
        }
        append_delta(out, choice, delta, tokens);
      }
      tokens = {};
    }
  }

  void append_delta(std::string& out, std::int32_t choice, std::string_view delta,
                    std::span<const TokenRecord> tokens) const {
    begin_chunk(out, choice);
    out += delta;
    out += R"(,"logprobs":)";
    append_logprobs(out, tokens);
    out += R"(,"finish_reason":null)";
    end_chunk(out);
  }

  /// `{"index":…,"id":…,"type":"function","function":{"name":…,`, in a list of its own if it is a stream's.
  [[nodiscard]] std::string call_begin(std::int32_t choice, std::size_t call, std::string_view name,
                                       bool streamed) const {
    std::string text = streamed ? R"({"tool_calls":[{"index":)" + std::to_string(call) + "," : "{";
    text += R"("id":)";
    append_json_string(text, tool_call_id(info_.id, choice, call));
    text += R"(,"type":"function","function":{"name":)";
    append_json_string(text, name);
    text.push_back(',');
    return text;
  }

  /// The content, null if there are only calls, and the calls.
  std::string_view append_message_with_calls(std::string& out, std::int32_t choice, std::string_view text,
                                             serving::FinishReason reason) const {
    ToolCallReader reader;
    auto parts = reader.push(text);
    for (auto& part : reader.finish()) parts.push_back(std::move(part));
    std::string content;
    std::vector<std::pair<std::string, std::string>> calls;  // names and arguments
    for (ToolCallReader::Part& part : parts) {
      switch (part.kind) {
        case ToolCallReader::Part::Kind::kText: content += part.text; break;
        case ToolCallReader::Part::Kind::kName: calls.emplace_back(std::move(part.text), std::string()); break;
        case ToolCallReader::Part::Kind::kArguments: calls.back().second += part.text; break;
      }
    }
    if (content.empty() && !calls.empty()) {
      out += "null";
    } else {
      append_json_string(out, content);
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
      out += i == 0 ? R"(,"tool_calls":[)" : ",";
      out += call_begin(choice, i, calls[i].first, false) + R"("arguments":)";
      append_json_string(out, calls[i].second);
      out += i + 1 == calls.size() ? "}}]" : "}}";
    }
    return finish_with_calls(reader, reason);
  }

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
  std::vector<ToolCallReader> readers_;  ///< of the choices, if they may hold calls
};

}  // namespace

std::string tool_call_id(std::string_view answer_id, std::int32_t choice, std::size_t call) {
  constexpr std::size_t kLetters = 24;
  const std::string name = std::string(answer_id) + "/" + std::to_string(choice) + "/" + std::to_string(call);
  return "call_" + base::sha256_hex(name).substr(0, kLetters);
}

std::unique_ptr<AnswerFormat> make_chat_format(AnswerInfo info, const formats::Tokenizer& tokenizer) {
  return std::make_unique<ChatFormat>(std::move(info), tokenizer);
}

}  // namespace marquee::http
