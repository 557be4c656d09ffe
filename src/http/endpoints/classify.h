#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/classify: by a classifier, or by candidate labels
void classify(std::shared_ptr<Call> call);

}  // namespace marquee::http
