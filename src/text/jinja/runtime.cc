#include "text/jinja/runtime.h"

#include <fmt/format.h>

namespace marquee::text::jinja {

base::Error Runtime::too_deep() {
  return {base::ErrorCode::kTooLarge,
          fmt::format("the chat template's macros and expressions nest more than {} deep", kMaxEvaluationDepth)};
}

}  // namespace marquee::text::jinja
