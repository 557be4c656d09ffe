#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// The functions that every template has: range, dict, namespace, cycler, joiner, and transformers' raise_exception and
/// strftime_now. They hold no state, so that renderings share them.
const std::vector<std::pair<std::string, Value>>& global_functions();
bool is_global_function(std::string_view name);

}  // namespace marquee::text::jinja
