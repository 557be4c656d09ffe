#include "text/grammar/number_range.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marquee::text::grammar {
namespace {

constexpr std::int64_t kMostInteger = 999'999'999'999'999'999;
constexpr double kMostIntegerBound = 1e18;
constexpr double kMostNumberBound = 1e15;
constexpr std::size_t kMostBoundDigits = 15;
constexpr std::uint32_t kMostDigits = 18;

/// A number that is not negative, as its decimal digits; the fraction has no zeros at its end.
struct Decimal {
  std::int64_t whole = 0;
  std::string fraction = {};
};

struct DecimalBounds {
  Decimal low;
  Decimal high;
  bool above_low = false;
  bool below_high = false;
};

class RangeWriter {
 public:
  explicit RangeWriter(Grammar& grammar) : grammar_(grammar) {}

  /// @pre 0 <= low; nothing if high < low
  ExprId integers(std::int64_t low, std::int64_t high) {
    if (high < low) return grammar_.nothing();
    const std::string first = std::to_string(low);
    const std::string last = std::to_string(high);
    std::vector<ExprId> options;
    for (std::size_t length = first.size(); length <= last.size(); ++length) {
      const std::string begin = length == first.size() ? first : "1" + std::string(length - 1, '0');
      const std::string end = length == last.size() ? last : std::string(length, '9');
      options.push_back(same_length(begin, end));
    }
    return grammar_.choice(std::move(options));
  }

  ExprId signed_integers(std::int64_t low, std::int64_t high) {
    std::vector<ExprId> options;
    if (low < 0 && low <= high) options.push_back(negative(integers(high < 0 ? -high : 1, -low)));
    if (high >= 0) options.push_back(integers(std::max<std::int64_t>(low, 0), high));
    return grammar_.choice(std::move(options));
  }

  ExprId negative(ExprId magnitude) { return grammar_.sequence({grammar_.literal("-"), magnitude}); }

  ExprId decimals(const DecimalBounds& bounds) {
    const auto [low, high] = std::pair(bounds.low.whole, bounds.high.whole);
    if (low > high) return grammar_.nothing();
    if (low == high) return grammar_.sequence({grammar_.literal(std::to_string(low)), fraction_between(bounds)});
    return grammar_.choice({grammar_.sequence({grammar_.literal(std::to_string(low)),
                                               fraction_from(bounds.low.fraction, bounds.above_low)}),
                            grammar_.sequence({integers(low + 1, high - 1), any_fraction()}),
                            grammar_.sequence({grammar_.literal(std::to_string(high)),
                                               fraction_to(bounds.high.fraction, bounds.below_high)})});
  }

 private:
  ExprId digit(char low, char high) {
    if (low > high) return grammar_.nothing();
    return grammar_.char_class({{static_cast<char32_t>(low), static_cast<char32_t>(high)}});
  }
  ExprId digits(std::uint32_t min, std::uint32_t max) { return grammar_.repeat(digit('0', '9'), min, max); }
  ExprId zeros(std::uint32_t min) { return grammar_.repeat(grammar_.literal("0"), min, kMostDigits); }

  ExprId same_length(std::string_view low, std::string_view high) {
    const auto rest = static_cast<std::uint32_t>(low.size());
    if (low.empty()) return grammar_.literal("");
    const bool every =
        low.find_first_not_of('0') == std::string_view::npos && high.find_first_not_of('9') == std::string_view::npos;
    if (every) return digits(rest, rest);
    const auto step = [this](char c, ExprId then) { return grammar_.sequence({digit(c, c), then}); };
    if (low.front() == high.front()) return step(low.front(), same_length(low.substr(1), high.substr(1)));
    const std::string nines(rest - 1, '9');
    const std::string noughts(rest - 1, '0');
    std::vector<ExprId> options{step(low.front(), same_length(low.substr(1), nines)),
                                step(high.front(), same_length(noughts, high.substr(1)))};
    if (low.front() + 1 < high.front()) {
      options.push_back(
          grammar_.sequence({digit(static_cast<char>(low.front() + 1), static_cast<char>(high.front() - 1)),
                             digits(rest - 1, rest - 1)}));
    }
    return grammar_.choice(std::move(options));
  }

  ExprId any_fraction() {
    return grammar_.optional(grammar_.sequence({grammar_.literal("."), digits(1, kMostDigits)}));
  }
  /// Digits that are not all zero.
  ExprId some_digits() { return grammar_.sequence({zeros(0), digit('1', '9'), digits(0, kMostDigits)}); }

  ExprId fraction_from(std::string_view low, bool above) {
    if (low.empty() && !above) return any_fraction();
    return grammar_.sequence({grammar_.literal("."), digits_from(low, above)});
  }

  /// Digits that, read as a fraction, are at least `low`. Empty digits are no fraction less than zero.
  ExprId digits_from(std::string_view low, bool above) {
    if (low.find_first_not_of('0') == std::string_view::npos) return above ? some_digits() : digits(0, kMostDigits);
    return grammar_.choice({grammar_.sequence({digit(static_cast<char>(low.front() + 1), '9'), digits(0, kMostDigits)}),
                            grammar_.sequence({digit(low.front(), low.front()), digits_from(low.substr(1), above)})});
  }

  ExprId fraction_to(std::string_view high, bool below) {
    if (high.empty() && below) return grammar_.nothing();
    if (high.empty()) return grammar_.optional(grammar_.sequence({grammar_.literal("."), zeros(1)}));
    return grammar_.optional(grammar_.sequence({grammar_.literal("."), digits_to(high, below, true)}));
  }

  ExprId digits_to(std::string_view high, bool below, bool first) {
    if (high.find_first_not_of('0') == std::string_view::npos) return below ? grammar_.nothing() : zeros(0);
    std::vector<ExprId> options{
        grammar_.sequence({digit('0', static_cast<char>(high.front() - 1)), digits(0, kMostDigits)}),
        grammar_.sequence({digit(high.front(), high.front()), digits_to(high.substr(1), below, false)})};
    if (!first) options.push_back(grammar_.literal(""));
    return grammar_.choice(std::move(options));
  }

  ExprId fraction_between(const DecimalBounds& bounds) {
    std::string low = bounds.low.fraction;
    std::string high = bounds.high.fraction;
    const std::size_t length = std::max(low.size(), high.size());
    low.resize(length, '0');
    high.resize(length, '0');
    if (low > high || (low == high && (bounds.above_low || bounds.below_high))) return grammar_.nothing();
    const bool zero_low = low.find_first_not_of('0') == std::string::npos;
    const bool zero_high = high.find_first_not_of('0') == std::string::npos;
    const bool bare = zero_low && !bounds.above_low && !(zero_high && bounds.below_high);
    const ExprId written =
        grammar_.sequence({grammar_.literal("."), length == 0 ? zeros(1) : digits_between(low, high, bounds, true)});
    return bare ? grammar_.optional(written) : written;
  }

  ExprId digits_between(std::string_view low, std::string_view high, const DecimalBounds& bounds, bool first) {
    if (low.empty()) return zeros(0);
    std::vector<ExprId> options;
    if (low.front() == high.front()) {
      options.push_back(grammar_.sequence(
          {digit(low.front(), low.front()), digits_between(low.substr(1), high.substr(1), bounds, false)}));
    } else {
      options = {
          grammar_.sequence({digit(low.front(), low.front()), digits_from(low.substr(1), bounds.above_low)}),
          grammar_.sequence(
              {digit(static_cast<char>(low.front() + 1), static_cast<char>(high.front() - 1)), digits(0, kMostDigits)}),
          grammar_.sequence({digit(high.front(), high.front()), digits_to(high.substr(1), bounds.below_high, false)})};
    }
    // The digits so far are the low bound itself.
    const bool may_end = !first && !bounds.above_low && low.find_first_not_of('0') == std::string_view::npos;
    if (may_end) options.push_back(grammar_.literal(""));
    return grammar_.choice(std::move(options));
  }

  Grammar& grammar_;
};

base::Result<Decimal> to_decimal(double magnitude) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), magnitude, std::chars_format::fixed);
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t point = std::min(written.find('.'), written.size());
  Decimal decimal;
  decimal.whole = static_cast<std::int64_t>(magnitude);
  if (point < written.size()) decimal.fraction = written.substr(point + 1);
  if (error != std::errc() || magnitude > kMostNumberBound || decimal.fraction.size() > kMostBoundDigits) {
    return base::invalid_argument(
        "a bound of a number must lie within 1e15 and have at most 15 digits behind the point");
  }
  return decimal;
}

/// The magnitudes between two bounds of one sign. @param low, high absent: 0 and the largest
base::Result<ExprId> magnitudes(RangeWriter& writer, const NumberBounds& bounds) {
  DecimalBounds decimals{{}, {kMostInteger, {}}, bounds.above_low, bounds.below_high};
  if (bounds.low) {
    MARQUEE_ASSIGN(decimals.low, to_decimal(*bounds.low));
  }
  if (bounds.high) {
    MARQUEE_ASSIGN(decimals.high, to_decimal(*bounds.high));
  }
  return writer.decimals(decimals);
}

}  // namespace

base::Result<ExprId> integers_within(Grammar& grammar, const NumberBounds& bounds) {
  std::int64_t low = -kMostInteger;
  std::int64_t high = kMostInteger;
  for (const auto& bound : {bounds.low, bounds.high}) {
    if (bound && std::abs(*bound) > kMostIntegerBound) {
      return base::invalid_argument("a bound of an integer must lie within 1e18");
    }
  }
  if (bounds.low) {
    const double first = std::ceil(*bounds.low);
    low = static_cast<std::int64_t>(first) + (bounds.above_low && first == *bounds.low ? 1 : 0);
  }
  if (bounds.high) {
    const double last = std::floor(*bounds.high);
    high = static_cast<std::int64_t>(last) - (bounds.below_high && last == *bounds.high ? 1 : 0);
  }
  if (low > high) return grammar.nothing();
  return RangeWriter(grammar).signed_integers(low, high);
}

base::Result<ExprId> numbers_within(Grammar& grammar, const NumberBounds& bounds) {
  RangeWriter writer(grammar);
  std::vector<ExprId> options;
  if (!bounds.low || *bounds.low < 0) {
    NumberBounds mirrored;
    if (bounds.high && *bounds.high < 0) mirrored.low = -*bounds.high;
    mirrored.above_low = mirrored.low ? bounds.below_high : bounds.high && *bounds.high == 0 && bounds.below_high;
    if (bounds.low) mirrored.high = -*bounds.low;
    mirrored.below_high = bounds.low && bounds.above_low;
    MARQUEE_ASSIGN(const ExprId magnitude, magnitudes(writer, mirrored));
    options.push_back(writer.negative(magnitude));
  }
  if (!bounds.high || *bounds.high >= 0) {
    NumberBounds upper = bounds;
    if (upper.low && *upper.low < 0) {
      upper.low.reset();
      upper.above_low = false;
    }
    MARQUEE_ASSIGN(const ExprId magnitude, magnitudes(writer, upper));
    options.push_back(magnitude);
  }
  return grammar.choice(std::move(options));
}

}  // namespace marquee::text::grammar
