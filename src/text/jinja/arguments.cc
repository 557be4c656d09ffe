#include "text/jinja/arguments.h"

#include <fmt/format.h>

#include "text/jinja/operations.h"

namespace marquee::text::jinja {

Result<BoundArguments> BoundArguments::bind(const std::string& function, Arguments arguments,
                                            std::initializer_list<Parameter> parameters) {
  BoundArguments bound;
  bound.function_ = function;
  bound.values_.resize(parameters.size());
  if (arguments.positional.size() > parameters.size()) {
    return type_error(fmt::format("{}() takes at most {} arguments ({} given)", function, parameters.size(),
                                  arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    bound.values_[i] = std::move(arguments.positional[i]);
  }
  for (auto& [name, value] : arguments.named) {
    std::size_t index = 0;
    for (const Parameter& parameter : parameters) {
      if (name == parameter.name && parameter.naming == Parameter::Naming::kAllowed) break;
      ++index;
    }
    if (index == parameters.size()) {
      return type_error(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    }
    if (bound.values_[index]) {
      return type_error(fmt::format("{}() got multiple values for argument '{}'", function, name));
    }
    bound.values_[index] = std::move(value);
  }
  std::size_t index = 0;
  for (const Parameter& parameter : parameters) {
    if (parameter.need == Parameter::Need::kRequired && !bound.values_[index]) {
      return type_error(fmt::format("{}() misses its argument '{}'", function, parameter.name));
    }
    ++index;
  }
  return bound;
}

Result<std::string> BoundArguments::text(std::size_t index) const {
  const Value& value = *values_[index];
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_text()) return type_error(function_ + "() wants a str, not " + value.type_name());
  return value.text();
}

Result<Integer> BoundArguments::integer(std::size_t index, Integer fallback) const {
  if (!values_[index]) return fallback;
  return to_index(*values_[index]);
}

Result<bool> BoundArguments::flag(Runtime& runtime, std::size_t index, bool fallback) const {
  if (!values_[index]) return fallback;
  return truth(runtime, *values_[index]);
}

}  // namespace marquee::text::jinja
