#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace marquee::text {
namespace {

namespace json = base::json;

base::Result<std::string> render(std::string_view source, const json::object& context = {}) {
  MARQUEE_ASSIGN(const auto parsed, ChatTemplate::parse(source));
  return parsed.render(context);
}

std::string text_of(std::string_view source, const json::object& context = {}) {
  const auto text = render(source, context);
  return text ? *text : "error: " + text.error().message;
}

json::array conversation() {
  return {json::object{{"role", "system"}, {"content", "Be kind."}}, json::object{{"role", "user"}, {"content", "Hi"}},
          json::object{{"role", "assistant"}, {"content", "Hello ü"}},
          json::object{{"role", "user"}, {"content", "Bye"}}};
}

TEST(ChatTemplate, RendersChatMl) {
  constexpr std::string_view kChatMl =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
      "{{ '<|im_start|>system\\nYou are helpful<|im_end|>\\n' }}{% endif %}"
      "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  EXPECT_EQ(text_of(kChatMl, {{"messages", conversation()}, {"add_generation_prompt", true}}),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
            "Hello ü<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text_of(kChatMl, {{"messages", json::array{json::object{{"role", "user"}, {"content", "x"}}}}}),
            "<|im_start|>system\nYou are helpful<|im_end|>\n<|im_start|>user\nx<|im_end|>\n");
}

base::Error error_of(std::string_view source, const json::object& context = {}) {
  const auto text = render(source, context);
  EXPECT_FALSE(text) << *text;
  return text ? base::Error{} : text.error();
}

TEST(ChatTemplate, WhatATemplateRaisesIsSaidWithoutAPlace) {
  const auto error = error_of("a{% if true %}\n{{ raise_exception('Roles must alternate') }}{% endif %}");
  EXPECT_EQ(error.code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message, "Roles must alternate");
}

TEST(ChatTemplate, SyntaxErrorsNameTheirPlace) {
  const auto error = error_of("line one\n  é {{ 1 + }}");
  EXPECT_EQ(error.code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message, "chat template, line 2, column 12: expected an expression, got '}}'");
  EXPECT_EQ(error_of("a\r\nb\r{{ 'x }}").message, "chat template, line 3, column 4: this text has no closing quote");
  EXPECT_EQ(error_of("{% for a in b %}\n{% if c %}").message,
            "chat template, line 2, column 4: this 'if' is not closed; 'endif' is missing");
}

TEST(ChatTemplate, ErrorsOfARenderingNameTheirPlace) {
  EXPECT_EQ(error_of("{% for m in messages %}\n  {{ m.content.deep.er }}{% endfor %}", {{"messages", conversation()}})
                .message,
            "chat template, line 2, column 21: 'str object' has no attribute 'deep'");
  EXPECT_EQ(error_of("{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n{{ m('a') }}").message,
            "chat template, line 2, column 4: unsupported operand type(s) for +: 'str' and 'int'");
}

TEST(ChatTemplate, WhatIsNotKnownIsRefusedAtLoad) {
  const auto refusal = [](std::string_view source) {
    const auto parsed = ChatTemplate::parse(source);
    EXPECT_FALSE(parsed) << source;
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().code, base::ErrorCode::kUnsupported) << source;
    return parsed.error().message;
  };
  EXPECT_EQ(refusal("{{ a | from_json }}"), "chat template, line 1, column 8: the filter 'from_json'");
  EXPECT_EQ(refusal("{{ a is weird }}"), "chat template, line 1, column 9: the test 'weird'");
  EXPECT_EQ(refusal("\n{{ now() }}"), "chat template, line 2, column 4: the function 'now'");
  EXPECT_EQ(refusal("{{ a.encode('utf8') }}"), "chat template, line 1, column 6: the method 'encode'");
  EXPECT_EQ(refusal("{% include 'x' %}"), "chat template, line 1, column 4: the tag 'include'");
  EXPECT_EQ(refusal("{{ a | map('nope') }}"), "chat template, line 1, column 12: the filter 'nope'");
}

TEST(ChatTemplate, WhatItDefinesItselfMayBeCalled) {
  EXPECT_EQ(text_of("{{ later is defined }}{% macro hi(n) %}hi {{ n }}{% endmacro %}{{ hi('you') }}"), "Falsehi you");
  EXPECT_EQ(text_of("{% macro m(f) %}{{ f('x') }}{% endmacro %}{% macro g(x) %}<{{ x }}>{% endmacro %}{{ m(g) }}"),
            "<x>");
  EXPECT_EQ(text_of("{% set messages = 'own' %}{{ messages }}", {{"messages", conversation()}}), "own");
}

TEST(ChatTemplate, ConversationsKeepTheirText) {
  const json::object context{{"x", json::object{{"b", 1}, {"a", json::array{true, nullptr, 2.0, "<ü>"}}}}};
  EXPECT_EQ(text_of("{{ x | tojson }}", context), "{\"b\": 1, \"a\": [true, null, 2.0, \"<ü>\"]}");
  EXPECT_EQ(text_of("{{ x }}", context), "{'b': 1, 'a': [True, None, 2.0, '<ü>']}");
  EXPECT_EQ(text_of("{{ x }}", {{"x", "a\xFFz"}}), "a\uFFFDz");  // a template sees valid UTF-8 only
}

TEST(ChatTemplate, StrftimeNowGivesTheDate) {
  const std::string year = text_of("{{ strftime_now('%Y') }}");
  EXPECT_EQ(year.size(), 4U);
  EXPECT_GE(std::stoi(year), 2024);
  EXPECT_EQ(text_of("{{ strftime_now('100%% é %z') }}"), "100% é ");
  EXPECT_EQ(error_of("{{ strftime_now('%Q') }}").code, base::ErrorCode::kUnsupported);
}

TEST(ChatTemplate, RenderingsShareNothing) {
  const auto parsed = ChatTemplate::parse(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}");
  ASSERT_TRUE(parsed);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*parsed->render({{"messages", conversation()}}), "4");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(*parsed->render({{"messages", conversation()}}), "4");
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(ChatTemplate, HostileOnesEndInAnError) {
  const auto deep = [](const std::string& open, const std::string& close) {
    std::string source = "{{ ";
    for (int i = 0; i < 50'000; ++i) source += open;
    source += "1";
    for (int i = 0; i < 50'000; ++i) source += close;
    return source + " }}";
  };
  for (const std::string& source : {deep("(", ")"), deep("[", "]"), deep("-", ""), deep("not ", ""), deep("1 + ", ""),
                                    deep("", "|string"), deep("", ".a"), deep("f(", ")"), deep("{1:", "}"),
                                    deep("1 ~ (", ")"), deep("a[", "]"), deep("2 ** ", ""), deep("1 or ", "")}) {
    const auto parsed = ChatTemplate::parse(source);
    ASSERT_FALSE(parsed) << source.substr(0, 20);
    EXPECT_EQ(parsed.error().code, base::ErrorCode::kTooLarge) << source.substr(0, 20);
  }
  for (const std::string_view source :
       {"{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% set ns = namespace(t='x') %}{% for i in range(999) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}",
        "{{ 'x' * 99999999999 }}", "{{ '\\t'.expandtabs(99999999999) }}", "{{ 'x'.ljust(99999999999) }}"}) {
    EXPECT_EQ(error_of(source).code, base::ErrorCode::kTooLarge) << source;
  }
  EXPECT_EQ(error_of("{{ range(999999999) | list }}").code, base::ErrorCode::kInvalidArgument);
}

TEST(ChatTemplate, ObjectsThatHoldThemselvesLeaveNothingBehind) {  // a leak shows under the address sanitizer
  EXPECT_EQ(text_of("{% set ns = namespace() %}{% set ns.self = ns %}{% macro m() %}{% endmacro %}{% set ns.m = m %}x"),
            "x");
  EXPECT_EQ(
      text_of("{% set ns = namespace() %}{% for i in [1] %}{% set ns.l = loop %}{% set ns.i = ns %}{% endfor %}x"),
      "x");
  EXPECT_EQ(text_of("{% set ns = namespace(m=0) %}{% macro mk(p) %}{% macro inner() %}{{ p }}{% endmacro %}"
                    "{% set ns.m = inner %}{% endmacro %}{% for i in range(20000) %}{{ mk(ns.m) }}{% endfor %}x"),
            "x");
}

}  // namespace
}  // namespace marquee::text
