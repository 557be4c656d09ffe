#include "text/grammar/compile.h"

#include <utility>
#include <vector>

#include "text/grammar/gbnf_parser.h"
#include "text/grammar/json_rules.h"
#include "text/grammar/json_schema.h"

namespace marquee::text::grammar {

namespace json = base::json;
using base::Result;

namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

void set_root(Grammar& grammar, ExprId body) {
  const RuleId root = grammar.declare("root");
  if (grammar.full()) return;
  grammar.define(root, body);
  grammar.set_root(root);
}

Result<json::value> parse_source(std::string_view text) {
  if (text.size() > kMaxSchemaBytes) {
    return base::invalid_argument("the schema has " + std::to_string(text.size()) + " bytes; at most " +
                                  std::to_string(kMaxSchemaBytes) + " are allowed");
  }
  return base::parse_json(text, "the schema");
}

Result<Grammar> schema_grammar(std::string_view text, Budget& budget) {
  MARQUEE_ASSIGN(const json::value schema, parse_source(text));
  Grammar grammar;
  JsonRules rules(grammar);
  MARQUEE_ASSIGN(const ExprId body, add_schema(schema, grammar, rules, budget));
  set_root(grammar, body);
  return grammar;
}

Grammar object_grammar() {
  Grammar grammar;
  JsonRules rules(grammar);
  set_root(grammar, rules.object());
  return grammar;
}

/// One call behind its mark.
Result<ExprId> call_body(const json::value& tool, Grammar& grammar, JsonRules& rules, Budget& budget) {
  MARQUEE_ASSIGN(const ExprId arguments, add_schema(tool.at("parameters"), grammar, rules, budget));
  const std::string open = std::string(kToolCallOpen) + std::string(view(tool.at("name").get_string()));
  return grammar.sequence(
      {grammar.literal(open + std::string(kToolCallArguments)), arguments, grammar.literal(kToolCallClose)});
}

Result<Grammar> tool_grammar(std::string_view text, Budget& budget) {
  MARQUEE_ASSIGN(const json::value source, parse_source(text));
  Grammar grammar;
  JsonRules rules(grammar);
  std::vector<ExprId> bodies;
  for (const json::value& tool : source.at("tools").get_array()) {
    auto body = call_body(tool, grammar, rules, budget);
    if (!body) {
      base::Error error = std::move(body).error();
      error.field = "tools[" + std::to_string(bodies.size()) + "].function.parameters";
      return error;
    }
    bodies.push_back(*body);
  }
  const RuleId call = grammar.declare("call");
  if (grammar.full()) return base::invalid_argument("the tools' schemas are too large", "tools");
  grammar.define(call, grammar.choice(std::move(bodies)));
  const ExprId mark = grammar.literal(kToolCallMark);
  ExprId calls = grammar.reference(call);
  if (!source.at("one_call").get_bool()) {
    const ExprId further = grammar.sequence({grammar.literal("\n"), mark, grammar.reference(call)});
    calls = grammar.sequence({calls, grammar.repeat(further, 0, kUnbounded)});
  }
  set_root(grammar, source.at("text_before").get_bool() ? grammar.free_text(kToolCallMark, calls)
                                                        : grammar.sequence({mark, calls}));
  return grammar;
}

Result<Grammar> read_source(const Source& source, Budget& budget) {
  switch (source.kind) {
    case Source::Kind::kGbnf: return parse_gbnf(source.text);
    case Source::Kind::kJsonSchema: return schema_grammar(source.text, budget);
    case Source::Kind::kJsonObject: return object_grammar();
    case Source::Kind::kToolCalls: return tool_grammar(source.text, budget);
  }
  return base::invalid_argument("unknown kind of grammar");
}

}  // namespace

Source tool_call_source(const ToolCallRules& rules) {
  const json::object source{{"tools", rules.tools}, {"text_before", rules.text_before}, {"one_call", rules.one_call}};
  return {Source::Kind::kToolCalls, json::serialize(source)};
}

Result<std::shared_ptr<const Automaton>> compile(const Source& source, const Limits& limits) {
  Budget budget(limits);
  MARQUEE_ASSIGN(const Grammar grammar, read_source(source, budget));
  budget.take(grammar.size() * sizeof(Expr));
  return build_automaton(grammar, budget);
}

}  // namespace marquee::text::grammar
