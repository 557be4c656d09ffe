#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/nodes.h"
#include "text/jinja/token_stream.h"

namespace marquee::text::jinja {

/// What the parser learns about names on its way.
struct NameUses {
  NameTable table;
  std::set<std::string, std::less<>> assigned;  ///< by set, for, with, macro or as a parameter
  std::vector<std::pair<std::string, Position>> called;
  std::vector<MacroCode*> open_macros;  ///< the macros around here
  std::vector<For*> open_loops;
};

/// Parses Jinja2's expressions, with its precedences (which are Python's but for ** being left-associative and unary
/// minus binding tighter than **).
class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, NameUses& names) : tokens_(tokens), names_(names) {}

  using Parsed = Result<ExpressionPointer>;
  Parsed parse_expression();
  /// Without `… if … else …`, as after `for … in`, and `if`.
  Parsed parse_tuple_without_conditional() { return parse_tuple(Conditionals::kNo, false); }
  /// One expression, or several with commas between, which make a tuple.
  Parsed parse_tuple() { return parse_tuple(Conditionals::kYes, false); }
  /// The filters after `input`. @param named_first the first one stands without a |
  Parsed parse_filters(ExpressionPointer input, bool named_first);

 private:
  enum class Conditionals : bool { kNo, kYes };
  class Nesting;

  Parsed parse_tuple(Conditionals conditionals, bool parenthesised);
  [[nodiscard]] bool at_tuple_end() const;
  Parsed parse_or();
  Parsed parse_and();
  Parsed parse_not();
  Parsed parse_comparison();
  Parsed parse_sum();
  Parsed parse_concatenation();
  Parsed parse_product();
  Parsed parse_power();
  Parsed parse_unary(bool with_filters);
  Parsed parse_primary();
  Parsed parse_name(const Token& token);
  Parsed parse_list();
  Parsed parse_dict();
  Parsed parse_postfix(ExpressionPointer node);
  Parsed parse_postfix_and_filters(ExpressionPointer node);
  Parsed parse_attribute(ExpressionPointer object);
  Parsed parse_subscript(ExpressionPointer object);
  Parsed parse_call(ExpressionPointer callee);
  Parsed parse_filter(ExpressionPointer input);
  Parsed parse_test(ExpressionPointer input);
  Result<CallArguments> parse_arguments(std::uint32_t& height);
  Result<void> parse_argument(CallArguments& arguments, std::uint32_t& height);
  using Next = Parsed (ExpressionParser::*)();
  Parsed parse_left_to_right(Next next, std::initializer_list<Operator> operators);

  /// Sets the node's place and height. @error kTooLarge if its tree is too high
  template <typename Node>
  Parsed finish(std::unique_ptr<Node> node, Position position, std::uint32_t height_below);

  TokenStream& tokens_;
  NameUses& names_;
  std::uint32_t depth_ = 0;
};

}  // namespace marquee::text::jinja
