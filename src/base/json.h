#pragma once
// JSON through Boost.JSON, with the bounds every caller here needs. Nothing throws past these functions.

#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::base {

namespace json = boost::json;

/// Depth a request or a file may nest; far above any real one, far below what a recursive reader can stand.
constexpr std::size_t kMaxJsonDepth = 64;

/// Parses one JSON document of valid UTF-8 (RFC 8259: no comments, no trailing commas, no NaN).
/// @param what names the document in the error ("request body", a file's name)
/// @error kInvalidArgument with the byte offset; kTooLarge if nested deeper than max_depth
Result<json::value> parse_json(std::string_view text, std::string_view what, std::size_t max_depth = kMaxJsonDepth);

}  // namespace marquee::base
