#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace marquee::apps {

/// The name that `wrong` was probably meant to be: the nearest one, if at most a third of `wrong` must be edited, or
/// else the only one that begins with it.
std::optional<std::string> nearest_name(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace marquee::apps
