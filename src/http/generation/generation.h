#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "http/answers/answer_format.h"
#include "http/call.h"
#include "serving/engine.h"

namespace marquee::http {

/// Everything one request's generations need.
struct GenerationPlan {
  std::shared_ptr<Call> call;
  std::shared_ptr<serving::LoadedModel> model;
  std::unique_ptr<AnswerFormat> format;
  std::vector<serving::GenerationRequest> requests;  ///< one for each prompt, all with the same n
  std::string_view route;                            ///< for the bill; a literal
  bool stream = false;
  bool include_usage = false;
};

/// Queues the requests and answers through the call's exchange as their events come. What was used is on disk before
/// the answer's last bytes are sent, also when the client has left. When it leaves, the requests are cancelled.
void start_generation(GenerationPlan plan);

}  // namespace marquee::http
