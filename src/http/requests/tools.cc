#include "http/requests/tools.h"

#include <algorithm>
#include <utility>

#include "http/requests/fields.h"

namespace marquee::http {

namespace json = base::json;

namespace {

base::Error wrong(const std::string& field, std::string_view expected) {
  return base::invalid_argument("'" + field + "' must be " + std::string(expected), field);
}

base::Result<std::string> parse_function_name(const json::object& function, const std::string& field) {
  const json::value* name = find_field(function, "name");
  if (name == nullptr) return missing_field(field);
  const std::string_view text = name->is_string() ? string_of(*name) : std::string_view();
  const bool plain = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                     std::string_view::npos;
  if (text.empty() || text.size() > text::grammar::kMaxToolNameBytes || !plain) {
    return wrong(field, "1 to 64 letters, digits, '_' or '-'");
  }
  return std::string(text);
}

/// The object in `field` of something whose type must be "function".
base::Result<const json::object*> function_of(const json::value& value, const std::string& field) {
  if (!value.is_object()) return wrong(field, "an object");
  const json::value* type = find_field(value.get_object(), "type");
  if (type == nullptr) return missing_field(field + ".type");
  if (!type->is_string()) return wrong(field + ".type", "a string");
  if (string_of(*type) != "function") {
    return unsupported_field(field + ".type", "only 'function' is, not '" + std::string(string_of(*type)) + "'");
  }
  const json::value* function = find_field(value.get_object(), "function");
  if (function == nullptr) return missing_field(field + ".function");
  if (!function->is_object()) return wrong(field + ".function", "an object");
  return &function->get_object();
}

// Without parameters a function takes none. Arguments are always an object.
base::Result<json::object> parse_parameters(const json::object& function, const std::string& field) {
  const json::value* parameters = find_field(function, "parameters");
  if (parameters == nullptr) return json::object{{"type", "object"}, {"additionalProperties", false}};
  if (!parameters->is_object()) return wrong(field, "a JSON Schema object");
  json::object schema = parameters->get_object();
  if (!schema.contains("type")) schema["type"] = "object";
  if (schema["type"] != json::value("object")) return wrong(field + ".type", "\"object\"");
  return schema;
}

base::Result<Tool> parse_tool(const json::value& value, const std::string& field) {
  MARQUEE_ASSIGN(const json::object* function, function_of(value, field));
  Tool tool;
  MARQUEE_ASSIGN(tool.name, parse_function_name(*function, field + ".function.name"));
  const json::value* description = find_field(*function, "description");
  if (description != nullptr && !description->is_string()) return wrong(field + ".function.description", "a string");
  if (const json::value* strict = find_field(*function, "strict"); strict != nullptr && !strict->is_bool()) {
    return wrong(field + ".function.strict", "true or false");
  }
  MARQUEE_ASSIGN(tool.parameters, parse_parameters(*function, field + ".function.parameters"));
  json::object shown{{"name", tool.name}};
  if (description != nullptr) shown["description"] = *description;
  shown["parameters"] = tool.parameters;
  tool.definition = {{"type", "function"}, {"function", std::move(shown)}};
  return tool;
}

}  // namespace

base::Result<std::vector<Tool>> parse_tools(const json::value& value) {
  if (!value.is_array() || value.get_array().size() > text::grammar::kMaxTools) {
    return wrong("tools", "an array of at most " + std::to_string(text::grammar::kMaxTools) + " tools");
  }
  std::vector<Tool> tools;
  for (const json::value& entry : value.get_array()) {
    const std::string field = "tools[" + std::to_string(tools.size()) + "]";
    MARQUEE_ASSIGN(Tool tool, parse_tool(entry, field));
    const bool known = std::any_of(tools.begin(), tools.end(), [&](const Tool& t) { return t.name == tool.name; });
    if (known) return wrong(field + ".function.name", "different from the other tools' names");
    tools.push_back(std::move(tool));
  }
  return tools;
}

base::Result<ToolChoice> parse_tool_choice(const json::value& value) {
  if (value.is_string()) {
    if (string_of(value) == "none") return ToolChoice{ToolMode::kNone, {}};
    if (string_of(value) == "auto") return ToolChoice{ToolMode::kAuto, {}};
    if (string_of(value) == "required") return ToolChoice{ToolMode::kRequired, {}};
  }
  if (!value.is_object()) return wrong("tool_choice", "\"none\", \"auto\", \"required\" or the name of a function");
  MARQUEE_ASSIGN(const json::object* function, function_of(value, "tool_choice"));
  MARQUEE_ASSIGN(std::string name, parse_function_name(*function, "tool_choice.function.name"));
  return ToolChoice{ToolMode::kRequired, std::move(name)};
}

base::Result<std::vector<ToolCall>> parse_tool_calls(const json::value& value, const std::string& field) {
  if (!value.is_array() || value.get_array().size() > kMaxToolCalls) {
    return wrong(field, "an array of at most " + std::to_string(kMaxToolCalls) + " calls");
  }
  std::vector<ToolCall> calls;
  for (const json::value& entry : value.get_array()) {
    const std::string name = field + "[" + std::to_string(calls.size()) + "]";
    MARQUEE_ASSIGN(const json::object* function, function_of(entry, name));
    ToolCall call;
    MARQUEE_ASSIGN(call.name, parse_function_name(*function, name + ".function.name"));
    const json::value* arguments = find_field(*function, "arguments");
    if (arguments == nullptr) return missing_field(name + ".function.arguments");
    if (!arguments->is_string()) return wrong(name + ".function.arguments", "a string of JSON");
    call.arguments = string_of(*arguments);
    const json::value* id = find_field(entry.get_object(), "id");
    if (id == nullptr) return missing_field(name + ".id");
    if (!id->is_string() || !within_length(string_of(*id), kMaxToolCallIdLength)) {
      return wrong(name + ".id", "a string of up to 64 characters");
    }
    call.id = string_of(*id);
    calls.push_back(std::move(call));
  }
  return calls;
}

text::grammar::Source tool_grammar(const std::vector<Tool>& tools, const ToolChoice& choice, bool parallel) {
  text::grammar::ToolCallRules rules;
  for (const Tool& tool : tools) {
    if (!choice.name.empty() && choice.name != tool.name) continue;
    rules.tools.push_back(json::object{{"name", tool.name}, {"parameters", tool.parameters}});
  }
  rules.text_before = choice.mode == ToolMode::kAuto;
  rules.one_call = !parallel || !choice.name.empty();
  return text::grammar::tool_call_source(rules);
}

}  // namespace marquee::http
