#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace marquee::apps {

/// The name nearest to `wrong`, if one is near enough to have been meant (Levenshtein distance of at most a third of it).
std::optional<std::string> nearest_name(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace marquee::apps
