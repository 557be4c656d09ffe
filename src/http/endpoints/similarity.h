#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/similarity: cosines of a text with others, or of each with each
void compare(std::shared_ptr<Call> call);

}  // namespace marquee::http
