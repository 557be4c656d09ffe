#include "text/grammar/json_schema.h"

#include <gtest/gtest.h>

#include <string>

#include "text/grammar/grammar_fixture_test.h"

namespace marquee::text::grammar {
namespace {

TEST(JsonSchema, Types) {
  expect_texts(compile_schema(R"({"type": "integer"})"), {"0", "-12", "1234567890123456789"},
               {"01", "1.0", "", "\"1\""});
  expect_texts(compile_schema(R"({"type": "number"})"), {"0", "-1.5", "1e10", "2.5E-7"}, {".5", "1.", "+1", "1e999"});
  expect_texts(compile_schema(R"({"type": ["null", "boolean"]})"), {"null", "true", "false"}, {"nul", "1"});
  expect_texts(compile_schema(R"({"type": "string"})"), {R"("")", R"("a\n\"\\ä😀")", R"("\u00e4")", R"("\ud83d\ude00")"},
               {R"("\ud83d")", R"("\x")", "\"\n\"", R"("a)", R"("\ude00")"});
  expect_texts(compile_schema("true"), {"1", "[]", R"({"a": [1, {"b": null}]})"}, {"", "[1,]", "{,}"});
  expect_texts(compile({Source::Kind::kJsonObject, {}}), {"{}", R"({"a": 1, "b": []})"}, {"[]", "1"});
}

TEST(JsonSchema, SpaceIsBounded) {
  expect_texts(compile_schema(R"({"type": "array", "items": {"type": "integer"}})"),
               {"[]", "[ ]", "[1,2]", "[1, 2]", "[\n  1,\n  2\n]"}, {"[  1]", "[\n\n1]", "[\n                     1]"});
}

TEST(JsonSchema, Objects) {
  const auto strict = compile_schema(R"({"type": "object", "properties": {"name": {"type": "string"}, "age":
      {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": false})");
  expect_texts(strict, {R"({"name": "x", "age": 3})", R"({"name":"","age":0})"},
               {R"({"age": 3, "name": "x"})", R"({"name": "x"})", "{}", R"({"name": "x", "age": 3, "b": 1})"});
  const auto optional = compile_schema(R"({"properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type":
      "null"}, "d": {"type": "null"}}, "required": ["c"]})");
  expect_texts(optional,
               {R"({"c": null})", R"({"a": null, "c": null})", R"({"b": null, "c": null, "d": null})",
                R"({"a": null, "b": null, "c": null})"},
               {"{}", R"({"a": null})", R"({"c": null, "c": null})", R"({"c": null,})", R"({"d": null, "c": null})"});
  expect_texts(compile_schema(R"({"properties": {"a": {"type": "null"}, "b": {"type": "null"}}})"),
               {"{}", R"({"a": null})", R"({"b": null})", R"({"a": null, "b": null})"}, {R"({"b": null, "a": null})"});
}

TEST(JsonSchema, AdditionalProperties) {
  const auto typed = compile_schema(R"({"type": "object", "properties": {"id": {"type": "integer"}, "ids":
      {"type": "null"}}, "additionalProperties": {"type": "string"}})");
  expect_texts(typed, {"{}", R"({"id": 1, "x": "y"})", R"({"i": "y"})", R"({"idx": "y", "": ""})", R"({"ids": null})"},
               {R"({"id": "x"})", R"({"x": 1})", R"({"ids": "x"})", R"({"x": "y", "id": 1})", R"({"\u0069d": "x"})"});
  expect_texts(compile_schema(R"({"type": "object", "additionalProperties": {"type": "null"}, "maxProperties": 2,
      "minProperties": 1})"),
               {R"({"a": null})", R"({"a": null, "b": null})"}, {"{}", R"({"a": null, "b": null, "c": null})"});
  expect_texts(compile_schema(R"({"required": ["k"], "additionalProperties": {"type": "integer"}})"),
               {R"({"k": 1})", R"({"k": 1, "l": 2})"}, {"{}", R"({"k": null})"});
  expect_texts(compile_schema(R"({"properties": {"a": false, "b": true}, "additionalProperties": true})"),
               {"{}", R"({"b": [1], "c": 2})"}, {R"({"a": 1})"});
}

TEST(JsonSchema, Arrays) {
  expect_texts(compile_schema(R"({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2})"),
               {"[true]", "[true, false]"}, {"[]", "[true, true, true]", "[1]"});
  expect_texts(compile_schema(R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"},
      "minItems": 1})"),
               {"[1]", R"([1, "a"])", R"([1, "a", null, null])"}, {"[]", "[\"a\"]", "[1, null]", R"([1, "a", 2])"});
  expect_texts(compile_schema(R"({"prefixItems": [{"type": "integer"}], "items": false})"), {"[]", "[1]"}, {"[1, 2]"});
  expect_texts(compile_schema(R"({"prefixItems": [{"type": "integer"}], "minItems": 2, "maxItems": 3})"),
               {"[1, {}]", "[1, 2, 3]"}, {"[1]", "[1, 2, 3, 4]"});
  expect_texts(compile_schema(R"({"items": {"type": "integer"}, "maxItems": 0})"), {"[]"}, {"[1]"});
}

TEST(JsonSchema, EnumAndConst) {
  expect_texts(compile_schema(R"({"enum": ["a", 1, 2.5, null, [1, "x"], {"k": true}, "q\"\n"]})"),
               {R"("a")", "1", "2.5", "null", R"([1, "x"])", R"({"k": true})", R"("q\"\n")"}, {"2", "\"b\"", "[1]"});
  expect_texts(compile_schema(R"({"type": "string", "enum": ["a", 1, "long"], "maxLength": 2})"), {R"("a")"},
               {"1", R"("long")"});
  expect_texts(compile_schema(R"({"const": "v1"})"), {R"("v1")"}, {R"("v2")"});
  expect_texts(compile_schema(R"({"const": 1e20})"), {"1e+20"}, {"1"});
  expect_error(compile_schema(R"({"enum": []})"), "no text matches");
}

TEST(JsonSchema, Strings) {
  expect_texts(compile_schema(R"({"type": "string", "minLength": 2, "maxLength": 3})"),
               {R"("ab")", R"("äöü")", R"("\n\"")", R"("😀😀")"}, {R"("a")", R"("abcd")"});
  expect_texts(compile_schema(R"({"type": "string", "pattern": "^[a-c]+\\d{2}$"})"), {R"("abc12")"},
               {R"("12")", R"("abc1")", R"("xabc12")"});
  expect_texts(compile_schema(R"({"type": "string", "pattern": "b|^c"})"), {R"("abc")", R"("cat")", R"("b")"},
               {R"("xc")", R"("")"});
  expect_texts(compile_schema(R"({"type": "string", "pattern": "^\\S+ (?:x|y)?\\.[^\\s\\\\]$"})"),
               {R"("ab x.q")", R"("\\ .\"")"}, {R"("ab x.\\")", R"("ab z.q")"});
  expect_texts(compile_schema(R"({"type": "string", "format": "date"})"), {R"("2024-02-28")"},
               {R"("2024-02-30")", R"("2024-13-01")"});
  expect_texts(compile_schema(R"({"type": "string", "format": "uuid"})"), {R"("2eb8aa08-aa98-11ea-b4aa-73b441d16380")"},
               {R"("2eb8aa08")"});
  expect_texts(compile_schema(R"({"type": "string", "pattern": "^a{2,4}$", "maxLength": 4})"), {R"("aaa")"},
               {R"("a")"});
}

TEST(JsonSchema, NumberBounds) {
  expect_texts(compile_schema(R"({"type": "integer", "minimum": -5, "maximum": 123})"),
               {"-5", "-1", "0", "9", "10", "99", "100", "123"}, {"-6", "124", "-10", "200", "1000", "1.5"});
  expect_texts(compile_schema(R"({"type": "integer", "exclusiveMinimum": 17})"), {"18", "20", "99", "100000"},
               {"17", "9", "0", "-18"});
  expect_texts(compile_schema(R"({"type": "number", "minimum": 0.25, "maximum": 1.5})"),
               {"0.25", "0.3", "0.99", "1", "1.0", "1.5", "1.50", "1.49"},
               {"0.24", "0.2", "0", "1.51", "2", "-1", "1.6"});
  expect_texts(compile_schema(R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})"),
               {"0.1", "0.001", "0.999"}, {"0", "0.0", "1", "1.0", "-0.5"});
  expect_texts(compile_schema(R"({"type": "number", "maximum": -2.5})"), {"-2.5", "-3", "-2.51", "-100.25"},
               {"-2.4", "-2", "0", "2.5"});
  expect_texts(compile_schema(R"({"type": "number", "minimum": 1.2, "maximum": 1.25})"),
               {"1.2", "1.20", "1.23", "1.25"}, {"1.1", "1.26", "1.3", "1", "2"});
  expect_error(compile_schema(R"({"type": "integer", "minimum": 1, "maximum": 0})"), "no text matches");
}

TEST(JsonSchema, References) {
  const auto tree = compile_schema(R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v":
      {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["v", "next"],
      "additionalProperties": false}}})");
  expect_texts(tree, {R"({"v": 1, "next": null})", R"({"v": 1, "next": {"v": 2, "next": null}})"}, {R"({"v": 1})"});
  expect_texts(compile_schema(R"({"type": "array", "items": {"$ref": "#"}})"), {"[]", "[[], [[]]]"}, {"[1]"});
  expect_texts(compile_schema(R"({"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"type": "null"}}})"), {"null"}, {"1"});
  expect_error(compile_schema(R"({"$ref": "#"})"), "in a circle");
  expect_error(compile_schema(R"({"$ref": "#/$defs/x"})"), "does not lead to a schema");
  expect_error(compile_schema(R"({"$ref": "http://example.com/s"})"), "only references into the schema itself");
  expect_error(compile_schema(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})"), "left-recursive");
}

TEST(JsonSchema, Combinations) {
  expect_texts(compile_schema(R"({"allOf": [{"properties": {"a": {"type": "number"}}, "required": ["a"]}, {"properties":
      {"a": {"minimum": 3}, "b": {"type": "null"}}}], "type": "object"})"),
               {R"({"a": 3})", R"({"a": 4.5, "b": null})"}, {"{}", R"({"a": 2})"});
  expect_texts(compile_schema(R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})"),
               {"12", R"("x")"}, {R"("xy")", "null"});
  expect_texts(compile_schema(R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
      "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})"),
               {R"({"a": null})", R"({"b": null})", R"({"a": null, "b": null})"}, {"{}"});
  expect_texts(compile_schema(R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type":
      "integer"}}, "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"const": "b"}}, "required":
      ["kind"]}]})"),
               {R"({"kind": "a", "x": 1})", R"({"kind": "b"})"}, {R"({"kind": "a"})", R"({"kind": "b", "x": 1})"});
  expect_error(compile_schema(R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})"),
               "may hold for the same value");
  expect_texts(compile_schema(R"({"allOf": [{"additionalProperties": false, "properties": {"a": {}}}, {"properties":
      {"b": {}}}]})"),
               {R"({"a": 1})", "{}"}, {R"({"b": 1})"});
}

TEST(JsonSchema, NothingThatConstrainsIsIgnored) {
  for (const std::string_view keyword : {"not", "if", "patternProperties", "propertyNames", "contains",
                                         "dependentRequired", "unevaluatedItems", "additionalItems", "$dynamicRef"}) {
    const std::string schema = R"({"properties": {"a/b": {")" + std::string(keyword) + R"(": {}}}})";
    expect_error(compile_schema(schema),
                 "at '/properties/a~1b/" + std::string(keyword) + "': this keyword is not supported");
  }
  expect_error(compile_schema(R"({"uniqueItems": true})"), "'/uniqueItems'");
  expect_error(compile_schema(R"({"multipleOf": 3})"), "'/multipleOf': only 1");
  expect_error(compile_schema(R"({"format": "isbn"})"), "'isbn' is not supported; known are date");
  expect_error(compile_schema(R"({"pattern": "a", "minLength": 3})"), "not supported together");
  expect_error(compile_schema(R"s({"pattern": "(?=a)"})s"), "look-ahead");
  expect_error(compile_schema(R"({"pattern": "a\\1"})"), "escape");
  expect_error(compile_schema(R"({"pattern": "a^b"})"), "'^' is only supported");
  expect_error(compile_schema(R"({"minProperties": 2})"), "'/minProperties'");
  expect_error(compile_schema(R"({"type": "strin"})"), "'/type': must be one");
  expect_error(compile_schema(R"({"properties": {"a": 3}})"), "'/properties': must be an object of schemas");
  expect_error(compile_schema(R"({"minLength": -1})"), "'/minLength'");
  expect_error(compile_schema("[1]"), "must be a schema");
  expect_error(compile_schema("{"), "the schema");
}

TEST(JsonSchema, HostileSchemasAreRefused) {
  expect_error(compile_schema(R"({"type": "string", "maxLength": 1000000000})"), "to compile");
  expect_error(compile_schema(R"({"type": "array", "items": {"type": "array", "maxItems": 4000, "items": {"maxLength":
      4000, "type": "string"}}, "minItems": 4000})"),
               "to compile");
  expect_error(compile_schema(R"({"pattern": "((a{4096}){4096}){4096}"})"), "to compile");
  expect_error(compile_schema(R"({"pattern": ")" + std::string(100, '(') + "\"}"), "nest at most 32");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"items":)";
  EXPECT_FALSE(compile_schema(deep));
  // References that double at each step.
  std::string doubling = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 25; ++i) {
    const std::string next = R"({"$ref": "#/$defs/d)" + std::to_string(i + 1) + "\"}";
    doubling += "\"d" + std::to_string(i) + R"(": {"allOf": [)" + next + "," + next + "]},";
  }
  expect_error(compile_schema(doubling + R"("d25": {"type": "null"}}})"), "too large");
  // A schema that merges into a larger one each time it meets itself.
  EXPECT_FALSE(compile_schema(R"({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": {
      "a": {"properties": {"x": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}}},
      "b": {"properties": {"x": {"allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/a"}]}}}}})"));
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::chrono::milliseconds kOrdinaryTime{2000};  // the checks take their time
#else
constexpr std::chrono::milliseconds kOrdinaryTime = Limits().time;
#endif

TEST(JsonSchema, LargeOrdinarySchemasCompile) {
  std::string properties;
  std::string required;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "\"a_rather_long_property_name_" + std::to_string(i) + "\"";
    properties += (i > 0 ? "," : "") + name + R"(: {"type": ["string", "null"], "enum": ["first", "second", null]})";
    required += (i > 0 ? "," : "") + name;
  }
  const auto all =
      compile({Source::Kind::kJsonSchema, R"({"type": "object", "additionalProperties": false, "properties": {)" +
                                              properties + R"(}, "required": [)" + required + "]}"},
              {.time = kOrdinaryTime});
  EXPECT_TRUE(all) << all.error().message;
  const auto none = compile({Source::Kind::kJsonSchema, R"({"type": "object", "properties": {)" + properties + "}}"},
                            {.time = kOrdinaryTime});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_TRUE(accepts(**none, R"({"a_rather_long_property_name_7": null, "a_rather_long_property_name_99": "first"})"));
  const auto text =
      compile({Source::Kind::kJsonSchema, R"({"type": "string", "maxLength": 1000})"}, {.time = kOrdinaryTime});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_FALSE(accepts(**text, "\"" + std::string(1001, 'x') + "\""));
}

TEST(ToolCalls, AreTextThenCalls) {
  const auto tool = base::parse_json(R"([{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type":
      "integer"}}, "required": ["x"]}}, {"name": "g", "parameters": {"type": "object"}}])",
                                     "tools");
  ToolCallRules rules{tool->get_array(), true, false};
  const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>";
  const std::string other = "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
  expect_texts(compile(tool_call_source(rules)),
               {"", "Hello <tool_cal", "<<tool_<tool_call", call, "Hi: " + call, call + "\n" + other, "ä<" + call},
               {"<tool_call>", call + " and", "<tool_call>\n{\"name\": \"h\"", "x<tool_call>y", call + call});
  rules.text_before = false;
  expect_texts(compile(tool_call_source(rules)), {call, other + "\n" + call}, {"", "Hello", "Hi: " + call});
  rules.one_call = true;
  expect_texts(compile(tool_call_source(rules)), {call, other}, {call + "\n" + call});
}

}  // namespace
}  // namespace marquee::text::grammar
