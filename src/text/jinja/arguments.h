#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

struct Parameter {
  const char* name;
  enum class Need : std::uint8_t { kRequired, kOptional } need = Need::kRequired;
  enum class Naming : std::uint8_t { kAllowed, kPositionOnly } naming = Naming::kAllowed;
};
constexpr Parameter required(const char* name) { return {name}; }
constexpr Parameter optional(const char* name) { return {name, Parameter::Need::kOptional}; }
constexpr Parameter required_positional(const char* name) {
  return {name, Parameter::Need::kRequired, Parameter::Naming::kPositionOnly};
}
constexpr Parameter optional_positional(const char* name) {
  return {name, Parameter::Need::kOptional, Parameter::Naming::kPositionOnly};
}

/// The arguments of a call, put to their parameters as Python does.
class BoundArguments {
 public:
  /// @error as Python's TypeError: too many, missing, unknown or doubled
  static Result<BoundArguments> bind(const std::string& function, Arguments arguments,
                                     std::initializer_list<Parameter> parameters);

  [[nodiscard]] bool has(std::size_t index) const { return values_[index].has_value(); }
  /// @pre has(index)
  [[nodiscard]] const Value& operator[](std::size_t index) const { return *values_[index]; }
  [[nodiscard]] Value value_or(std::size_t index, Value fallback) const {
    return values_[index] ? *values_[index] : std::move(fallback);
  }
  [[nodiscard]] bool is_none_or_absent(std::size_t index) const {
    return !values_[index] || values_[index]->is(Kind::kNone);
  }
  /// The text of a parameter. @error if it is of another type
  [[nodiscard]] Result<std::string> text(std::size_t index) const;
  [[nodiscard]] Result<Integer> integer(std::size_t index, Integer fallback) const;
  [[nodiscard]] Result<bool> flag(Runtime& runtime, std::size_t index, bool fallback) const;

 private:
  std::string function_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace marquee::text::jinja
