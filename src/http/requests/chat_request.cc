#include "http/requests/chat_request.h"

#include <algorithm>
#include <utility>

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;
constexpr std::size_t kMaxContentParts = 1'024;
constexpr std::size_t kMaxNameLength = 64;

base::Error wrong(const std::string& field, std::string_view expected) {
  return base::invalid_argument("'" + field + "' must be " + std::string(expected), field);
}

base::Result<std::string> parse_parts(const json::array& parts, const std::string& field) {
  if (parts.empty() || parts.size() > kMaxContentParts) {
    return wrong(field, "a string or an array of 1 to " + std::to_string(kMaxContentParts) + " parts");
  }
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = field + "[" + std::to_string(i) + "]";
    if (!parts[i].is_object()) return wrong(name, "an object");
    const json::object& part = parts[i].get_object();
    const json::value* type = find_field(part, "type");
    if (type == nullptr || !type->is_string()) return wrong(name + ".type", "a string");
    if (string_of(*type) != "text") {
      return unsupported_field(name + ".type",
                               "only parts of type 'text' are, not '" + std::string(string_of(*type)) + "'");
    }
    const json::value* text = find_field(part, "text");
    if (text == nullptr || !text->is_string()) return wrong(name + ".text", "a string");
    if (i > 0) joined += '\n';
    joined += string_of(*text);
  }
  return joined;
}

base::Result<std::string> parse_role(const json::object& object, const std::string& field) {
  const json::value* role = find_field(object, "role");
  if (role == nullptr) return missing_field(field);
  if (!role->is_string()) return wrong(field, "a string");
  const std::string_view name = string_of(*role);
  if (name == "system" || name == "user" || name == "assistant" || name == "tool") return std::string(name);
  if (name == "developer") return std::string("system");
  if (name == "function") return unsupported_field(field, "use 'tool' with a 'tool_call_id'");
  return wrong(field, "one of: system, developer, user, assistant, tool");
}

base::Result<void> parse_tool_fields(const json::object& object, const std::string& field, Message& message) {
  if (const json::value* calls = find_field(object, "tool_calls"); calls != nullptr) {
    if (message.role != "assistant") return wrong(field + ".tool_calls", "in a message of the assistant");
    MARQUEE_ASSIGN(message.tool_calls, parse_tool_calls(*calls, field + ".tool_calls"));
  }
  const json::value* id = find_field(object, "tool_call_id");
  if (message.role != "tool") return {};
  if (id == nullptr) return missing_field(field + ".tool_call_id");
  if (!id->is_string() || !within_length(string_of(*id), kMaxToolCallIdLength)) {
    return wrong(field + ".tool_call_id", "a string of up to 64 characters");
  }
  message.tool_call_id = string_of(*id);
  return {};
}

base::Result<Message> parse_message(const json::value& value, const std::string& field) {
  if (!value.is_object()) return wrong(field, "an object");
  const json::object& object = value.get_object();
  Message message;
  MARQUEE_ASSIGN(message.role, parse_role(object, field + ".role"));
  for (const std::string_view name : {"function_call", "audio"}) {
    if (find_field(object, name) != nullptr) return unsupported_field(field + "." + std::string(name), "");
  }
  MARQUEE_CHECK(parse_tool_fields(object, field, message));
  if (const json::value* content = find_field(object, "content"); content == nullptr) {
    if (message.role != "assistant") return missing_field(field + ".content");
  } else if (content->is_string()) {
    message.content = string_of(*content);
  } else if (content->is_array()) {
    MARQUEE_ASSIGN(message.content, parse_parts(content->get_array(), field + ".content"));
  } else {
    return wrong(field + ".content", "a string or an array of parts");
  }
  if (const json::value* name = find_field(object, "name"); name != nullptr) {
    if (!name->is_string() || !within_length(string_of(*name), kMaxNameLength)) {
      return wrong(field + ".name", "a string of up to 64 characters");
    }
    message.name = string_of(*name);
  }
  return message;
}

// What every kind of message has, and what the content of most must be.
#define MARQUEE_NAME_SCHEMA R"("name": {"type": ["string", "null"], "maxLength": 64})"
#define MARQUEE_TEXT_SCHEMA                                                                                \
  R"({"type": "string"}, {"type": "array", "minItems": 1, "maxItems": 1024, "items": {"type": "object", )" \
  R"("required": ["type", "text"], "properties": {"type": {"type": "string", "enum": ["text"]}, )"         \
  R"("text": {"type": "string"}}}})"
constexpr std::string_view kMessagesSchema =
    R"({"type": "array", "minItems": 1, "maxItems": 4096, "items": {"anyOf": [
  {"type": "object", "required": ["role", "content"], "properties": {
    "role": {"type": "string", "enum": ["system", "developer", "user"]},
    "tool_calls": {"type": "null"},
    "content": {"anyOf": [)" MARQUEE_TEXT_SCHEMA R"(]}, )" MARQUEE_NAME_SCHEMA R"(}},
  {"type": "object", "required": ["role"], "properties": {
    "role": {"type": "string", "enum": ["assistant"]},
    "content": {"anyOf": [{"type": "null"}, )" MARQUEE_TEXT_SCHEMA R"(]},
    "tool_calls": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object",
      "required": ["id", "type", "function"], "properties": {"id": {"type": "string", "maxLength": 64},
        "type": {"type": "string", "enum": ["function"]}, "function": {"type": "object",
          "required": ["name", "arguments"], "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "arguments": {"type": "string"}}}}}},
    )" MARQUEE_NAME_SCHEMA R"(}},
  {"type": "object", "required": ["role", "content", "tool_call_id"], "properties": {
    "role": {"type": "string", "enum": ["tool"]},
    "content": {"anyOf": [)" MARQUEE_TEXT_SCHEMA R"(]},
    "tool_calls": {"type": "null"},
    "tool_call_id": {"type": "string", "maxLength": 64}, )" MARQUEE_NAME_SCHEMA R"(}}]}})";
#undef MARQUEE_TEXT_SCHEMA
#undef MARQUEE_NAME_SCHEMA

Done refuse(const json::value&, ChatRequest&, std::string_view name, std::string_view remedy) {
  return unsupported_field(name, remedy);
}

constexpr std::string_view kNoFunctions = "use 'tools' and 'tool_choice'";

constexpr Field<ChatRequest> kChatFields[] = {
    {{.name = "messages",
      .required = true,
      .schema = kMessagesSchema,
      .description = "The conversation so far, rendered by the model's own chat template."},
     [](const json::value& value, ChatRequest& request) -> Done {
       MARQUEE_ASSIGN(request.messages, parse_messages(value, "messages"));
       return {};
     }},
    {{.name = "max_tokens",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxInt32,
      .description = "Old name of max_completion_tokens, which wins if both are given."},
     [](const json::value& value, ChatRequest& request) -> Done {
       request.max_tokens = to_int32(value);
       return {};
     }},
    {{.name = "max_completion_tokens",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxInt32,
      .description = "Most tokens of one answer; absent: up to the end of the model's context."},
     [](const json::value& value, ChatRequest& request) -> Done {
       request.max_tokens = to_int32(value);
       return {};
     }},
    {{.name = "logprobs",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Give the log probability of each token of the answer."},
     [](const json::value& value, ChatRequest& request) -> Done {
       request.logprobs = value.get_bool();
       return {};
     }},
    {{.name = "top_logprobs",
      .kind = FieldKind::kInteger,
      .min = 0,
      .max = kMaxTopLogprobs,
      .default_json = "0",
      .description = "And of this many likeliest tokens in its place; needs logprobs."},
     [](const json::value& value, ChatRequest& request) -> Done {
       request.top_logprobs = to_int32(value);
       return {};
     }},
    {{.name = "tools",
      .schema = kToolsSchema,
      .description = "Functions that the answer may ask you to call. Arguments always follow the parameters' schema."},
     [](const json::value& value, ChatRequest& request) -> Done {
       MARQUEE_ASSIGN(request.tools, parse_tools(value));
       return {};
     }},
    {{.name = "tool_choice",
      .schema = kToolChoiceSchema,
      .default_json = "\"auto\"",
      .description = "none: no calls. auto: text, calls, or both. required: calls. A function: one call of it."},
     [](const json::value& value, ChatRequest& request) -> Done {
       MARQUEE_ASSIGN(request.tool_choice, parse_tool_choice(value));
       return {};
     }},
    {{.name = "parallel_tool_calls",
      .kind = FieldKind::kBoolean,
      .default_json = "true",
      .description = "An answer may hold several calls."},
     [](const json::value& value, ChatRequest& request) -> Done {
       request.parallel_tool_calls = value.get_bool();
       return {};
     }},
    {{.name = "functions", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done {
       return refuse(value, request, "functions", kNoFunctions);
     }},
    {{.name = "function_call", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done {
       if (value.is_string() && string_of(value) == "none") return {};
       return refuse(value, request, "function_call", kNoFunctions);
     }},
    {{.name = "modalities", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done {
       if (value == json::value(json::array{"text"})) return {};
       return refuse(value, request, "modalities", "only [\"text\"] is");
     }},
    {{.name = "audio", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done { return refuse(value, request, "audio", ""); }},
    {{.name = "prediction", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done { return refuse(value, request, "prediction", ""); }},
    {{.name = "web_search_options", .kind = FieldKind::kUnsupported},
     [](const json::value& value, ChatRequest& request) -> Done {
       return refuse(value, request, "web_search_options", "");
     }},
};

}  // namespace

std::span<const Field<ChatRequest>> chat_fields() { return kChatFields; }
std::string_view messages_schema() { return kMessagesSchema; }

base::Result<std::vector<Message>> parse_messages(const json::value& value, std::string_view field) {
  const std::string name(field);
  if (!value.is_array() || value.get_array().empty() || value.get_array().size() > kMaxMessages) {
    return wrong(name, "an array of 1 to " + std::to_string(kMaxMessages) + " messages");
  }
  std::vector<Message> messages;
  messages.reserve(value.get_array().size());
  for (const json::value& entry : value.get_array()) {
    MARQUEE_ASSIGN(Message message, parse_message(entry, name + "[" + std::to_string(messages.size()) + "]"));
    messages.push_back(std::move(message));
  }
  return messages;
}

namespace {

/// Tools, tool_choice and the grammar against each other.
base::Result<void> settle_tools(ChatRequest& request) {
  ToolChoice& choice = request.tool_choice;
  if (request.tools.empty()) {
    if (choice.mode != ToolMode::kRequired) return {};
    return base::invalid_argument("'tool_choice' needs 'tools'", "tool_choice");
  }
  if (choice.mode == ToolMode::kNone) {
    request.tools.clear();
    return {};
  }
  const bool known = choice.name.empty() || std::any_of(request.tools.begin(), request.tools.end(),
                                                        [&](const Tool& tool) { return tool.name == choice.name; });
  if (!known) {
    return base::invalid_argument("'tool_choice' names '" + choice.name + "', which is not among 'tools'",
                                  "tool_choice.function.name");
  }
  GenerationParams& params = request.params;
  if (params.grammar) {
    return base::invalid_argument("'" + params.grammar_field +
                                      "' cannot be given together with 'tools', unless "
                                      "'tool_choice' is \"none\"",
                                  params.grammar_field);
  }
  params.grammar = tool_grammar(request.tools, choice, request.parallel_tool_calls);
  params.grammar_field = "tools";
  return {};
}

}  // namespace

base::Result<ChatRequest> parse_chat_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  ChatRequest request;
  MARQUEE_CHECK(read_generation_params(object, request.params));
  MARQUEE_CHECK(read_fields(chat_fields(), object, request));
  if (request.top_logprobs > 0 && !request.logprobs) {
    return base::invalid_argument("'top_logprobs' needs 'logprobs' to be true", "top_logprobs");
  }
  MARQUEE_CHECK(settle_tools(request));
  request.params.sampling.top_logprobs = request.logprobs ? request.top_logprobs : -1;
  return request;
}

}  // namespace marquee::http
