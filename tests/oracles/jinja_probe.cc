// jinja_probe [time N]: reads one JSON object per line from standard input, {"template": …, "context": {…}}, and prints
// one per line: {"text": …} or {"stage": "parse" or "render", "code": …, "error": …}.
//   time N  renders N times and prints {"parse_us": …, "render_us": …, "bytes": …}, the medians
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/chat_template.h"

namespace {

namespace json = marquee::base::json;
using marquee::text::ChatTemplate;

json::object failure(std::string_view stage, const marquee::base::Error& error) {
  return {{"stage", stage}, {"code", marquee::base::to_string(error.code)}, {"error", error.message}};
}

json::object render(std::string_view source, const json::object& context) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return failure("parse", parsed.error());
  const auto text = parsed->render(context);
  if (!text) return failure("render", text.error());
  return {{"text", *text}};
}

template <typename Work>
double median_us(int times, const Work& work) {
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    taken.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(taken.begin(), taken.begin() + times / 2, taken.end());
  return taken[static_cast<std::size_t>(times / 2)];
}

json::object measure(std::string_view source, const json::object& context, int times) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return failure("parse", parsed.error());
  const auto text = parsed->render(context);
  if (!text) return failure("render", text.error());
  const double parse = median_us(times, [&] { return ChatTemplate::parse(source).has_value(); });
  const double rendering = median_us(times, [&] { return parsed->render(context).has_value(); });
  return {{"parse_us", parse}, {"render_us", rendering}, {"bytes", text->size()}};
}

}  // namespace

int main(int argc, char** argv) {
  const int times = argc == 3 && std::string_view(argv[1]) == "time" ? std::atoi(argv[2]) : 0;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = marquee::base::parse_json(line, "request");
    if (!request) {
      std::cerr << request.error().message << '\n';
      return 2;
    }
    const auto& source = request->at("template").as_string();
    const auto& context = request->at("context").as_object();
    const auto answer = times > 0 ? measure(source, context, times) : render(source, context);
    std::cout << json::serialize(answer) << '\n' << std::flush;
  }
  return 0;
}
