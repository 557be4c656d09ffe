// Answers test_json_schema.py: for each line {"schema": …, "texts": […]} of the input a line {"error": "…"} or
// {"accepted": [true, …]}, and {"ms": …}, the time it took to compile.
#include <chrono>
#include <iostream>
#include <string>

#include "base/json.h"
#include "text/grammar/compile.h"
#include "text/grammar/stacks.h"

namespace {

namespace json = marquee::base::json;
namespace grammar = marquee::text::grammar;

json::object answer(const json::object& request) {
  const auto begin = std::chrono::steady_clock::now();
  const auto compiled = grammar::compile({grammar::Source::Kind::kJsonSchema, json::serialize(request.at("schema"))});
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  json::object out{{"ms", took.count()}};
  if (!compiled) {
    out["error"] = compiled.error().message;
    return out;
  }
  json::array accepted;
  for (const json::value& text : request.at("texts").get_array()) {
    grammar::Recognizer recognizer(**compiled);
    const bool read = recognizer.read(text.get_string());
    accepted.push_back(read && recognizer.can_end());
  }
  out["accepted"] = std::move(accepted);
  return out;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = marquee::base::parse_json(line, "line");
    if (!request) {
      std::cerr << request.error().message << '\n';
      return 1;
    }
    std::cout << json::serialize(answer(request->get_object())) << '\n';
  }
  return 0;
}
