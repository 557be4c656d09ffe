#include "base/json.h"

namespace marquee::base {

Result<json::value> parse_json(std::string_view text, std::string_view what, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  const std::string prefix(what);
  try {
    json::stream_parser parser({}, options);
    json::error_code code;
    const std::size_t consumed = parser.write_some(text.data(), text.size(), code);
    if (!code && !parser.done()) parser.finish(code);
    if (code == json::error::too_deep) {
      return Error{ErrorCode::kTooLarge, prefix + ": nested deeper than " + std::to_string(max_depth) + " levels"};
    }
    if (code || !parser.done()) {
      const std::string reason = code ? code.message() : "the text ends early";
      return invalid_argument(prefix + ": not valid JSON at byte " + std::to_string(consumed) + ": " + reason);
    }
    const auto rest = text.substr(consumed).find_first_not_of(" \t\r\n");
    if (rest != std::string_view::npos) {
      return invalid_argument(prefix + ": not valid JSON: extra text at byte " + std::to_string(consumed + rest));
    }
    return parser.release();
  } catch (const std::exception& error) {  // Boost.JSON throws on lengths past its limits
    return Error{ErrorCode::kTooLarge, prefix + ": " + error.what()};
  }
}

}  // namespace marquee::base
