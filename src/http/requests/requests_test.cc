// Every field of every request: its type, its bounds, and what it becomes.

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "http/requests/admin_requests.h"
#include "http/requests/chat_request.h"
#include "http/requests/completion_request.h"
#include "http/requests/encoding_requests.h"
#include "http/requests/token_requests.h"

namespace marquee::http {
namespace {

namespace json = base::json;
using base::ErrorCode;

/// A body that is right but for `extra`, which is put in as it stands: `"n": 3`.
std::string chat_body(std::string_view extra = {}) {
  return std::string(R"({"model": "m", "messages": [{"role": "user", "content": "hi"}])") +
         (extra.empty() ? "" : ", ") + std::string(extra) + "}";
}
std::string completion_body(std::string_view extra = {}) {
  return std::string(R"({"model": "m", "prompt": "hi")") + (extra.empty() ? "" : ", ") + std::string(extra) + "}";
}

struct Case {
  std::string_view field;
  std::string_view value;
};

/// All refused with the field named, in either body.
constexpr Case kWrong[] = {
    {"model", "5"},
    {"model", R"("")"},
    {"model", "[]"},
    {"temperature", "-0.001"},
    {"temperature", "2.001"},
    {"temperature", R"("1")"},
    {"temperature", "true"},
    {"temperature", "1e999"},
    {"temperature", "-1e999"},
    {"temperature", "{}"},
    {"top_p", "0"},
    {"top_p", "1.0001"},
    {"top_p", R"("x")"},
    {"top_k", "-2"},
    {"top_k", "2147483648"},
    {"top_k", "1.5"},
    {"top_k", R"("1")"},
    {"top_k", "18446744073709551615"},
    {"min_p", "-0.1"},
    {"min_p", "1.1"},
    {"min_p", "[]"},
    {"typical_p", "0"},
    {"typical_p", "1.1"},
    {"repetition_penalty", "0"},
    {"repetition_penalty", "2.1"},
    {"repetition_penalty", "false"},
    {"presence_penalty", "-2.1"},
    {"presence_penalty", "2.1"},
    {"frequency_penalty", "-2.1"},
    {"frequency_penalty", "2.1"},
    {"logit_bias", "[]"},
    {"logit_bias", "5"},
    {"logit_bias", R"({"a": 1})"},
    {"logit_bias", R"({"-1": 1})"},
    {"logit_bias", R"({"1.0": 1})"},
    {"logit_bias", R"({" 1": 1})"},
    {"logit_bias", R"({"": 1})"},
    {"logit_bias", R"({"99999999999": 1})"},
    {"logit_bias", R"({"1": 100.1})"},
    {"logit_bias", R"({"1": -101})"},
    {"logit_bias", R"({"1": "1"})"},
    {"logit_bias", R"({"1": null})"},
    {"logit_bias", R"({"1": 1e999})"},
    {"seed", "1.5"},
    {"seed", R"("1")"},
    {"seed", "18446744073709551615"},
    {"seed", "1e30"},
    {"n", "0"},
    {"n", "17"},
    {"n", "-1"},
    {"n", "1.5"},
    {"n", R"("2")"},
    {"n", "1e999"},
    {"stop", "5"},
    {"stop", R"("")"},
    {"stop", R"(["a", 5])"},
    {"stop", R"(["a", ""])"},
    {"stop", "{}"},
    {"stop", "true"},
    {"stop", R"(["a", "b", "c", "d", "e"])"},
    {"ignore_eos", "1"},
    {"ignore_eos", R"("true")"},
    {"stream", "1"},
    {"stream", R"("yes")"},
    {"priority", R"("urgent")"},
    {"priority", "1"},
    {"priority", R"("")"},
    {"priority", R"("interactive,batch")"},
    {"timeout_ms", "0"},
    {"timeout_ms", "86400001"},
    {"timeout_ms", "1.5"},
    {"timeout_ms", R"("1")"},
    {"user", "5"},
    {"max_tokens", "0"},
    {"max_tokens", "-1"},
    {"max_tokens", "2147483648"},
    {"max_tokens", "1.5"},
    {"max_tokens", R"("5")"},
    {"response_format", "5"},
    {"grammar", "5"},
};

TEST(RequestsTest, WrongValuesAreRefusedByName) {
  for (const Case& wrong : kWrong) {
    const std::string extra = "\"" + std::string(wrong.field) + "\": " + std::string(wrong.value);
    // The last of two members of a name counts, so this replaces "model" too.
    const auto chat = parse_chat_request(chat_body(extra));
    ASSERT_FALSE(chat) << extra;
    EXPECT_EQ(chat.error().field, wrong.field) << extra;
    EXPECT_NE(chat.error().message.find(wrong.field), std::string::npos) << chat.error().message;
    const auto completion = parse_completion_request(completion_body(extra));
    ASSERT_FALSE(completion) << extra;
    EXPECT_EQ(completion.error().field, wrong.field) << extra;
  }
}

TEST(RequestsTest, BoundsThemselvesAreAllowed) {
  for (const char* right :
       {R"("temperature": 0)",
        R"("temperature": 2)",
        R"("top_p": 1e-9)",
        R"("top_p": 1)",
        R"("top_k": -1)",
        R"("top_k": 2147483647)",
        R"("min_p": 0)",
        R"("min_p": 1)",
        R"("typical_p": 1)",
        R"("repetition_penalty": 2)",
        R"("presence_penalty": -2)",
        R"("frequency_penalty": 2.0)",
        R"("logit_bias": {})",
        R"("logit_bias": {"0": -100, "2147483647": 100})",
        R"("seed": -9223372036854775808)",
        R"("seed": 9223372036854775807)",
        R"("n": 1)",
        R"("n": 16.0)",
        R"("stop": [])",
        R"("stop": "x")",
        R"("timeout_ms": 1)",
        R"("timeout_ms": 86400000)",
        R"("max_tokens": 1)",
        R"("max_tokens": 2147483647)",
        R"("user": "")",
        R"("grammar": "root ::= [a-z]")",
        R"("response_format": {"type": "json_object"})",
        R"("response_format": {"type": "json_schema", "json_schema": {"name": "a-1", "schema": {}}})",
        R"("response_format": {"type": "text"})"}) {
    EXPECT_TRUE(parse_chat_request(chat_body(right))) << right;
    EXPECT_TRUE(parse_completion_request(completion_body(right))) << right;
  }
  EXPECT_TRUE(parse_chat_request(chat_body(R"("stop": ")" + std::string(512, 's') + "\"")));
  EXPECT_FALSE(parse_chat_request(chat_body(R"("stop": ")" + std::string(513, 's') + "\"")));
  EXPECT_FALSE(parse_chat_request(chat_body(R"("user": ")" + std::string(1'025, 'u') + "\"")));
  EXPECT_FALSE(parse_chat_request(chat_body(R"("model": ")" + std::string(257, 'm') + "\"")));
}

TEST(RequestsTest, NullIsAsGoodAsAbsent) {
  std::string nulls;
  for (const auto& field : generation_fields()) {
    if (field.rule.name != "model")
      nulls += (nulls.empty() ? "\"" : ", \"") + std::string(field.rule.name) + "\": null";
  }
  for (const auto& field : chat_fields()) {
    if (field.rule.name != "messages") nulls += ", \"" + std::string(field.rule.name) + "\": null";
  }
  const auto request = parse_chat_request(chat_body(nulls));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->params.sampling.temperature, 1.0F);
  EXPECT_EQ(request->params.n, 1);
  EXPECT_EQ(request->max_tokens, 0);
  EXPECT_EQ(request->params.sampling.top_logprobs, -1);
  EXPECT_FALSE(request->params.seed);
  EXPECT_FALSE(request->params.timeout);
}

TEST(RequestsTest, ValuesReachTheRequest) {
  const auto request = parse_chat_request(chat_body(
      R"("temperature": 0.5, "top_p": 0.25, "top_k": 7, "min_p": 0.125, "typical_p": 0.75, "repetition_penalty": 1.5,
         "presence_penalty": -1, "frequency_penalty": 1, "logit_bias": {"3": -100, "5": 0.5}, "seed": -2, "n": 3,
         "stop": ["a", "b"], "ignore_eos": true, "stream": true, "stream_options": {"include_usage": true, "x": 1},
         "priority": "batch", "timeout_ms": 250, "logprobs": true, "top_logprobs": 4, "max_tokens": 9,
         "max_completion_tokens": 8, "unknown": {"deep": [[[]]]})"));
  ASSERT_TRUE(request) << request.error().message;
  const auto& sampling = request->params.sampling;
  EXPECT_EQ(sampling.temperature, 0.5F);
  EXPECT_EQ(sampling.top_p, 0.25F);
  EXPECT_EQ(sampling.top_k, 7);
  EXPECT_EQ(sampling.min_p, 0.125F);
  EXPECT_EQ(sampling.typical_p, 0.75F);
  EXPECT_EQ(sampling.repetition_penalty, 1.5F);
  EXPECT_EQ(sampling.presence_penalty, -1.0F);
  EXPECT_EQ(sampling.frequency_penalty, 1.0F);
  ASSERT_EQ(sampling.logit_bias.size(), 2U);
  EXPECT_EQ(sampling.top_logprobs, 4);
  EXPECT_EQ(request->params.seed, static_cast<std::uint64_t>(-2));
  EXPECT_EQ(request->params.n, 3);
  EXPECT_EQ(request->params.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(request->params.ignore_eos);
  EXPECT_TRUE(request->params.stream);
  EXPECT_TRUE(request->params.include_usage);
  EXPECT_EQ(request->params.priority, serving::Priority::kBatch);
  EXPECT_EQ(request->params.timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(request->max_tokens, 8) << "max_completion_tokens wins";
  EXPECT_EQ(parse_chat_request(chat_body(R"("top_k": -1)"))->params.sampling.top_k, 0);
}

TEST(RequestsTest, FieldsThatNeedOthers) {
  const auto field_of = [](const auto& result) { return result ? std::string("none") : result.error().field; };
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("top_logprobs": 2)"))), "top_logprobs");
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("logprobs": true, "top_logprobs": 21)"))), "top_logprobs");
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("stream_options": {"include_usage": true})"))), "stream_options");
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("stream_options": {})"))), "none") << "it asks for nothing";
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("stream": true, "stream_options": 1)"))), "stream_options");
  EXPECT_EQ(field_of(parse_chat_request(chat_body(R"("stream": true, "stream_options": {"include_usage": 1})"))),
            "stream_options.include_usage");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("best_of": 2)"))), "best_of");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("best_of": 2, "n": 2)"))), "none");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("echo": true, "logprobs": 0)"))), "echo");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("logprobs": 21)"))), "logprobs");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("logprobs": true)"))), "logprobs");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("suffix": "x")"))), "suffix");
  EXPECT_EQ(field_of(parse_completion_request(completion_body(R"("suffix": "")"))), "none");
}

TEST(RequestsTest, WhatIsNotSupportedSaysSo) {
  for (const Case& known : {Case{"functions", "[]"},
                            {"function_call", R"("auto")"},
                            {"modalities", R"(["audio"])"},
                            {"audio", "{}"},
                            {"prediction", "{}"},
                            {"web_search_options", "{}"}}) {
    const auto request =
        parse_chat_request(chat_body("\"" + std::string(known.field) + "\": " + std::string(known.value)));
    ASSERT_FALSE(request) << known.field;
    EXPECT_EQ(request.error().code, ErrorCode::kUnsupported) << known.field;
    EXPECT_EQ(request.error().field, known.field);
  }
  EXPECT_TRUE(parse_chat_request(chat_body(R"("tools": [], "tool_choice": "none", "modalities": ["text"])")));
}

TEST(RequestsTest, ResponseFormatAndGrammar) {
  const auto field_of = [](const auto& result) { return result ? std::string("none") : result.error().field; };
  const auto params = [](const std::string& extra) { return parse_chat_request(chat_body(extra)); };
  EXPECT_FALSE(params(R"("response_format": {"type": "text"})")->params.grammar);
  const auto schema = params(R"("response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": true,
      "schema": {"type": "object", "properties": {"z": {}, "a": {}}}}})");
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_EQ(schema->params.grammar->kind, text::grammar::Source::Kind::kJsonSchema);
  EXPECT_EQ(schema->params.grammar->text, R"({"type":"object","properties":{"z":{},"a":{}}})") << "in this order";
  EXPECT_EQ(params(R"("response_format": {"type": "json_object"})")->params.grammar->kind,
            text::grammar::Source::Kind::kJsonObject);
  EXPECT_EQ(params(R"("grammar": "root ::= \"x\"")")->params.grammar->text, "root ::= \"x\"");
  const Case wrong[] = {
      {"response_format.type", R"({})"},
      {"response_format.type", R"({"type": "xml"})"},
      {"response_format.type", R"({"type": 3})"},
      {"response_format.json_schema", R"({"type": "json_schema"})"},
      {"response_format.json_schema", R"({"type": "json_schema", "json_schema": 3})"},
      {"response_format.json_schema.name", R"({"type": "json_schema", "json_schema": {"schema": {}}})"},
      {"response_format.json_schema.name", R"({"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}})"},
      {"response_format.json_schema.schema", R"({"type": "json_schema", "json_schema": {"name": "a"}})"},
      {"response_format.json_schema.schema", R"({"type": "json_schema", "json_schema": {"name": "a", "schema": 1}})"},
      {"response_format.json_schema.strict",
       R"({"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": 1}})"},
      {"response_format.schema", R"({"type": "json_object", "schema": []})"},
      {"response_format.schema", R"({"type": "text", "schema": []})"},
      {"response_format.json_schema.description",
       R"({"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "description": false}})"},
      {"response_format.json_schema.description",
       R"({"type": "json_object", "json_schema": {"name": "a", "schema": {}, "description": false}})"},
  };
  for (const Case& one : wrong) {
    EXPECT_EQ(field_of(params("\"response_format\": " + std::string(one.value))), one.field) << one.value;
  }
  EXPECT_EQ(field_of(params(R"("grammar": "root ::= \"x\"", "response_format": {"type": "json_object"})")), "grammar");
}

TEST(RequestsTest, Tools) {
  const auto field_of = [](const auto& result) { return result ? std::string("none") : result.error().field; };
  const std::string tools = R"("tools": [{"type": "function", "function": {"name": "f", "description": "d"}}, {"type":
      "function", "function": {"name": "g", "parameters": {"properties": {"x": {}}}}}])";
  const auto automatic = parse_chat_request(chat_body(tools));
  ASSERT_TRUE(automatic) << automatic.error().message;
  EXPECT_EQ(automatic->tools.size(), 2U);
  EXPECT_EQ(automatic->tool_choice.mode, ToolMode::kAuto);
  EXPECT_EQ(automatic->tools[1].parameters.at("type"), json::value("object"));
  const auto rules = [](const base::Result<ChatRequest>& request) {
    return json::parse(request->params.grammar->text).get_object();
  };
  EXPECT_EQ(rules(automatic).at("text_before"), json::value(true));
  EXPECT_EQ(rules(automatic).at("one_call"), json::value(false));
  const auto named =
      parse_chat_request(chat_body(tools + R"(, "tool_choice": {"type": "function", "function": {"name": "g"}})"));
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(rules(named).at("tools").get_array().size(), 1U);
  EXPECT_EQ(rules(named).at("text_before"), json::value(false));
  EXPECT_EQ(rules(named).at("one_call"), json::value(true));
  const auto single =
      parse_chat_request(chat_body(tools + R"(, "tool_choice": "required", "parallel_tool_calls": false)"));
  EXPECT_EQ(rules(single).at("one_call"), json::value(true));
  const auto none = parse_chat_request(chat_body(tools + R"(, "tool_choice": "none")"));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->tools.empty());
  EXPECT_FALSE(none->params.grammar);
  EXPECT_TRUE(parse_chat_request(chat_body(R"("tools": [], "tool_choice": "auto")")));
  const auto field = [&](const std::string& extra) { return field_of(parse_chat_request(chat_body(extra))); };
  EXPECT_EQ(field(R"("tool_choice": "required")"), "tool_choice");
  EXPECT_EQ(field(R"("tool_choice": "perhaps")"), "tool_choice");
  EXPECT_EQ(field(tools + R"(, "tool_choice": {"type": "function", "function": {"name": "h"}})"),
            "tool_choice.function.name");
  EXPECT_EQ(field(tools + R"(, "response_format": {"type": "json_object"})"), "response_format");
  EXPECT_EQ(field(R"("tools": 5)"), "tools");
  EXPECT_EQ(field(R"("tools": [5])"), "tools[0]");
  EXPECT_EQ(field(R"("tools": [{"type": "web_search"}])"), "tools[0].type");
  EXPECT_EQ(field(R"("tools": [{"type": "function"}])"), "tools[0].function");
  EXPECT_EQ(field(R"("tools": [{"type": "function", "function": {"name": "a b"}}])"), "tools[0].function.name");
  EXPECT_EQ(field(R"("tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}])"),
            "tools[0].function.parameters.type");
  EXPECT_EQ(field(R"("tools": [{"type": "function", "function": {"name": "a"}}, {"type": "function", "function":
      {"name": "a"}}])"),
            "tools[1].function.name");
}

TEST(RequestsTest, MessagesOfTools) {
  const auto field_of = [](const auto& result) { return result ? std::string("none") : result.error().field; };
  const auto parse = [](const std::string& message) {
    return parse_chat_request(R"({"model": "m", "messages": [)" + message + "]}");
  };
  const auto calls = parse(R"({"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
      "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "4"})");
  ASSERT_TRUE(calls) << calls.error().message;
  EXPECT_EQ(calls->messages[0].tool_calls.at(0).name, "f");
  EXPECT_EQ(calls->messages[1].tool_call_id, "c1");
  EXPECT_EQ(field_of(parse(R"({"role": "tool", "content": "4"})")), "messages[0].tool_call_id");
  EXPECT_EQ(field_of(parse(R"({"role": "user", "content": "4", "tool_calls": []})")), "messages[0].tool_calls");
  EXPECT_EQ(field_of(parse(R"({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name":
      "f", "arguments": {}}}]})")),
            "messages[0].tool_calls[0].function.arguments");
  EXPECT_EQ(field_of(parse(R"({"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f",
      "arguments": "{}"}}]})")),
            "messages[0].tool_calls[0].id");
}

TEST(RequestsTest, Messages) {
  const auto parse = [](const std::string& messages) {
    return parse_chat_request(R"({"model": "m", "messages": )" + messages + "}");
  };
  const auto field_of = [&](const std::string& messages) {
    const auto request = parse(messages);
    return request ? std::string("none") : request.error().field;
  };
  EXPECT_EQ(field_of("[]"), "messages");
  EXPECT_EQ(field_of("{}"), "messages");
  EXPECT_EQ(field_of("null"), "messages");
  EXPECT_EQ(field_of("[5]"), "messages[0]");
  EXPECT_EQ(field_of(R"([{"content": "x"}])"), "messages[0].role");
  EXPECT_EQ(field_of(R"([{"role": "User", "content": "x"}])"), "messages[0].role");
  EXPECT_EQ(field_of(R"([{"role": 1, "content": "x"}])"), "messages[0].role");
  EXPECT_EQ(field_of(R"([{"role": "function", "content": "x"}])"), "messages[0].role");
  EXPECT_EQ(field_of(R"([{"role": "user"}])"), "messages[0].content");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": null}])"), "messages[0].content");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": 5}])"), "messages[0].content");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": []}])"), "messages[0].content");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": [5]}])"), "messages[0].content[0]");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": [{"text": "x"}]}])"), "messages[0].content[0].type");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": [{"type": "text"}]}])"), "messages[0].content[0].text");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}])"),
            "messages[0].content[0].type");
  EXPECT_EQ(field_of(R"([{"role": "user", "content": "x", "name": 5}])"), "messages[0].name");
  const auto named = [](const std::string& letter, std::size_t letters) {
    std::string name;
    for (std::size_t i = 0; i < letters; ++i) name += letter;
    return R"([{"role": "user", "content": "x", "name": ")" + name + R"("}])";
  };
  EXPECT_EQ(field_of(named("n", 65)), "messages[0].name");
  EXPECT_EQ(field_of(named("\u00e9", 65)), "messages[0].name");
  EXPECT_EQ(field_of(named("\u00e9", 64)), "none") << "64 characters, not bytes";
  EXPECT_EQ(field_of(R"([{"role": "assistant", "content": "x", "tool_calls": {}}])"), "messages[0].tool_calls");
  const auto request = parse(R"([{"role": "developer", "content": "a"}, {"role": "assistant"},
                                 {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": ""}], "name": "n"}])");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->messages[0].role, "system");
  EXPECT_EQ(request->messages[1].content, "");
  EXPECT_EQ(request->messages[2].content, "b\n");
  EXPECT_EQ(request->messages[2].name, "n");
  std::string many = "[";
  for (std::size_t i = 0; i <= kMaxMessages; ++i)
    many += std::string(i > 0 ? "," : "") + R"({"role":"user","content":"x"})";
  EXPECT_EQ(field_of(many + "]"), "messages");
}

TEST(RequestsTest, Prompts) {
  const auto parse = [](const std::string& prompt) {
    return parse_completion_request(R"({"model": "m", "prompt": )" + prompt + "}");
  };
  for (const char* wrong : {"5", "null", "[]", "{}", "[[]]", "[\"a\", 5]", "[5, \"a\"]", "[-1]", "[1.5]",
                            "[2147483648]", "[[1], [\"a\"]]", "[null]", "[true]", "[1e999]", "[[1], -2]"}) {
    const auto request = parse(wrong);
    ASSERT_FALSE(request) << wrong;
    EXPECT_EQ(request.error().field, "prompt") << wrong;
  }
  EXPECT_EQ(std::get<std::string>(parse("\"\"")->prompts.at(0)), "");
  EXPECT_EQ(std::get<std::vector<formats::TokenId>>(parse("[1, 2.0]")->prompts.at(0)),
            (std::vector<formats::TokenId>{1, 2}));
  EXPECT_EQ(parse(R"(["a", "b"])")->prompts.size(), 2U);
  EXPECT_EQ(parse(R"([[1], "b", [2, 3]])")->prompts.size(), 3U);
  std::string many = "[\"\"";
  for (std::size_t i = 0; i < kMaxPrompts; ++i) many += ",\"\"";
  EXPECT_FALSE(parse(many + "]"));
  EXPECT_EQ(parse_completion_request(R"({"model": "m", "prompt": ["a", "b", "c", "d", "e"], "n": 16})").error().field,
            "n");
  EXPECT_EQ(parse("\"a\"")->max_tokens, 16);
}

TEST(RequestsTest, TokenRequests) {
  const auto field_of = [](const auto& result) { return result ? std::string("none") : result.error().field; };
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"model": "m"})")), "prompt");
  EXPECT_EQ(
      field_of(parse_tokenize_request(R"({"model": "m", "prompt": "a", "messages": [{"role":"user","content":"x"}]})")),
      "prompt");
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"model": "m", "prompt": 5})")), "prompt");
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"model": "m", "messages": []})")), "messages");
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"prompt": "a"})")), "model");
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"model": "m", "prompt": "a", "add_special_tokens": 1})")),
            "add_special_tokens");
  EXPECT_EQ(field_of(parse_tokenize_request(R"({"model": "m", "prompt": "a", "return_token_strs": "x"})")),
            "return_token_strs");
  EXPECT_TRUE(parse_tokenize_request(R"({"model": "m", "prompt": ""})"));
  EXPECT_EQ(field_of(parse_detokenize_request(R"({"model": "m"})")), "tokens");
  for (const char* wrong : {"5", "{}", "[-1]", "[1.5]", "[\"1\"]", "[null]", "[2147483648]"}) {
    EXPECT_EQ(field_of(parse_detokenize_request(R"({"model": "m", "tokens": )" + std::string(wrong) + "}")), "tokens")
        << wrong;
  }
  EXPECT_TRUE(parse_detokenize_request(R"({"model": "m", "tokens": []})")->tokens.empty());
}

TEST(RequestsTest, KeyRequests) {
  const auto field_of = [](const std::string& body) {
    const auto result = parse_key_request(body);
    return result ? std::string("none") : result.error().field;
  };
  EXPECT_EQ(field_of("{}"), "none");
  EXPECT_EQ(parse_key_request("{}")->scopes, std::vector<std::string>{"infer"});
  EXPECT_EQ(field_of(R"({"tenant": 5})"), "tenant");
  EXPECT_EQ(field_of(R"({"scopes": "infer"})"), "scopes");
  EXPECT_EQ(field_of(R"({"scopes": [5]})"), "scopes");
  EXPECT_EQ(field_of(R"({"scopes": ["a","a","a","a","a","a","a","a","a"]})"), "scopes");
  EXPECT_EQ(field_of(R"({"name": 5})"), "name");
  EXPECT_EQ(field_of(R"({"name": ")" + std::string(201, 'n') + R"("})"), "name");
}

template <typename Request>
std::string field_at_fault(const base::Result<Request>& result) {
  return result ? std::string("none") : result.error().field;
}

TEST(RequestsTest, EmbeddingRequests) {
  const auto field_of = [](const std::string& more) {
    return field_at_fault(parse_embedding_request(R"({"model": "m", )" + more + "}"));
  };
  const auto mixed = parse_embedding_request(
      R"({"model": "m", "input": ["a", [1, 2.0]], "dimensions": 8, "encoding_format": "base64", "truncate": true,
          "timeout_ms": 5, "user": "someone"})");
  ASSERT_TRUE(mixed) << mixed.error().message;
  ASSERT_EQ(mixed->inputs.size(), 2U);
  EXPECT_EQ(std::get<std::string>(mixed->inputs[0]), "a");
  EXPECT_EQ(std::get<1>(mixed->inputs[1]), (std::vector<formats::TokenId>{1, 2}));
  EXPECT_EQ(mixed->dimensions, 8);
  EXPECT_TRUE(mixed->base64);
  EXPECT_TRUE(mixed->params.truncate);
  EXPECT_EQ(mixed->params.timeout, std::chrono::milliseconds(5));
  EXPECT_EQ(parse_embedding_request(R"({"model": "m", "input": [1, 2]})")->inputs.size(), 1U);
  EXPECT_EQ(parse_embedding_request(R"({"model": "m", "input": ""})")->inputs.size(), 1U);
  EXPECT_EQ(field_at_fault(parse_embedding_request(R"({"input": "a"})")), "model");
  for (const char* wrong :
       {"5", "{}", "[]", "[[]]", "[null]", "[\"a\", 1]", "[1, \"a\"]", "[-1]", "[[1], 2]", "[[\"a\"]]"}) {
    EXPECT_EQ(field_of(R"("input": )" + std::string(wrong)), "input") << wrong;
  }
  std::string many = R"("input": ["a")";
  for (std::size_t i = 1; i < kMaxTexts; ++i) many += R"(,"a")";
  EXPECT_EQ(field_of(many + "]"), "none");
  EXPECT_EQ(field_of(many + R"(,"a"])"), "input");
  EXPECT_EQ(field_of(R"("input": "a", "dimensions": 0)"), "dimensions");
  EXPECT_EQ(field_of(R"("input": "a", "dimensions": 65537)"), "dimensions");
  EXPECT_EQ(field_of(R"("input": "a", "encoding_format": "hex")"), "encoding_format");
  EXPECT_EQ(field_of(R"("input": "a", "timeout_ms": 0)"), "timeout_ms");
  EXPECT_EQ(field_of(R"("input": "a", "truncate": 1)"), "truncate");
}

TEST(RequestsTest, RerankRequests) {
  const auto field_of = [](const std::string& more) {
    return field_at_fault(parse_rerank_request(R"({"model": "m", )" + more + "}"));
  };
  const auto request = parse_rerank_request(
      R"({"model": "m", "query": "q", "documents": ["a", {"text": "b", "id": 5}], "top_n": 1, "return_documents": true})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->documents, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->top_n, 1);
  EXPECT_TRUE(request->return_documents);
  EXPECT_EQ(field_of(R"("documents": ["a"])"), "query");
  EXPECT_EQ(field_of(R"("query": "q")"), "documents");
  for (const char* wrong : {"5", "[]", "{}", "[5]", "[{}]", "[{\"text\": 5}]", "[null]"}) {
    EXPECT_EQ(field_of(R"("query": "q", "documents": )" + std::string(wrong)), "documents") << wrong;
  }
  EXPECT_EQ(field_of(R"("query": "q", "documents": ["a"], "top_n": 0)"), "top_n");
}

TEST(RequestsTest, SimilarityRequests) {
  const auto field_of = [](const std::string& more) {
    return field_at_fault(parse_similarity_request(R"({"model": "m", )" + more + "}"));
  };
  EXPECT_EQ(field_of(R"("sentences": ["a", "b"])"), "none");
  EXPECT_EQ(parse_similarity_request(R"({"model": "m", "source": "s", "sentences": ["a"]})")->source, "s");
  std::string many = R"("sentences": ["a")";
  for (std::size_t i = 1; i < kMaxPairwiseTexts + 1; ++i) many += R"(,"a")";
  EXPECT_EQ(field_of(many + "]"), "sentences");
  EXPECT_EQ(field_of(many + R"(], "source": "s")"), "none");
  for (const char* wrong : {"5", "[]", "[5]", "\"a\""}) {
    EXPECT_EQ(field_of(R"("sentences": )" + std::string(wrong)), "sentences") << wrong;
  }
}

TEST(RequestsTest, ClassifyRequests) {
  const auto field_of = [](const std::string& more) {
    return field_at_fault(parse_classify_request(R"({"model": "m", "input": "a")" + more + "}"));
  };
  const auto request = parse_classify_request(
      R"({"model": "m", "input": ["a", "b"], "candidate_labels": ["x", "y"], "hypothesis_template": "It is {}.",
          "multi_label": false, "top_k": 1})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->inputs.size(), 2U);
  EXPECT_EQ(request->candidate_labels, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(request->multi_label, false);
  EXPECT_EQ(field_of(""), "none");
  EXPECT_EQ(field_at_fault(parse_classify_request(R"({"model": "m"})")), "input");
  EXPECT_EQ(field_at_fault(parse_classify_request(R"({"model": "m", "input": [1]})")), "input");
  for (const char* wrong : {"5", "[]", "[5]", "[\"\"]", "\"x\""}) {
    EXPECT_EQ(field_of(R"(, "candidate_labels": )" + std::string(wrong)), "candidate_labels") << wrong;
  }
  EXPECT_EQ(field_of(R"(, "candidate_labels": [")" + std::string(1025, 'x') + R"("])"), "candidate_labels");
  EXPECT_EQ(field_of(R"(, "hypothesis_template": "{}")"), "hypothesis_template") << "there are no labels";
  for (const char* wrong : {"none", "{} {}", "{", "5"}) {
    EXPECT_EQ(field_of(R"(, "candidate_labels": ["x"], "hypothesis_template": ")" + std::string(wrong) + "\""),
              "hypothesis_template")
        << wrong;
  }
  EXPECT_EQ(field_of(R"(, "top_k": 0)"), "top_k");
  EXPECT_EQ(field_of(R"(, "multi_label": 1)"), "multi_label");
}

TEST(RequestsTest, WhatIsNotAnObjectOfValidJson) {
  const std::vector<std::string> bodies = {"",
                                           " ",
                                           "null",
                                           "5",
                                           "\"a\"",
                                           "[]",
                                           "{",
                                           "{}}",
                                           "{} {}",
                                           R"({"a": 1,})",
                                           R"({'a': 1})",
                                           R"({"a": NaN})",
                                           R"({"a": Infinity})",
                                           R"({"a": 01})",
                                           R"({"a": .5})",
                                           R"({"a": "\ud800"})",
                                           R"({"a": "\udc00\ud800"})",
                                           R"({"a": "\x"})",
                                           "{\"a\": \"\n\"}",
                                           "{\"a\": \"\xFF\"}",
                                           "{\"a\": \"\xED\xA0\x80\"}",
                                           "{\"a\": \"\xC0\x80\"}",
                                           "// x\n{}",
                                           std::string("{\"a\": \0}", 8),
                                           "\xEF\xBB\xBF{}",
                                           R"({"a": )" + std::string(70, '[') + std::string(70, ']') + "}",
                                           R"({"a": )" + std::string(1'000'000, '[')};
  for (const std::string& body : bodies) {
    const auto request = parse_chat_request(body);
    ASSERT_FALSE(request) << body.substr(0, 40);
    EXPECT_TRUE(request.error().code == ErrorCode::kInvalidArgument || request.error().code == ErrorCode::kTooLarge)
        << body.substr(0, 40);
    EXPECT_FALSE(request.error().message.empty());
  }
}

TEST(RequestsTest, TheSchemaSaysWhatTheChecksDo) {
  json::object schema{{"type", "object"}, {"properties", json::object{}}, {"required", json::array{}}};
  add_to_schema(chat_fields(), schema);
  add_to_schema(generation_fields(), schema);
  EXPECT_EQ(schema["required"], (json::array{"messages", "model"}));
  const json::object& properties = schema["properties"].get_object();
  EXPECT_FALSE(properties.contains("functions")) << "what is not supported is not in the document";
  EXPECT_EQ(properties.at("temperature").at("minimum"), json::value(0.0));
  EXPECT_EQ(properties.at("temperature").at("maximum"), json::value(2.0));
  EXPECT_EQ(properties.at("temperature").at("default"), json::value(1));
  EXPECT_EQ(properties.at("top_p").at("exclusiveMinimum"), json::value(0.0));
  EXPECT_EQ(properties.at("n").at("maximum"), json::value(16));
  EXPECT_EQ(properties.at("seed").at("minimum"), json::value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(properties.at("seed").at("maximum"), json::value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(properties.at("priority").at("enum"), (json::array{"interactive", "batch", nullptr}));
  EXPECT_EQ(properties.at("model").at("type"), json::value("string"));
  EXPECT_EQ(properties.at("stream").at("type"), (json::array{"boolean", "null"}));
  for (const auto& property : properties)
    EXPECT_TRUE(property.value().get_object().contains("description")) << property.key();
}

}  // namespace
}  // namespace marquee::http
