#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/rerank: by a cross-encoder, or by the vectors of a bi-encoder
void rerank(std::shared_ptr<Call> call);

}  // namespace marquee::http
