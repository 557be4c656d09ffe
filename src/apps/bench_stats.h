#pragma once
// From times of arrival to figures.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/bench_plan.h"

namespace marquee::apps {

/// What one request saw, in seconds since its run began.
struct RequestTimes {
  double begun_s = 0;
  double ended_s = 0;
  std::vector<double> arrivals_s;  ///< of each piece of text
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

struct Spread {
  double min = 0, median = 0, max = 0;
};

struct Percentiles {
  std::size_t count = 0;
  double min = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

/// The smallest value that at least `percent` of the values do not exceed (nearest rank), so it is one that was
/// measured; the median of an even number is the mean of the two in the middle.
/// @pre values is not empty and percent in (0, 100]
double percentile(std::vector<double> values, double percent);
double median(std::vector<double> values);

/// @return nothing for no values
std::optional<Spread> spread_of(std::span<const double> values);
std::optional<Percentiles> percentiles_of(std::span<const double> values);

/// One case after all its runs. What cannot be said of it is empty.
struct CaseFigures {
  BenchCase bench_case;
  std::size_t runs = 0;
  /// Prompt tokens per second until the first token; only of a single stream, whose first token waits for nothing else.
  std::optional<Spread> prefill_tokens_per_s;
  /// Of a single stream: tokens after its first per second. Of several, what all together give from the moment when
  /// the last has its first token to the moment when the first ends.
  std::optional<Spread> decode_tokens_per_s;
  /// All tokens of a run by its whole time, prefill and waiting included.
  std::optional<Spread> output_tokens_per_s;
  std::optional<Percentiles> first_token_ms;  ///< from sending the request to its first text
  std::optional<Percentiles> token_ms;        ///< between two pieces of text
  /// The mean time of a request's tokens after its first.
  std::optional<Percentiles> mean_token_ms;
  std::int64_t prompt_tokens = 0;  ///< of all runs, as the engine counted them
  std::int64_t completion_tokens = 0;
  std::int64_t expected_tokens = 0;  ///< completion tokens, had no answer ended early
  std::uint64_t resident_bytes = 0;  ///< of this process after the runs; 0: not this process computes
};

/// @pre every run has the case's number of requests
CaseFigures summarise(const BenchCase& bench_case, std::span<const std::vector<RequestTimes>> runs);

}  // namespace marquee::apps
