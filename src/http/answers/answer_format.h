#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"
#include "serving/generation.h"

namespace marquee::http {

/// What stands in every object of one answer.
struct AnswerInfo {
  std::string id;  ///< "chatcmpl-…" or "cmpl-…"
  std::string model;
  std::int64_t created_unix_s = 0;
  std::string fingerprint;     ///< "fp_…": the same as long as the same seed gives the same text
  bool include_usage = false;  ///< streams: every event has "usage", null until the last
  bool logprobs = false;
  std::int32_t choices = 1;
  bool tool_calls = false;  ///< chat: the answers may hold calls, as text::grammar::tool_call_source() has them
};

/// One choice of a whole answer.
struct Choice {
  std::string text;
  std::vector<serving::TokenRecord> tokens;  ///< if log probabilities were asked for
  std::optional<serving::FinishReason> finish;
};

/// A piece of one choice of a stream.
struct ChoicePiece {
  std::int32_t choice = 0;
  std::string_view text;
  std::span<const serving::TokenRecord> tokens;
};

/// How an answer is written: as one body or as the events of a stream. Not shared between threads.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  /// What a choice's stream begins with, if anything.
  virtual void append_opening(std::string& out, std::int32_t choice) = 0;
  virtual void append_piece(std::string& out, const ChoicePiece& piece) = 0;
  virtual void append_finish(std::string& out, std::int32_t choice, serving::FinishReason reason) = 0;
  virtual void append_usage(std::string& out, const serving::Usage& usage) = 0;
  [[nodiscard]] virtual std::string whole(std::span<const Choice> choices, const serving::Usage& usage) = 0;
};

/// POST /v1/chat/completions: objects chat.completion and chat.completion.chunk.
/// @param tokenizer must outlive the format; for the texts of the likeliest tokens
std::unique_ptr<AnswerFormat> make_chat_format(AnswerInfo info, const formats::Tokenizer& tokenizer);

/// POST /v1/completions: objects text_completion.
/// @param echoes text put before each choice, one for each prompt; empty: none
std::unique_ptr<AnswerFormat> make_completion_format(AnswerInfo info, const formats::Tokenizer& tokenizer,
                                                     std::vector<std::string> echoes);

/// The id of a choice's n-th call: the same in a stream and a whole answer.
std::string tool_call_id(std::string_view answer_id, std::int32_t choice, std::size_t call);

/// OpenAI's word for it. A deadline ends an answer as its length does.
std::string_view finish_name(serving::FinishReason reason);

}  // namespace marquee::http
