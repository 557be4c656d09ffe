#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::text::bags {

/// Function words of a language in lower case, for stop lists.
/// @param language "en" or "english" (the Glasgow Information Retrieval Group's list, which is scikit-learn's too),
/// "de",
///        "es", "fr", "it" or "pt"
/// @error kInvalidArgument naming the languages there are
base::Result<std::vector<std::string>> stop_words(std::string_view language);

}  // namespace marquee::text::bags
