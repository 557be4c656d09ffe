// Chat templates: parsed, and rendered over a conversation. The input is the template, then, after the first NUL byte
// if there is one, the JSON object of its variables.
//
// Links: marquee::text
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "base/utf8.h"
#include "tests/fuzz/check.h"
#include "text/chat_template.h"
#include "text/jinja/budget.h"

namespace {

namespace json = marquee::base::json;
using marquee::fuzz::check;

json::object usual_context() {
  return {{"messages", json::array{json::object{{"role", "user"}, {"content", "Hi wörld"}},
                                   json::object{{"role", "assistant"}, {"content", "Yo\n<b>"}}}},
          {"tools", json::array{json::object{{"name", "f"}, {"parameters", json::object{{"x", 1.5}}}}}},
          {"numbers", json::array{3, 1, 2}},
          {"text", "Hello, Wörld"},
          {"nothing", nullptr},
          {"add_generation_prompt", true},
          {"bos_token", "<s>"}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = input.find('\0');
  const auto parsed = marquee::text::ChatTemplate::parse(input.substr(0, nul));
  if (!parsed) {
    check(!parsed.error().message.empty(), "an error says something");
    return 0;
  }
  json::object context = usual_context();
  if (nul != std::string_view::npos) {
    const auto given = marquee::base::parse_json(input.substr(nul + 1), "context");
    if (given && given->is_object()) context = given->get_object();
  }
  const auto text = parsed->render(context);
  if (!text) return 0;  // what raise_exception() says may be empty
  check(text->size() <= marquee::text::jinja::kMaxTextBytes, "a rendered text has its bound");
  check(marquee::base::is_valid_utf8(*text), "a rendered text is UTF-8");
  return 0;
}
