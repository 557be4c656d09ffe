#include "text/jinja/globals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "text/jinja/arguments.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace marquee::text::jinja {
namespace {

Result<Value> make_range(Runtime& /*runtime*/, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("range", std::move(arguments),
                                                        {required_positional("start"), optional_positional("stop"),
                                                         optional_positional("step")}));
  MARQUEE_ASSIGN(Integer start, bound.integer(0, 0));
  Integer stop = start;
  if (bound.has(1)) {
    MARQUEE_ASSIGN(stop, bound.integer(1, 0));
  } else {
    start = 0;
  }
  MARQUEE_ASSIGN(const Integer step, bound.integer(2, 1));
  return Range::make(start, stop, step);
}

/// A mapping's entries, or pairs.
Result<void> add_entries(Runtime& runtime, Dict& dict, const Value& source) {
  if (source.is(Kind::kDict)) {
    for (const auto& [key, value] : source.dict().entries()) {
      MARQUEE_CHECK(runtime.budget().spend(1));
      MARQUEE_CHECK(dict.set(key, value));
    }
    return {};
  }
  MARQUEE_ASSIGN(const auto cursor, iterate(source));
  while (true) {
    MARQUEE_ASSIGN(const auto item, next_item(runtime, *cursor));
    if (!item) return {};
    MARQUEE_ASSIGN(auto pair, to_items(runtime, *item));
    if (pair.size() != 2) return value_error("a dict is made of pairs");
    MARQUEE_CHECK(dict.set(std::move(pair[0]), std::move(pair[1])));
  }
}

Result<std::shared_ptr<Dict>> collect_dict(Runtime& runtime, const char* function, Arguments arguments) {
  if (arguments.positional.size() > 1) return type_error(std::string(function) + "() takes one value and keywords");
  auto dict = std::make_shared<Dict>();
  for (const Value& value : arguments.positional) MARQUEE_CHECK(add_entries(runtime, *dict, value));
  for (auto& [name, value] : arguments.named) MARQUEE_CHECK(dict->set(Value::text(name), std::move(value)));
  return dict;
}

Result<Value> make_dict(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(auto dict, collect_dict(runtime, "dict", std::move(arguments)));
  return Value::dict(std::move(dict));
}

Result<Value> make_namespace(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(const auto dict, collect_dict(runtime, "namespace", std::move(arguments)));
  MARQUEE_CHECK(runtime.budget().spend(kKeptObjectWork));
  const auto space = runtime.keep(std::make_shared<Namespace>());
  for (const auto& [key, value] : dict->entries()) {
    if (key.is_text()) space->set(key.text(), value);
  }
  return Value::object(space);
}

Result<Value> make_cycler(Runtime& /*runtime*/, Arguments arguments) {
  if (!arguments.named.empty()) return type_error("cycler() takes no keywords");
  if (arguments.positional.empty()) return type_error("cycler() wants at least one item");
  return Value::object(std::make_shared<Cycler>(std::move(arguments.positional)));
}

Result<Value> make_joiner(Runtime& /*runtime*/, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("joiner", std::move(arguments), {optional("sep")}));
  return Value::object(std::make_shared<Joiner>(bound.value_or(0, Value::text(", "))));
}

Result<Value> raise_exception(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("raise_exception", std::move(arguments), {required("message")}));
  MARQUEE_ASSIGN(const std::string message, to_text(runtime, bound[0]));
  runtime.note_raise();
  return base::invalid_argument(message);
}

/// One directive of strftime with its flags, as the C library writes it. A naive time has no zone.
Result<std::string> format_directive(const std::tm& time, const std::string& directive) {
  constexpr std::string_view kKnown = "aAbBcCdDeFgGhHIjklmMnprRsStTuUVwWxXyY%";
  if (directive.back() == 'z' || directive.back() == 'Z') return std::string();
  if (directive.size() < 2 || kKnown.find(directive.back()) == std::string_view::npos) {
    return base::unsupported("strftime_now() with '" + directive + "'");
  }
  std::array<char, 128> buffer{};
  const std::size_t length = std::strftime(buffer.data(), buffer.size(), directive.c_str(), &time);
  return std::string(buffer.data(), length);
}

Result<Value> strftime_now(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("strftime_now", std::move(arguments), {required("format")}));
  MARQUEE_ASSIGN(const std::string format, bound.text(0));
  MARQUEE_CHECK(runtime.budget().spend(format.size()));
  const std::time_t now = std::chrono::system_clock::to_time_t(runtime.now());
  std::tm time{};
  localtime_r(&now, &time);
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < format.size() && std::string_view("-_0^#").find(format[end]) != std::string_view::npos) ++end;
    const std::string directive = format.substr(at, end + 1 - at);
    MARQUEE_ASSIGN(const std::string text, format_directive(time, directive));
    out += text;
    at += directive.size();
  }
  return Value::text(std::move(out));
}

}  // namespace

const std::vector<std::pair<std::string, Value>>& global_functions() {
  static const auto functions = [] {
    std::vector<std::pair<std::string, Value>> list;
    const auto add = [&](const std::string& name, Function::Body body) {
      list.emplace_back(name, Value::object(std::make_shared<Function>(name, std::move(body), 0)));
    };
    add("range", make_range);
    add("dict", make_dict);
    add("namespace", make_namespace);
    add("cycler", make_cycler);
    add("joiner", make_joiner);
    add("raise_exception", raise_exception);
    add("strftime_now", strftime_now);
    return list;
  }();
  return functions;
}

bool is_global_function(std::string_view name) {
  const auto& functions = global_functions();
  return std::any_of(functions.begin(), functions.end(), [&](const auto& entry) { return entry.first == name; });
}

}  // namespace marquee::text::jinja
