#include "text/config_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace marquee::text {

using base::Result;

const base::json::value* ConfigReader::find(std::string_view key) const {
  const auto* value = object_->if_contains(prefix_ + std::string(key));
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

bool ConfigReader::states_null(std::string_view key) const {
  const auto* value = object_->if_contains(prefix_ + std::string(key));
  return value != nullptr && value->is_null();
}

base::Error ConfigReader::corrupt(std::string_view key, std::string_view problem) const {
  return base::corrupt(fmt::format("{}: '{}{}' {}", where_, prefix_, key, problem));
}

base::Error ConfigReader::unsupported(std::string_view key, std::string_view problem) const {
  return base::unsupported(fmt::format("{}: '{}{}' {}", where_, prefix_, key, problem));
}

Result<double> ConfigReader::checked(std::string_view key, const base::json::value& value, Bounds bounds) const {
  double number = 0.0;
  if (const auto* integer = value.if_int64()) {
    number = static_cast<double>(*integer);
  } else if (const auto* natural = value.if_uint64()) {
    number = static_cast<double>(*natural);
  } else if (const auto* real = value.if_double()) {
    number = *real;
  } else {
    return corrupt(key, "is not a number");
  }
  if (!(number >= bounds.min && number <= bounds.max)) {  // also catches NaN
    return corrupt(key, fmt::format("is {}, not within {} to {}", number, bounds.min, bounds.max));
  }
  return number;
}

Result<double> ConfigReader::number(std::string_view key, Bounds bounds) const {
  const auto* value = find(key);
  if (value == nullptr) return corrupt(key, "is missing");
  return checked(key, *value, bounds);
}

Result<double> ConfigReader::number_or(std::string_view key, Bounds bounds, double fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  return checked(key, *value, bounds);
}

Result<std::int32_t> ConfigReader::integer(std::string_view key, Bounds bounds) const {
  MARQUEE_ASSIGN(const double value, number(key, bounds));
  if (value != std::floor(value)) return corrupt(key, "is not a whole number");
  return static_cast<std::int32_t>(value);
}

Result<std::int32_t> ConfigReader::integer_or(std::string_view key, Bounds bounds, std::int32_t fallback) const {
  if (!has(key)) return fallback;
  return integer(key, bounds);
}

Result<bool> ConfigReader::flag_or(std::string_view key, bool fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) return corrupt(key, "is neither true nor false");
  return value->get_bool();
}

Result<std::string> ConfigReader::text_or(std::string_view key, std::string fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return corrupt(key, "is not a text");
  return std::string(value->get_string());
}

Result<std::vector<float>> ConfigReader::numbers(std::string_view key, std::size_t count, Bounds bounds) const {
  const auto* value = find(key);
  if (value == nullptr) return corrupt(key, "is missing");
  const auto* array = value->if_array();
  if (array == nullptr) return corrupt(key, "is not a list");
  if (array->size() != count) {
    return corrupt(key, fmt::format("has {} elements where {} are needed", array->size(), count));
  }
  std::vector<float> numbers;
  numbers.reserve(count);
  for (const auto& element : *array) {
    MARQUEE_ASSIGN(const double number, checked(key, element, bounds));
    numbers.push_back(static_cast<float>(number));
  }
  return numbers;
}

Result<std::optional<std::vector<std::string>>> ConfigReader::texts(std::string_view key, std::size_t max_count) const {
  const auto* value = find(key);
  if (value == nullptr) return std::optional<std::vector<std::string>>{};
  const auto* array = value->if_array();
  if (array == nullptr || array->size() > max_count) return corrupt(key, "is not a list, or too long");
  std::vector<std::string> texts;
  for (const auto& element : *array) {
    if (!element.is_string()) return corrupt(key, "holds something that is not a text");
    texts.emplace_back(element.get_string());
  }
  return std::optional(std::move(texts));
}

Result<std::optional<ConfigReader>> ConfigReader::child(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::optional<ConfigReader>{};
  if (!value->is_object()) return corrupt(key, "is not an object");
  return std::optional(ConfigReader(value->get_object(), fmt::format("{}: in '{}{}'", where_, prefix_, key)));
}

}  // namespace marquee::text
