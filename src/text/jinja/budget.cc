#include "text/jinja/budget.h"

#include <fmt/format.h>

namespace marquee::text::jinja {

base::Error Budget::exhausted() {
  return {base::ErrorCode::kTooLarge, fmt::format("the chat template takes more than {} steps", kMaxWork)};
}

base::Error Budget::too_long() {
  return {base::ErrorCode::kTooLarge,
          fmt::format("the chat template makes a text longer than {} MiB", kMaxTextBytes >> 20U)};
}

}  // namespace marquee::text::jinja
