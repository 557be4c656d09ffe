#include "apps/spelling.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace marquee::apps {
namespace {

constexpr std::size_t kMaxLength = 64;
constexpr std::size_t kShortestBeginning = 3;

/// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other.
/// @source Damerau, Communications of the ACM 7(3), 1964 (each place edited at most once)
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, row);
  }
  return last.back();
}

/// The one name that begins with `beginning`, if there is exactly one.
std::optional<std::string> only_name_with(std::string_view beginning, std::span<const std::string_view> names) {
  if (beginning.size() < kShortestBeginning) return std::nullopt;
  const auto begins = [&](std::string_view name) { return name.starts_with(beginning); };
  if (std::count_if(names.begin(), names.end(), begins) != 1) return std::nullopt;
  return std::string(*std::find_if(names.begin(), names.end(), begins));
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.size() > kMaxLength) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t best = std::max<std::size_t>(wrong.size() / 3, 1) + 1;
  for (const std::string_view name : names) {
    if (name.size() > kMaxLength) continue;
    const std::size_t apart = distance(wrong, name);
    if (apart >= best || apart >= wrong.size()) continue;
    best = apart;
    nearest = std::string(name);
  }
  return nearest ? nearest : only_name_with(wrong, names);
}

}  // namespace marquee::apps
