#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace marquee::text
