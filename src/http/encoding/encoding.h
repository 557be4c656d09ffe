#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/call.h"
#include "http/requests/encoding_requests.h"
#include "serving/engine.h"

namespace marquee::http {

/// Everything one request to an encoder needs.
struct EncodingPlan {
  std::shared_ptr<Call> call;
  std::shared_ptr<serving::LoadedModel> model;  ///< with an encoder()
  std::vector<serving::EncodingText> texts;
  std::optional<std::chrono::milliseconds> timeout;
  std::string_view route;                                              ///< for the bill; a literal
  std::function<std::string(const serving::EncodingOutcome&)> answer;  ///< makes the body, on a worker
};

/// Queues the texts and answers through the call's exchange. What was used is on disk before the answer is sent. When
/// the client leaves, the request is ended.
void start_encoding(EncodingPlan plan);

/// A text or token ids as the model takes them; ids stay as they are.
/// @param field names it in errors: "input[3]"; its part before '[' is the error's field
/// @error kInvalidArgument if it is empty, too long and not to be truncated, or holds ids that the model lacks
base::Result<serving::EncodingText> encoding_text(const serving::LoadedModel& model, const Prompt& text,
                                                  const EncodingParams& params, const std::string& field);

/// Two texts that the model reads together. The longer one is cut first.
/// @error kInvalidArgument as encoding_text; kUnsupported if the model's tokenizer does not say how
base::Result<serving::EncodingText> encoding_pair(const serving::LoadedModel& model, std::string_view first,
                                                  std::string_view second, const EncodingParams& params,
                                                  const std::string& field);

/// Each of several texts. @param field its name without an index
base::Result<std::vector<serving::EncodingText>> encoding_texts(const serving::LoadedModel& model,
                                                                std::span<const std::string> texts,
                                                                const EncodingParams& params, std::string_view field);

/// Appends `,"usage":{…}`.
void append_encoding_usage(std::string& body, const serving::Usage& usage);

}  // namespace marquee::http
