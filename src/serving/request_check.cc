#include "serving/request_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "text/sampler.h"

namespace marquee::serving {
namespace {

base::Result<void> check_prompt(const GenerationRequest& request, const RequestLimits& limits) {
  if (request.prompt.empty()) return base::invalid_argument("the prompt must have at least one token", "prompt");
  if (request.prompt.size() >= static_cast<std::size_t>(limits.context_length)) {
    return base::invalid_argument(
        fmt::format("the prompt has {} tokens, but this model's context of {} must also hold the answer: shorten it to "
                    "at most {} tokens",
                    request.prompt.size(), limits.context_length, limits.context_length - 1),
        "prompt");
  }
  const auto outside = [&](formats::TokenId id) { return id < 0 || id >= limits.vocab_size; };
  const auto bad = std::find_if(request.prompt.begin(), request.prompt.end(), outside);
  if (bad == request.prompt.end()) return {};
  return base::invalid_argument(
      fmt::format("token {} is not in this model's vocabulary of {}", *bad, limits.vocab_size), "prompt");
}

base::Result<void> check_choices(std::int32_t n, const RequestLimits& limits) {
  const std::int32_t most = std::min(kMaxChoices, limits.max_running_sequences);
  if (n >= 1 && n <= most) return {};
  return base::invalid_argument(fmt::format("n must be from 1 to {}, not {}", most, n), "n");
}

base::Result<void> check_stops(const GenerationRequest& request) {
  if (request.stop.size() > kMaxStops) {
    return base::invalid_argument(
        fmt::format("stop may hold at most {} strings, not {}", kMaxStops, request.stop.size()), "stop");
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty() || stop.size() > kMaxStopBytes) {
      return base::invalid_argument(
          fmt::format("a stop string must have 1 to {} bytes, not {}", kMaxStopBytes, stop.size()), "stop");
    }
  }
  return {};
}

}  // namespace

base::Result<void> check_request(const GenerationRequest& request, const RequestLimits& limits, Clock::time_point now) {
  MARQUEE_CHECK(check_prompt(request, limits));
  MARQUEE_CHECK(check_choices(request.n, limits));
  MARQUEE_CHECK(check_stops(request));
  if (request.max_tokens < 0) {
    return base::invalid_argument(fmt::format("max_tokens must be at least 0, not {}", request.max_tokens),
                                  "max_tokens");
  }
  if (request.tenant.size() > kMaxTenantBytes) {
    return base::invalid_argument(fmt::format("a tenant's name has at most {} bytes", kMaxTenantBytes), "tenant");
  }
  MARQUEE_CHECK(text::validate(request.sampling, limits.vocab_size));
  if (request.deadline && *request.deadline <= now) {
    return base::Error{base::ErrorCode::kDeadlineExceeded, "the request's deadline had passed when it came",
                       "timeout_ms"};
  }
  return {};
}

}  // namespace marquee::serving
