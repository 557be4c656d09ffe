#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::formats {

/// Decodes standard base64 (RFC 4648, section 4) with its padding. @error kCorrupt at the first wrong character
base::Result<std::string> decode_base64(std::string_view text);

}  // namespace marquee::formats
