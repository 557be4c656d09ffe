#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace marquee::text {

/// Reads values of a model file's metadata, each with its bounds; every error names the file, the key and the value.
/// A key that is missing and one that is null are the same, unless `states_null` is asked.
/// @error kCorrupt for a required key that is missing, a wrong type or a value out of bounds
class ConfigReader {
 public:
  struct Bounds {
    double min;
    double max;
  };

  /// @param where names the file in errors; @param prefix goes before every key ("llama." of a GGUF file)
  ConfigReader(const base::json::object& object, std::string where, std::string prefix = "")
      : object_(&object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] bool states_null(std::string_view key) const;
  [[nodiscard]] base::Result<std::int32_t> integer(std::string_view key, Bounds bounds) const;
  [[nodiscard]] base::Result<std::int32_t> integer_or(std::string_view key, Bounds bounds, std::int32_t fallback) const;
  [[nodiscard]] base::Result<double> number(std::string_view key, Bounds bounds) const;
  [[nodiscard]] base::Result<double> number_or(std::string_view key, Bounds bounds, double fallback) const;
  [[nodiscard]] base::Result<bool> flag_or(std::string_view key, bool fallback) const;
  [[nodiscard]] base::Result<std::string> text_or(std::string_view key, std::string fallback) const;
  /// Exactly `count` numbers.
  [[nodiscard]] base::Result<std::vector<float>> numbers(std::string_view key, std::size_t count, Bounds bounds) const;
  /// At most max_count texts; nothing if the key is missing.
  [[nodiscard]] base::Result<std::optional<std::vector<std::string>>> texts(std::string_view key,
                                                                            std::size_t max_count) const;
  /// The object under a key; nothing if the key is missing.
  [[nodiscard]] base::Result<std::optional<ConfigReader>> child(std::string_view key) const;

  [[nodiscard]] base::Error corrupt(std::string_view key, std::string_view problem) const;
  [[nodiscard]] base::Error unsupported(std::string_view key, std::string_view problem) const;
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  [[nodiscard]] const base::json::value* find(std::string_view key) const;
  [[nodiscard]] base::Result<double> checked(std::string_view key, const base::json::value& value, Bounds bounds) const;

  const base::json::object* object_;
  std::string where_;
  std::string prefix_;
};

}  // namespace marquee::text
