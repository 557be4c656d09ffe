#pragma once

#include <string>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// "a.0.b", as filters take it: what to look up one after the other. None gives a path that stays where it is.
class AttributePath {
 public:
  /// @param fallback stands for what is undefined on the way, unless None
  static Result<AttributePath> make(Runtime& runtime, const Value& path, Value fallback = Value());
  [[nodiscard]] Result<Value> follow(Runtime& runtime, Value value) const;
  [[nodiscard]] bool empty() const { return keys_.empty(); }

 private:
  std::vector<Value> keys_;
  Value fallback_;
};

}  // namespace marquee::text::jinja
