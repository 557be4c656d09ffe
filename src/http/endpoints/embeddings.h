#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/embeddings
void create_embedding(std::shared_ptr<Call> call);

}  // namespace marquee::http
