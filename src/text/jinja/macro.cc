#include "text/jinja/macro.h"

#include <fmt/format.h>

#include <algorithm>

namespace marquee::text::jinja {

Result<Value> Macro::make(const MacroCode& code, Evaluation& evaluation) {
  MARQUEE_CHECK(evaluation.runtime().budget().spend(kKeptObjectWork));
  return Value::object(evaluation.runtime().keep(std::make_shared<Macro>(code, evaluation)));
}

Result<std::string> Macro::text(Runtime& /*runtime*/) {
  return base::unsupported("printing the macro '" + code_.name + "' (Python would print its address in memory)");
}

Result<std::optional<Value>> Macro::attribute(Runtime& /*runtime*/, std::string_view name) {
  if (name == "name") return std::optional<Value>(Value::text(code_.name));
  if (name == "catch_kwargs") return std::optional<Value>(Value::boolean(code_.takes_kwargs));
  if (name == "catch_varargs") return std::optional<Value>(Value::boolean(code_.takes_varargs));
  if (name == "caller") return std::optional<Value>(Value::boolean(code_.takes_caller));
  if (name != "arguments") return std::optional<Value>();
  std::vector<Value> names;
  for (const auto& parameter : code_.parameters) names.push_back(Value::text(parameter.name));
  MARQUEE_ASSIGN(auto tuple, Value::tuple(std::move(names)));
  return std::optional<Value>(std::move(tuple));
}

/// Parameters take the positional arguments in order, then those of their name. What is left goes to `varargs`,
/// `kwargs` and `caller` if the body uses these.
Result<void> Macro::bind(Scope& scope, Arguments arguments) {
  const std::size_t given = std::min(arguments.positional.size(), code_.parameters.size());
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found == arguments.named.end()) return std::nullopt;
    Value value = std::move(found->second);
    arguments.named.erase(found);
    return value;
  };
  std::vector<const MacroCode::Parameter*> missing;
  for (std::size_t i = 0; i < code_.parameters.size(); ++i) {
    const auto& parameter = code_.parameters[i];
    auto value = i < given ? std::optional(arguments.positional[i]) : take_named(parameter.name);
    if (value) {
      scope.set(parameter.id, std::move(*value));
    } else {
      missing.push_back(&parameter);
    }
  }
  if (code_.takes_caller) {
    auto caller = take_named("caller");
    if (!caller || caller->is(Kind::kNone)) caller = Value::undefined("No caller defined");
    scope.set(code_.caller_id, std::move(*caller));
  }
  if (code_.takes_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (auto& [name, value] : arguments.named) MARQUEE_CHECK(rest->set(Value::text(name), std::move(value)));
    scope.set(code_.kwargs_id, Value::dict(std::move(rest)));
  } else if (!arguments.named.empty()) {
    return type_error(fmt::format("macro '{}' takes no keyword argument '{}'", code_.name, arguments.named[0].first));
  }
  if (code_.takes_varargs) {
    const auto first = arguments.positional.begin() + static_cast<std::ptrdiff_t>(given);
    MARQUEE_ASSIGN(auto rest, Value::tuple({first, arguments.positional.end()}));
    scope.set(code_.varargs_id, std::move(rest));
  } else if (arguments.positional.size() > given) {
    return type_error(
        fmt::format("macro '{}' takes not more than {} argument(s)", code_.name, code_.parameters.size()));
  }
  for (const auto* parameter : missing) {  // a default sees the parameters before it
    if (parameter->fallback == nullptr) {
      scope.set(parameter->id, Value::undefined("parameter '" + parameter->name + "' was not provided"));
      continue;
    }
    MARQUEE_ASSIGN(auto value, parameter->fallback->evaluate(evaluation_));
    scope.set(parameter->id, std::move(value));
  }
  return {};
}

Result<Value> Macro::call(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(const auto level, runtime.enter());
  const auto scope = std::make_shared<Scope>(scope_);
  const Evaluation::Inside inside(evaluation_, scope);
  MARQUEE_CHECK(bind(*scope, std::move(arguments)));
  std::string out;
  MARQUEE_CHECK(execute(code_.body, evaluation_, out));
  return Value::text(std::move(out));
}

}  // namespace marquee::text::jinja
