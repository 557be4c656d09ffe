#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace marquee::train {

/// Reads a training's settings one after another, remembers the first error and which names were asked for. Every
/// number has both bounds. null, and "auto" (OpenAI's word), stand for the default.
class TaskParameters {
 public:
  explicit TaskParameters(const base::json::object& values) : values_(values) {}

  std::int64_t integer(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  double number(std::string_view name, double otherwise, double least, double most);
  bool boolean(std::string_view name, bool otherwise);
  /// @param most_bytes of the text, valid UTF-8
  std::string text(std::string_view name, std::string_view otherwise, std::size_t most_bytes = 256);
  /// One of several words. @return its place in `words`
  std::size_t choice(std::string_view name, std::string_view otherwise, std::vector<std::string_view> words);

  /// The first thing that was wrong, or a name that nobody asked for (the nearest one that was is suggested).
  /// @error kInvalidArgument, field the setting's name
  [[nodiscard]] base::Result<void> finish() const;

 private:
  const base::json::value* find(std::string_view name);
  void refuse(std::string_view name, std::string message);

  const base::json::object& values_;
  std::vector<std::string_view> asked_;
  base::Result<void> error_;
};

}  // namespace marquee::train
