#include "apps/spelling.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace marquee::apps {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.size() > 64) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t best = std::max<std::size_t>(wrong.size() / 3, 1) + 1;
  for (const std::string_view name : names) {
    const std::size_t apart = distance(wrong, name);
    if (apart >= best) continue;
    best = apart;
    nearest = std::string(name);
  }
  return nearest;
}

}  // namespace marquee::apps
