#include "http/encoding/vectors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "http/answers/json_text.h"

namespace marquee::http {

float cosine_similarity(std::span<const float> a, std::span<const float> b) {
  double dot = 0.0;
  double of_a = 0.0;
  double of_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    of_a += static_cast<double>(a[i]) * a[i];
    of_b += static_cast<double>(b[i]) * b[i];
  }
  const double lengths = std::sqrt(of_a * of_b);
  return lengths > 0.0 ? static_cast<float>(std::clamp(dot / lengths, -1.0, 1.0)) : 0.0F;
}

void append_base64_floats(std::string& body, std::span<const float> values) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t bytes = values.size() * sizeof(float);
  const auto byte_at = [&](std::size_t at) -> std::uint32_t {
    if (at >= bytes) return 0;
    return std::bit_cast<std::uint32_t>(values[at / sizeof(float)]) >> (at % sizeof(float) * 8) & 0xFFU;
  };
  body.push_back('"');
  for (std::size_t at = 0; at < bytes; at += 3) {
    const std::uint32_t group = byte_at(at) << 16U | byte_at(at + 1) << 8U | byte_at(at + 2);
    body.push_back(kDigits[group >> 18U]);
    body.push_back(kDigits[group >> 12U & 63U]);
    body.push_back(at + 1 < bytes ? kDigits[group >> 6U & 63U] : '=');
    body.push_back(at + 2 < bytes ? kDigits[group & 63U] : '=');
  }
  body.push_back('"');
}

void append_json_floats(std::string& body, std::span<const float> values) {
  body.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) body.push_back(',');
    append_json_number(body, values[i]);
  }
  body.push_back(']');
}

std::vector<std::size_t> largest_first(std::span<const float> scores, std::size_t most) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(order.size(), most));
  return order;
}

}  // namespace marquee::http
