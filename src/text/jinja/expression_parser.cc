#include "text/jinja/expression_parser.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "text/jinja/access.h"

namespace marquee::text::jinja {
namespace {

std::uint32_t height_of(const ExpressionPointer& node) { return node == nullptr ? 0 : node->height; }

base::Error too_deep(Position position) {
  return at_position(base::Error{base::ErrorCode::kTooLarge, "expressions or blocks nest too deeply"}, position);
}

Result<Value> integer_of(const Token& token) {
  std::string_view digits = token.text;
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0') {
    const char mark = static_cast<char>(digits[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) digits.remove_prefix(2);
  }
  Integer value = 0;
  for (const char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (__builtin_mul_overflow(value, Integer{base}, &value) || __builtin_add_overflow(value, Integer{digit}, &value)) {
      return at_position(base::unsupported("the integer " + token.text + ", which needs more than 128 bits"),
                         token.position);
    }
  }
  return Value::integer(value);
}

Value real_of(const Token& token) {
  double value = 0;
  const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (read.ec == std::errc::result_out_of_range) value = std::strtod(token.text.c_str(), nullptr);  // inf or 0
  return Value::real(value);
}

/// map('upper') and select('defined') name a filter or a test, which has to be known.
Result<void> check_named_function(std::string_view filter, const CallArguments& arguments) {
  const bool by_attribute = filter == "selectattr" || filter == "rejectattr";
  if (filter != "map" && filter != "select" && filter != "reject" && !by_attribute) return {};
  const std::size_t index = by_attribute ? 1 : 0;
  if (arguments.positional.size() <= index) return {};
  const auto* name = dynamic_cast<const Constant*>(arguments.positional[index].get());
  if (name == nullptr || !name->value.is_text()) return {};
  const bool known =
      filter == "map" ? find_filter(name->value.text()) != nullptr : find_test(name->value.text()) != nullptr;
  if (known) return {};
  const std::string what = filter == "map" ? "the filter '" : "the test '";
  return at_position(base::unsupported(what + name->value.text() + "'"), name->position);
}

}  // namespace

/// One more level of nesting while it lives.
class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) { ++parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --parser_.depth_; }
  [[nodiscard]] Result<void> check() const {
    if (parser_.depth_ > kMaxParseDepth) return too_deep(parser_.tokens_.current().position);
    return {};
  }

 private:
  ExpressionParser& parser_;
};

template <typename Node>
Result<ExpressionPointer> ExpressionParser::finish(std::unique_ptr<Node> node, Position position,
                                                   std::uint32_t height_below) {
  node->position = position;
  node->height = height_below + 1;
  if (node->height > kMaxExpressionHeight) return too_deep(position);
  return ExpressionPointer(std::move(node));
}

Result<ExpressionPointer> ExpressionParser::parse_expression() {
  const Nesting nesting(*this);
  MARQUEE_CHECK(nesting.check());
  Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto value, parse_or());
  while (tokens_.skip_name("if")) {
    auto node = std::make_unique<Conditional>();
    node->then = std::move(value);
    MARQUEE_ASSIGN(node->condition, parse_or());
    if (tokens_.skip_name("else")) {
      MARQUEE_ASSIGN(node->otherwise, parse_expression());
    }
    const std::uint32_t height =
        std::max({height_of(node->then), height_of(node->condition), height_of(node->otherwise)});
    MARQUEE_ASSIGN(value, finish(std::move(node), position, height));
    position = tokens_.current().position;
  }
  return value;
}

bool ExpressionParser::at_tuple_end() const {
  return tokens_.is(TokenKind::kVariableEnd) || tokens_.is(TokenKind::kBlockEnd) || tokens_.is_operator(")") ||
         tokens_.is_name("recursive");
}

Result<ExpressionPointer> ExpressionParser::parse_tuple(Conditionals conditionals, bool parenthesised) {
  const Nesting nesting(*this);
  MARQUEE_CHECK(nesting.check());
  const Position position = tokens_.current().position;
  auto tuple = std::make_unique<SequenceDisplay>();
  tuple->is_tuple = true;
  std::uint32_t height = 0;
  bool comma = false;
  while (!at_tuple_end()) {
    MARQUEE_ASSIGN(auto item, conditionals == Conditionals::kYes ? parse_expression() : parse_or());
    height = std::max(height, item->height);
    tuple->items.push_back(std::move(item));
    if (!tokens_.skip_operator(",")) break;
    comma = true;
  }
  if (!comma && !tuple->items.empty()) return std::move(tuple->items.front());
  if (tuple->items.empty() && !parenthesised) return tokens_.unexpected("an expression");
  return finish(std::move(tuple), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_or() {
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto left, parse_and());
  while (tokens_.skip_name("or")) {
    auto node = std::make_unique<Logic>();
    node->left = std::move(left);
    MARQUEE_ASSIGN(node->right, parse_and());
    const std::uint32_t height = std::max(height_of(node->left), height_of(node->right));
    MARQUEE_ASSIGN(left, finish(std::move(node), position, height));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_and() {
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto left, parse_not());
  while (tokens_.skip_name("and")) {
    auto node = std::make_unique<Logic>();
    node->is_and = true;
    node->left = std::move(left);
    MARQUEE_ASSIGN(node->right, parse_not());
    const std::uint32_t height = std::max(height_of(node->left), height_of(node->right));
    MARQUEE_ASSIGN(left, finish(std::move(node), position, height));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_not() {
  if (!tokens_.is_name("not")) return parse_comparison();
  const Nesting nesting(*this);
  MARQUEE_CHECK(nesting.check());
  auto node = std::make_unique<Unary>();
  const Position position = tokens_.take().position;
  MARQUEE_ASSIGN(node->operand, parse_not());
  const std::uint32_t height = height_of(node->operand);
  return finish(std::move(node), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_comparison() {
  constexpr std::array<Operator, 6> kSymbols = {Operator::kEqual,     Operator::kNotEqual, Operator::kLess,
                                                Operator::kLessEqual, Operator::kGreater,  Operator::kGreaterEqual};
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto first, parse_sum());
  auto node = std::make_unique<Comparison>();
  std::uint32_t height = first->height;
  while (true) {
    std::optional<Operator> op;
    for (const Operator candidate : kSymbols) {
      if (tokens_.is_operator(symbol_of(candidate))) op = candidate;
    }
    if (tokens_.is_name("in")) op = Operator::kIn;
    const Token& following = tokens_.following();
    if (tokens_.is_name("not") && following.kind == TokenKind::kName && following.text == "in") {
      op = Operator::kNotIn;
      tokens_.take();
    }
    if (!op) break;
    tokens_.take();
    MARQUEE_ASSIGN(auto operand, parse_sum());
    height = std::max(height, operand->height);
    node->rest.emplace_back(*op, std::move(operand));
  }
  if (node->rest.empty()) return first;
  node->first = std::move(first);
  return finish(std::move(node), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_left_to_right(Next next, std::initializer_list<Operator> operators) {
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto left, (this->*next)());
  while (true) {
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [&](Operator candidate) { return tokens_.is_operator(symbol_of(candidate)); });
    if (op == operators.end()) return left;
    tokens_.take();
    auto node = std::make_unique<Arithmetic>();
    node->op = *op;
    node->left = std::move(left);
    MARQUEE_ASSIGN(node->right, (this->*next)());
    const std::uint32_t height = std::max(height_of(node->left), height_of(node->right));
    MARQUEE_ASSIGN(left, finish(std::move(node), position, height));
  }
}

Result<ExpressionPointer> ExpressionParser::parse_sum() {
  return parse_left_to_right(&ExpressionParser::parse_concatenation, {Operator::kAdd, Operator::kSubtract});
}

Result<ExpressionPointer> ExpressionParser::parse_concatenation() {
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto first, parse_product());
  if (!tokens_.is_operator("~")) return first;
  auto node = std::make_unique<Concatenation>();
  std::uint32_t height = first->height;
  node->parts.push_back(std::move(first));
  while (tokens_.skip_operator("~")) {
    MARQUEE_ASSIGN(auto part, parse_product());
    height = std::max(height, part->height);
    node->parts.push_back(std::move(part));
  }
  return finish(std::move(node), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_product() {
  return parse_left_to_right(&ExpressionParser::parse_power,
                             {Operator::kMultiply, Operator::kDivide, Operator::kFloorDivide, Operator::kModulo});
}

Result<ExpressionPointer> ExpressionParser::parse_power() {
  const auto next = [](ExpressionParser& parser) { return parser.parse_unary(true); };
  const Position position = tokens_.current().position;
  MARQUEE_ASSIGN(auto left, next(*this));
  while (tokens_.skip_operator("**")) {
    auto node = std::make_unique<Arithmetic>();
    node->op = Operator::kPower;
    node->left = std::move(left);
    MARQUEE_ASSIGN(node->right, next(*this));
    const std::uint32_t height = std::max(height_of(node->left), height_of(node->right));
    MARQUEE_ASSIGN(left, finish(std::move(node), position, height));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_unary(bool with_filters) {
  const Nesting nesting(*this);
  MARQUEE_CHECK(nesting.check());
  ExpressionPointer node;
  if (tokens_.is_operator("-") || tokens_.is_operator("+")) {
    auto unary = std::make_unique<Unary>();
    const Token& sign = tokens_.take();
    unary->operation = sign.text == "-" ? Unary::Operation::kNegate : Unary::Operation::kPlus;
    MARQUEE_ASSIGN(unary->operand, parse_unary(false));
    const std::uint32_t height = height_of(unary->operand);
    MARQUEE_ASSIGN(node, finish(std::move(unary), sign.position, height));
  } else {
    MARQUEE_ASSIGN(node, parse_primary());
  }
  MARQUEE_ASSIGN(node, parse_postfix(std::move(node)));
  if (!with_filters) return node;
  return parse_postfix_and_filters(std::move(node));
}

Result<ExpressionPointer> ExpressionParser::parse_primary() {
  const Token& token = tokens_.current();
  auto constant = std::make_unique<Constant>();
  switch (token.kind) {
    case TokenKind::kName: return parse_name(tokens_.take());
    case TokenKind::kText: {
      std::string text;
      while (tokens_.is(TokenKind::kText)) text += tokens_.take().text;
      constant->value = Value::text(std::move(text));
      return finish(std::move(constant), token.position, 0);
    }
    case TokenKind::kInteger: {
      MARQUEE_ASSIGN(constant->value, integer_of(tokens_.take()));
      return finish(std::move(constant), token.position, 0);
    }
    case TokenKind::kReal: {
      constant->value = real_of(tokens_.take());
      return finish(std::move(constant), token.position, 0);
    }
    default: break;
  }
  if (tokens_.is_operator("[")) return parse_list();
  if (tokens_.is_operator("{")) return parse_dict();
  if (!tokens_.skip_operator("(")) return tokens_.unexpected("an expression");
  MARQUEE_ASSIGN(auto tuple, parse_tuple(Conditionals::kYes, true));
  MARQUEE_CHECK(tokens_.expect_operator(")"));
  return tuple;
}

Result<ExpressionPointer> ExpressionParser::parse_name(const Token& token) {
  const std::string& name = token.text;
  auto constant = std::make_unique<Constant>();
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    constant->value = Value::boolean(name == "true" || name == "True");
    return finish(std::move(constant), token.position, 0);
  }
  if (name == "none" || name == "None") return finish(std::move(constant), token.position, 0);
  for (MacroCode* macro : names_.open_macros) {
    macro->takes_varargs = macro->takes_varargs || name == "varargs";
    macro->takes_kwargs = macro->takes_kwargs || name == "kwargs";
    macro->takes_caller = macro->takes_caller || (name == "caller" && !macro->names_caller);
  }
  if (name == "loop" && !tokens_.is_operator(".")) {
    for (For* loop : names_.open_loops) loop->loop_escapes = true;
  }
  auto node = std::make_unique<NameUse>();
  node->id = names_.table.add(name);
  node->name = name;
  return finish(std::move(node), token.position, 0);
}

Result<ExpressionPointer> ExpressionParser::parse_list() {
  const Position position = tokens_.take().position;
  auto list = std::make_unique<SequenceDisplay>();
  std::uint32_t height = 0;
  while (!tokens_.is_operator("]")) {
    MARQUEE_ASSIGN(auto item, parse_expression());
    height = std::max(height, item->height);
    list->items.push_back(std::move(item));
    if (!tokens_.skip_operator(",")) break;
  }
  MARQUEE_CHECK(tokens_.expect_operator("]"));
  return finish(std::move(list), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_dict() {
  const Position position = tokens_.take().position;
  auto dict = std::make_unique<DictDisplay>();
  std::uint32_t height = 0;
  while (!tokens_.is_operator("}")) {
    MARQUEE_ASSIGN(auto key, parse_expression());
    MARQUEE_CHECK(tokens_.expect_operator(":"));
    MARQUEE_ASSIGN(auto value, parse_expression());
    height = std::max({height, key->height, value->height});
    dict->entries.emplace_back(std::move(key), std::move(value));
    if (!tokens_.skip_operator(",")) break;
  }
  MARQUEE_CHECK(tokens_.expect_operator("}"));
  return finish(std::move(dict), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_postfix(ExpressionPointer node) {
  while (true) {
    if (tokens_.is_operator(".")) {
      MARQUEE_ASSIGN(node, parse_attribute(std::move(node)));
    } else if (tokens_.is_operator("[")) {
      MARQUEE_ASSIGN(node, parse_subscript(std::move(node)));
    } else if (tokens_.is_operator("(")) {
      MARQUEE_ASSIGN(node, parse_call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExpressionPointer> ExpressionParser::parse_postfix_and_filters(ExpressionPointer node) {
  while (true) {
    if (tokens_.is_operator("|")) {
      MARQUEE_ASSIGN(node, parse_filters(std::move(node), false));
    } else if (tokens_.is_name("is")) {
      MARQUEE_ASSIGN(node, parse_test(std::move(node)));
    } else if (tokens_.is_operator("(")) {
      MARQUEE_ASSIGN(node, parse_call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExpressionPointer> ExpressionParser::parse_attribute(ExpressionPointer object) {
  const Position position = tokens_.take().position;
  const std::uint32_t height = object->height;
  if (tokens_.is(TokenKind::kInteger)) {
    auto item = std::make_unique<ItemUse>();
    auto index = std::make_unique<Constant>();
    MARQUEE_ASSIGN(index->value, integer_of(tokens_.current()));
    MARQUEE_ASSIGN(item->key, finish(std::move(index), tokens_.take().position, 0));
    item->object = std::move(object);
    return finish(std::move(item), position, height);
  }
  MARQUEE_ASSIGN(const Token name, tokens_.expect_any_name());
  auto attribute = std::make_unique<AttributeUse>();
  attribute->object = std::move(object);
  attribute->name = name.text;
  return finish(std::move(attribute), name.position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_subscript(ExpressionPointer object) {
  const Position position = tokens_.take().position;
  ExpressionPointer start;
  std::uint32_t height = object->height;
  if (!tokens_.is_operator(":")) {
    MARQUEE_ASSIGN(start, parse_expression());
    height = std::max(height, start->height);
  }
  if (!tokens_.is_operator(":")) {
    if (tokens_.is_operator(",")) return at_position(base::unsupported("an index of several values"), position);
    MARQUEE_CHECK(tokens_.expect_operator("]"));
    auto item = std::make_unique<ItemUse>();
    item->object = std::move(object);
    item->key = std::move(start);
    return finish(std::move(item), position, height);
  }
  auto slice = std::make_unique<SliceUse>();
  slice->object = std::move(object);
  slice->start = std::move(start);
  for (ExpressionPointer* bound : {&slice->stop, &slice->step}) {
    if (!tokens_.skip_operator(":") || tokens_.is_operator(":") || tokens_.is_operator("]")) continue;
    MARQUEE_ASSIGN(*bound, parse_expression());
    height = std::max(height, (*bound)->height);
  }
  MARQUEE_CHECK(tokens_.expect_operator("]"));
  return finish(std::move(slice), position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_call(ExpressionPointer callee) {
  const Position position = callee->position;
  std::uint32_t height = callee->height;
  if (const auto* name = dynamic_cast<const NameUse*>(callee.get())) names_.called.emplace_back(name->name, position);
  if (const auto* attribute = dynamic_cast<const AttributeUse*>(callee.get());
      attribute != nullptr && is_missing_method(attribute->name)) {
    return at_position(base::unsupported("the method '" + attribute->name + "'"), position);
  }
  auto call = std::make_unique<Call>();
  call->callee = std::move(callee);
  MARQUEE_ASSIGN(call->arguments, parse_arguments(height));
  return finish(std::move(call), position, height);
}

Result<CallArguments> ExpressionParser::parse_arguments(std::uint32_t& height) {
  MARQUEE_CHECK(tokens_.expect_operator("("));
  CallArguments arguments;
  while (!tokens_.is_operator(")")) {
    MARQUEE_CHECK(parse_argument(arguments, height));
    if (!tokens_.skip_operator(",")) break;
  }
  MARQUEE_CHECK(tokens_.expect_operator(")"));
  return arguments;
}

Result<void> ExpressionParser::parse_argument(CallArguments& arguments, std::uint32_t& height) {
  const Position position = tokens_.current().position;
  const base::Error wrong_order = syntax_error(position, "this argument may not stand here");
  const Token& following = tokens_.following();
  ExpressionPointer value;
  if (tokens_.skip_operator("*")) {
    if (arguments.spread_list != nullptr || arguments.spread_dict != nullptr) return wrong_order;
    MARQUEE_ASSIGN(arguments.spread_list, parse_expression());
    height = std::max(height, arguments.spread_list->height);
    return {};
  }
  if (arguments.spread_dict != nullptr) return wrong_order;
  if (tokens_.skip_operator("**")) {
    MARQUEE_ASSIGN(arguments.spread_dict, parse_expression());
    height = std::max(height, arguments.spread_dict->height);
    return {};
  }
  const bool named = tokens_.is(TokenKind::kName) && following.kind == TokenKind::kOperator && following.text == "=";
  std::string name;
  if (named) {
    name = tokens_.take().text;
    tokens_.take();
    for (const auto& [known, expression] : arguments.named) {
      if (known == name) return syntax_error(position, "the argument '" + name + "' is given twice");
    }
  } else if (!arguments.named.empty() || arguments.spread_list != nullptr) {
    return wrong_order;
  }
  MARQUEE_ASSIGN(value, parse_expression());
  height = std::max(height, value->height);
  if (named) {
    arguments.named.emplace_back(std::move(name), std::move(value));
  } else {
    arguments.positional.push_back(std::move(value));
  }
  return {};
}

Result<ExpressionPointer> ExpressionParser::parse_filters(ExpressionPointer input, bool named_first) {
  while (named_first || tokens_.skip_operator("|")) {
    named_first = false;
    MARQUEE_ASSIGN(input, parse_filter(std::move(input)));
  }
  return input;
}

Result<ExpressionPointer> ExpressionParser::parse_filter(ExpressionPointer input) {
  MARQUEE_ASSIGN(const Token name, tokens_.expect_any_name());
  auto node = std::make_unique<FilterUse>();
  node->filter = find_filter(name.text);
  if (node->filter == nullptr) {
    return at_position(base::unsupported("the filter '" + name.text + "'"), name.position);
  }
  std::uint32_t height = input->height;
  node->input = std::move(input);
  if (tokens_.is_operator("(")) {
    MARQUEE_ASSIGN(node->arguments, parse_arguments(height));
  }
  MARQUEE_CHECK(check_named_function(name.text, node->arguments));
  return finish(std::move(node), name.position, height);
}

Result<ExpressionPointer> ExpressionParser::parse_test(ExpressionPointer input) {
  tokens_.take();
  auto node = std::make_unique<TestUse>();
  node->negated = tokens_.skip_name("not");
  MARQUEE_ASSIGN(const Token name, tokens_.expect_any_name());
  node->test = find_test(name.text);
  if (node->test == nullptr) return at_position(base::unsupported("the test '" + name.text + "'"), name.position);
  std::uint32_t height = input->height;
  node->input = std::move(input);
  const bool operand = tokens_.is(TokenKind::kName) || tokens_.is(TokenKind::kText) ||
                       tokens_.is(TokenKind::kInteger) || tokens_.is(TokenKind::kReal) || tokens_.is_operator("[") ||
                       tokens_.is_operator("{");
  if (tokens_.is_operator("(")) {
    MARQUEE_ASSIGN(node->arguments, parse_arguments(height));
  } else if (operand && !tokens_.is_one_of({"else", "or", "and"})) {
    if (tokens_.is_name("is")) return syntax_error(tokens_.current().position, "tests cannot be chained with 'is'");
    MARQUEE_ASSIGN(auto argument, parse_primary());
    MARQUEE_ASSIGN(argument, parse_postfix(std::move(argument)));
    height = std::max(height, argument->height);
    node->arguments.positional.push_back(std::move(argument));
  }
  return finish(std::move(node), name.position, height);
}

}  // namespace marquee::text::jinja
