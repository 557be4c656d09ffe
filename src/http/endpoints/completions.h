#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/completions
void create_completion(std::shared_ptr<Call> call);

}  // namespace marquee::http
