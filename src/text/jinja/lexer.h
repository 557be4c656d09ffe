#pragma once
// A template's text cut into tokens, as Jinja2 does with trim_blocks and lstrip_blocks on.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::text::jinja {

/// Both from 1; columns count code points.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};
/// "line 3, column 7"
std::string to_string(Position position);
/// "chat template, line 3, column 7: …"
base::Error at_position(base::Error error, Position position);
base::Error syntax_error(Position position, std::string message);

enum class TokenKind : std::uint8_t {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kText,
  kInteger,
  kReal,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  ///< a text's escapes are resolved; numbers lack their underscores
  Position position;
};

/// The tokens, the last one of kind kEnd. Comments are gone, `raw` is data.
/// @error kInvalidArgument for what Jinja2's lexer rejects; kTooLarge for a source over kMaxSourceBytes
base::Result<std::vector<Token>> tokenize(std::string_view source);

/// For an error's message: what stands there.
std::string describe(const Token& token);

}  // namespace marquee::text::jinja
