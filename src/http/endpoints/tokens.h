#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/tokenize: the ids of a text or a conversation.
void tokenize(std::shared_ptr<Call> call);
/// POST /v1/detokenize: the text of ids.
void detokenize(std::shared_ptr<Call> call);

}  // namespace marquee::http
