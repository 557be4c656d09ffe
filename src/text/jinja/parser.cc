#include "text/jinja/parser.h"

#include <algorithm>
#include <array>

#include "text/jinja/expression_parser.h"
#include "text/jinja/globals.h"

namespace marquee::text::jinja {
namespace {

using StatementPointer = std::unique_ptr<Statement>;
using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(tokens_, names_) {}

  Result<ParsedTemplate> parse() {
    MARQUEE_ASSIGN(auto body, parse_body({}, tokens_.current()));
    for (const auto& [name, position] : names_.called) {
      const bool known =
          is_global_function(name) || names_.assigned.contains(name) || name == "loop" || name == "caller";
      if (!known) return at_position(base::unsupported("the function '" + name + "'"), position);
    }
    return ParsedTemplate{std::move(body), std::move(names_.table)};
  }

 private:
  /// Statements up to one of the tags in `ends`, whose name is then the current token.
  Result<Body> parse_body(Names ends, const Token& opening) {
    if (++depth_ > kMaxParseDepth) {
      return at_position(base::Error{base::ErrorCode::kTooLarge, "expressions or blocks nest too deeply"},
                         opening.position);
    }
    Body body;
    while (true) {
      if (tokens_.is(TokenKind::kEnd)) {
        if (ends.size() == 0) break;
        return syntax_error(opening.position, "this '" + opening.text + "' is not closed; '" +
                                                  std::string(*(ends.end() - 1)) + "' is missing");
      }
      if (tokens_.is(TokenKind::kBlockBegin)) {
        tokens_.take();
        if (tokens_.is_one_of(ends)) break;
        MARQUEE_ASSIGN(auto statement, parse_statement());
        MARQUEE_CHECK(tokens_.expect(TokenKind::kBlockEnd));
        body.push_back(std::move(statement));
      } else {
        MARQUEE_ASSIGN(auto output, parse_output());
        body.push_back(std::move(output));
      }
    }
    --depth_;
    return body;
  }

  /// The block after a tag's own end.
  Result<Body> parse_block(Names ends, const Token& opening) {
    tokens_.skip_operator(":");
    MARQUEE_CHECK(tokens_.expect(TokenKind::kBlockEnd));
    return parse_body(ends, opening);
  }
  Result<Body> parse_last_block(std::string_view end, const Token& opening) {
    MARQUEE_ASSIGN(auto body, parse_block({end}, opening));
    tokens_.take();
    return body;
  }

  Result<StatementPointer> parse_output() {
    const Position position = tokens_.current().position;
    if (tokens_.is(TokenKind::kData)) {
      auto data = std::make_unique<Data>();
      data->text = tokens_.take().text;
      data->position = position;
      return StatementPointer(std::move(data));
    }
    MARQUEE_CHECK(tokens_.expect(TokenKind::kVariableBegin));
    auto print = std::make_unique<Print>();
    print->position = position;
    MARQUEE_ASSIGN(print->value, expressions_.parse_tuple());
    MARQUEE_CHECK(tokens_.expect(TokenKind::kVariableEnd));
    return StatementPointer(std::move(print));
  }

  Result<StatementPointer> parse_statement() {
    MARQUEE_ASSIGN(const Token tag, tokens_.expect_any_name());
    MARQUEE_ASSIGN(auto statement, parse_tag(tag));
    statement->position = tag.position;
    return statement;
  }

  Result<StatementPointer> parse_tag(const Token& tag) {
    const std::string& name = tag.text;
    if (name == "if") return parse_if(tag);
    if (name == "for") return parse_for(tag);
    if (name == "set") return parse_set(tag);
    if (name == "macro") return parse_macro(tag);
    if (name == "call") return parse_call(tag);
    if (name == "filter") return parse_filter(tag);
    if (name == "with") return parse_with(tag);
    if (name == "generation") return parse_generation(tag);
    if (name == "break" || name == "continue") return parse_loop_control(tag);
    constexpr std::array<std::string_view, 11> kEnds = {"endif",   "else",          "elif",    "endfor",
                                                        "endset",  "endmacro",      "endcall", "endfilter",
                                                        "endwith", "endgeneration", "endraw"};
    if (std::find(kEnds.begin(), kEnds.end(), name) != kEnds.end()) {
      return syntax_error(tag.position, "'" + name + "' closes nothing that is open here");
    }
    return at_position(base::unsupported("the tag '" + name + "'"), tag.position);
  }

  Result<StatementPointer> parse_if(const Token& tag) {
    auto node = std::make_unique<If>();
    while (true) {
      MARQUEE_ASSIGN(auto condition, expressions_.parse_tuple_without_conditional());
      MARQUEE_ASSIGN(auto body, parse_block({"elif", "else", "endif"}, tag));
      node->branches.emplace_back(std::move(condition), std::move(body));
      const std::string& next = tokens_.take().text;
      if (next == "elif") continue;
      if (next == "else") {
        MARQUEE_ASSIGN(node->otherwise, parse_last_block("endif", tag));
      }
      return StatementPointer(std::move(node));
    }
  }

  Result<StatementPointer> parse_for(const Token& tag) {
    auto node = std::make_unique<For>();
    node->loop_id = names_.table.add("loop");
    ++for_depth_;
    MARQUEE_ASSIGN(node->target, parse_stored_target(false));
    MARQUEE_CHECK(tokens_.expect_name("in"));
    MARQUEE_ASSIGN(node->iterable, expressions_.parse_tuple_without_conditional());
    if (tokens_.skip_name("if")) {
      MARQUEE_ASSIGN(node->condition, expressions_.parse_expression());
    }
    node->recursive = tokens_.skip_name("recursive");
    names_.open_loops.push_back(node.get());
    ++loops_;
    MARQUEE_ASSIGN(node->body, parse_block({"else", "endfor"}, tag));
    --loops_;
    names_.open_loops.pop_back();
    if (tokens_.take().text == "else") {
      MARQUEE_ASSIGN(node->otherwise, parse_last_block("endfor", tag));
    }
    --for_depth_;
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_set(const Token& tag) {
    MARQUEE_ASSIGN(auto target, parse_stored_target(true));
    if (tokens_.skip_operator("=")) {
      auto node = std::make_unique<Set>();
      node->target = std::move(target);
      MARQUEE_ASSIGN(node->value, expressions_.parse_tuple());
      return StatementPointer(std::move(node));
    }
    auto node = std::make_unique<SetBlock>();
    node->target = std::move(target);
    auto input = std::make_unique<BlockInput>();
    input->position = tag.position;
    MARQUEE_ASSIGN(node->value, expressions_.parse_filters(std::move(input), false));
    MARQUEE_ASSIGN(node->body, parse_last_block("endset", tag));
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_filter(const Token& tag) {
    auto node = std::make_unique<FilterBlock>();
    auto input = std::make_unique<BlockInput>();
    input->position = tag.position;
    MARQUEE_ASSIGN(node->value, expressions_.parse_filters(std::move(input), true));
    MARQUEE_ASSIGN(node->body, parse_last_block("endfilter", tag));
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_with(const Token& tag) {
    auto node = std::make_unique<With>();
    while (!tokens_.is(TokenKind::kBlockEnd)) {
      if (!node->assignments.empty()) MARQUEE_CHECK(tokens_.expect_operator(","));
      MARQUEE_ASSIGN(auto target, parse_target(false));
      MARQUEE_CHECK(tokens_.expect_operator("="));
      MARQUEE_ASSIGN(auto value, expressions_.parse_expression());
      node->assignments.emplace_back(std::move(target), std::move(value));
    }
    MARQUEE_ASSIGN(node->body, parse_last_block("endwith", tag));
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_generation(const Token& tag) {
    auto node = std::make_unique<Generation>();
    const std::uint32_t loops = std::exchange(loops_, 0U);
    MARQUEE_ASSIGN(node->body, parse_last_block("endgeneration", tag));
    loops_ = loops;
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_loop_control(const Token& tag) {
    if (loops_ == 0) return syntax_error(tag.position, "'" + tag.text + "' stands outside of a loop");
    auto node = std::make_unique<LoopControl>();
    node->flow = tag.text == "break" ? Flow::kBreak : Flow::kContinue;
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_macro(const Token& tag) {
    auto node = std::make_unique<MacroDefinition>();
    MARQUEE_ASSIGN(const Token name, expect_assignable());
    node->id = names_.table.add(name.text);
    node->code.name = name.text;
    MARQUEE_CHECK(parse_signature(node->code));
    MARQUEE_CHECK(parse_macro_body(node->code, "endmacro", tag));
    return StatementPointer(std::move(node));
  }

  Result<StatementPointer> parse_call(const Token& tag) {
    auto node = std::make_unique<CallBlock>();
    node->code.name = "caller";
    if (tokens_.is_operator("(")) MARQUEE_CHECK(parse_signature(node->code));
    const Position position = tokens_.current().position;
    MARQUEE_ASSIGN(auto expression, expressions_.parse_expression());
    auto* call = dynamic_cast<Call*>(expression.get());
    if (call == nullptr) return syntax_error(position, "a call is expected here");
    expression.release();
    node->call.reset(call);
    MARQUEE_CHECK(parse_macro_body(node->code, "endcall", tag));
    return StatementPointer(std::move(node));
  }

  Result<void> parse_macro_body(MacroCode& code, std::string_view end, const Token& tag) {
    code.varargs_id = names_.table.add("varargs");
    code.kwargs_id = names_.table.add("kwargs");
    code.caller_id = names_.table.add("caller");
    names_.open_macros.push_back(&code);
    const std::uint32_t loops = std::exchange(loops_, 0U);
    MARQUEE_ASSIGN(code.body, parse_last_block(end, tag));
    loops_ = loops;
    names_.open_macros.pop_back();
    return {};
  }

  Result<void> parse_signature(MacroCode& code) {
    MARQUEE_CHECK(tokens_.expect_operator("("));
    while (!tokens_.is_operator(")")) {
      if (!code.parameters.empty()) MARQUEE_CHECK(tokens_.expect_operator(","));
      MARQUEE_ASSIGN(const Token name, expect_assignable());
      MacroCode::Parameter parameter{names_.table.add(name.text), name.text, nullptr};
      for (const auto& earlier : code.parameters) {
        if (earlier.id == parameter.id) {
          return syntax_error(name.position, "the parameter '" + name.text + "' is there already");
        }
      }
      if (tokens_.skip_operator("=")) {
        MARQUEE_ASSIGN(parameter.fallback, expressions_.parse_expression());
      } else if (!code.parameters.empty() && code.parameters.back().fallback != nullptr) {
        return syntax_error(name.position, "a parameter without default follows one with a default");
      }
      code.names_caller = code.names_caller || name.text == "caller";
      code.parameters.push_back(std::move(parameter));
    }
    return tokens_.expect_operator(")");
  }

  /// A name that may be assigned to, which is noted.
  Result<Token> expect_assignable() {
    MARQUEE_ASSIGN(Token name, tokens_.expect_any_name());
    constexpr std::array<std::string_view, 6> kConstants = {"true", "True", "false", "False", "none", "None"};
    if (std::find(kConstants.begin(), kConstants.end(), name.text) != kConstants.end()) {
      return syntax_error(name.position, "'" + name.text + "' cannot be assigned to");
    }
    names_.assigned.insert(name.text);
    return name;
  }

  /// A name, a namespace's attribute, or several of them.
  Result<Target> parse_target(bool attributes) {
    Target tuple;
    tuple.form = Target::Form::kTuple;
    tuple.position = tokens_.current().position;
    bool comma = false;
    do {
      if (comma && !tokens_.is(TokenKind::kName) && !tokens_.is_operator("(")) break;
      if (comma && tokens_.is_name("in")) break;
      MARQUEE_ASSIGN(auto part, parse_one_target(attributes));
      tuple.parts.push_back(std::move(part));
      comma = tokens_.is_operator(",");
    } while (tokens_.skip_operator(","));
    if (!comma && tuple.parts.size() == 1) {
      Target only = std::move(tuple.parts.front());
      return only;
    }
    return tuple;
  }

  /// The target of a `for` or `set`, which inside of a loop may not be `loop`.
  Result<Target> parse_stored_target(bool attributes) {
    MARQUEE_ASSIGN(Target target, parse_target(attributes));
    if (for_depth_ > 0 && names_loop(target)) {
      return syntax_error(target.position, "'loop' cannot be assigned to inside of a loop");
    }
    return target;
  }
  static bool names_loop(const Target& target) {
    if (target.form == Target::Form::kName) return target.name == "loop";
    return std::any_of(target.parts.begin(), target.parts.end(), names_loop);
  }

  Result<Target> parse_one_target(bool attributes) {
    Target target;
    target.position = tokens_.current().position;
    if (tokens_.is_operator("(")) {
      if (++depth_ > kMaxParseDepth) return tokens_.unexpected("fewer brackets");
      tokens_.take();
      MARQUEE_ASSIGN(target, parse_target(attributes));
      MARQUEE_CHECK(tokens_.expect_operator(")"));
      --depth_;
      return target;
    }
    const Token& following = tokens_.following();
    const bool attribute = attributes && following.kind == TokenKind::kOperator && following.text == ".";
    MARQUEE_ASSIGN(const Token name, attribute ? tokens_.expect_any_name() : expect_assignable());
    target.id = names_.table.add(name.text);
    target.name = name.text;
    if (attribute) {
      tokens_.take();
      MARQUEE_ASSIGN(const Token member, tokens_.expect_any_name());
      target.form = Target::Form::kNamespaceAttribute;
      target.attribute = member.text;
    }
    return target;
  }

  TokenStream tokens_;
  NameUses names_;
  ExpressionParser expressions_;
  std::uint32_t depth_ = 0;
  std::uint32_t loops_ = 0;      ///< loops around here that break and continue can reach
  std::uint32_t for_depth_ = 0;  ///< all loops around here
};

}  // namespace

Result<ParsedTemplate> parse_template(std::string_view source) {
  MARQUEE_ASSIGN(auto tokens, tokenize(source));
  return Parser(std::move(tokens)).parse();
}

}  // namespace marquee::text::jinja
