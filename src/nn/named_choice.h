#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace marquee::nn {

/// The value that a name stands for. @error kInvalidArgument, naming what (its field) it was and the names there are
template <typename T>
base::Result<T> named_choice(std::span<const std::pair<std::string_view, T>> choices, std::string_view name,
                             const std::string& what) {
  std::string all;
  for (const auto& [known, value] : choices) {
    if (known == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(known);
  }
  return base::invalid_argument("there is no " + what + " '" + std::string(name) + "'; there are " + all, what);
}

}  // namespace marquee::nn
