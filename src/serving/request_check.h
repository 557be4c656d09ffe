#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "serving/generation.h"

namespace marquee::serving {

constexpr std::int32_t kMaxChoices = 16;
constexpr std::size_t kMaxStops = 4;
constexpr std::size_t kMaxStopBytes = 4096;
constexpr std::size_t kMaxTenantBytes = 256;

struct RequestLimits {
  std::int32_t vocab_size = 0;
  std::int32_t context_length = 0;
  std::int32_t max_running_sequences = 0;
};

/// @error kInvalidArgument with `field` named and the allowed range in the message; kDeadlineExceeded
base::Result<void> check_request(const GenerationRequest& request, const RequestLimits& limits, Clock::time_point now);

}  // namespace marquee::serving
