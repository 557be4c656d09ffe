#pragma once
// From request fields to what the engine is asked; shared by the endpoints that generate.

#include <memory>
#include <string_view>
#include <vector>

#include "http/answers/answer_format.h"
#include "http/call.h"
#include "http/requests/generation_params.h"
#include "serving/engine.h"

namespace marquee::http {

/// The engine's request for one prompt.
serving::GenerationRequest engine_request(const Call& call, const serving::LoadedModel& model,
                                          const GenerationParams& params, std::vector<formats::TokenId> prompt,
                                          std::int32_t max_tokens);

/// The grammar that the parameters ask for, if any. May compile for up to 100 ms.
/// @error kInvalidArgument naming the field that asked for it
base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> answer_grammar(serving::LoadedModel& model,
                                                                                const GenerationParams& params);

/// @param prefix "chatcmpl-" or "cmpl-"
AnswerInfo answer_info(const Call& call, const serving::LoadedModel& model, const GenerationParams& params,
                       std::string_view prefix);

/// Answers 400 context_length_exceeded if the prompt leaves no room for a token.
/// @return whether it fits
bool check_prompt_length(const Call& call, const serving::LoadedModel& model, std::size_t prompt_tokens,
                         std::string_view field);

}  // namespace marquee::http
