#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/lexer.h"

namespace marquee::text::jinja {

/// The tokens of a template, read one after the other.
class TokenStream {
 public:
  /// @pre the last token is of kind kEnd
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  [[nodiscard]] const Token& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }

  [[nodiscard]] bool is(TokenKind kind) const { return current().kind == kind; }
  [[nodiscard]] bool is_operator(std::string_view symbol) const {
    return is(TokenKind::kOperator) && current().text == symbol;
  }
  [[nodiscard]] bool is_name(std::string_view name) const { return is(TokenKind::kName) && current().text == name; }
  [[nodiscard]] bool is_one_of(std::initializer_list<std::string_view> names) const {
    return is(TokenKind::kName) && std::find(names.begin(), names.end(), current().text) != names.end();
  }
  bool skip_operator(std::string_view symbol) {
    const bool found = is_operator(symbol);
    if (found) take();
    return found;
  }
  bool skip_name(std::string_view name) {
    const bool found = is_name(name);
    if (found) take();
    return found;
  }

  base::Result<void> expect_operator(std::string_view symbol) {
    return skip_operator(symbol) ? base::Result<void>() : unexpected("'" + std::string(symbol) + "'");
  }
  base::Result<void> expect_name(std::string_view name) {
    return skip_name(name) ? base::Result<void>() : unexpected("'" + std::string(name) + "'");
  }
  base::Result<void> expect(TokenKind kind) {
    if (!is(kind)) return unexpected(describe(Token{kind, "", {}}));
    take();
    return {};
  }
  base::Result<Token> expect_any_name() {
    if (!is(TokenKind::kName)) return unexpected("a name");
    return take();
  }
  /// That something else should stand here.
  [[nodiscard]] base::Error unexpected(const std::string& expected) const {
    return syntax_error(current().position, "expected " + expected + ", got " + describe(current()));
  }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace marquee::text::jinja
