#pragma once
// What a template may cost. Templates come out of model files, so each is treated as hostile.

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace marquee::text::jinja {

// At parsing.
constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20U;
constexpr std::uint32_t kMaxParseDepth = 128;        ///< nesting of expressions and blocks; bounds the parser's stack
constexpr std::uint32_t kMaxExpressionHeight = 256;  ///< also of chains such as a + b + c, which nest to the left

// At rendering.
constexpr std::uint64_t kMaxWork = 8'000'000;  ///< evaluated nodes, and one more for each kBytesPerStep handled
constexpr std::size_t kBytesPerStep = 32;
constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20U;  ///< of one string and of the output
constexpr std::uint32_t kMaxEvaluationDepth = 640;             ///< bounds the evaluator's stack
constexpr std::uint32_t kMaxValueDepth = 200;                  ///< lists in lists
constexpr std::uint64_t kKeptObjectWork = 32;  ///< extra for an object that lives until the rendering ends
constexpr std::int64_t kMaxRange = 100'000;    ///< Jinja2's sandbox has the same

/// Counts the work of one rendering.
class Budget {
 public:
  /// @error kTooLarge once the work is used up
  base::Result<void> spend(std::uint64_t units) {
    if (units > left_) return exhausted();
    left_ -= units;
    return {};
  }
  /// For handling `bytes` bytes of text.
  base::Result<void> spend_bytes(std::size_t bytes) { return spend(1 + bytes / kBytesPerStep); }
  /// For making a string of `bytes` bytes. @error kTooLarge also if it would be longer than any may be
  base::Result<void> spend_text(std::size_t bytes) {
    if (bytes > kMaxTextBytes) return too_long();
    return spend_bytes(bytes);
  }

 private:
  static base::Error exhausted();
  static base::Error too_long();

  std::uint64_t left_ = kMaxWork;
};

}  // namespace marquee::text::jinja
