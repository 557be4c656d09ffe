#include "apps/bench_stats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace marquee::apps {
namespace {

using Run = std::vector<RequestTimes>;

/// Tokens that one arrival stands for: more than one where characters need several, or where a server sends several.
double tokens_per_arrival(const RequestTimes& request) {
  return static_cast<double>(request.completion_tokens) / static_cast<double>(request.arrivals_s.size());
}

std::optional<double> decode_rate(const Run& run) {
  double begin = 0;
  double end = std::numeric_limits<double>::max();
  for (const RequestTimes& request : run) {
    if (request.arrivals_s.size() < 2) return std::nullopt;
    begin = std::max(begin, request.arrivals_s.front());
    end = std::min(end, request.arrivals_s.back());
  }
  double tokens = 0;
  for (const RequestTimes& request : run) {
    const auto after = [&](double time) {
      return std::upper_bound(request.arrivals_s.begin(), request.arrivals_s.end(), time);
    };
    tokens += static_cast<double>(std::max<std::ptrdiff_t>(0, after(end) - after(begin))) * tokens_per_arrival(request);
  }
  if (end <= begin || tokens == 0) return std::nullopt;
  return tokens / (end - begin);
}

std::optional<double> output_rate(const Run& run) {
  double begin = std::numeric_limits<double>::max();
  double end = 0;
  double tokens = 0;
  for (const RequestTimes& request : run) {
    begin = std::min(begin, request.begun_s);
    end = std::max(end, request.ended_s);
    tokens += static_cast<double>(request.completion_tokens);
  }
  if (end <= begin) return std::nullopt;
  return tokens / (end - begin);
}

struct Samples {
  std::vector<double> prefill, decode, output, first_ms, gap_ms, mean_ms;
};

void take_request(const RequestTimes& request, bool alone, Samples& samples) {
  if (request.arrivals_s.empty()) return;
  const double first_s = request.arrivals_s.front() - request.begun_s;
  samples.first_ms.push_back(first_s * 1e3);
  if (alone && first_s > 0) samples.prefill.push_back(static_cast<double>(request.prompt_tokens) / first_s);
  for (std::size_t i = 1; i < request.arrivals_s.size(); ++i) {
    samples.gap_ms.push_back((request.arrivals_s[i] - request.arrivals_s[i - 1]) * 1e3);
  }
  if (request.arrivals_s.size() < 2 || request.completion_tokens < 2) return;
  const double rest_s = request.arrivals_s.back() - request.arrivals_s.front();
  samples.mean_ms.push_back(rest_s * 1e3 / static_cast<double>(request.completion_tokens - 1));
}

}  // namespace

double percentile(std::vector<double> values, double percent) {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<Spread> spread_of(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return Spread{*least, median({values.begin(), values.end()}), *most};
}

std::optional<Percentiles> percentiles_of(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const std::vector<double> all(values.begin(), values.end());
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return Percentiles{all.size(),          *least, median(all), percentile(all, 90), percentile(all, 95),
                     percentile(all, 99), *most};
}

CaseFigures summarise(const BenchCase& bench_case, std::span<const std::vector<RequestTimes>> runs) {
  CaseFigures figures;
  figures.bench_case = bench_case;
  figures.runs = runs.size();
  Samples samples;
  for (const Run& run : runs) {
    for (const RequestTimes& request : run) {
      take_request(request, run.size() == 1, samples);
      figures.prompt_tokens += request.prompt_tokens;
      figures.completion_tokens += request.completion_tokens;
      figures.expected_tokens += bench_case.output_tokens;
    }
    if (const auto rate = decode_rate(run)) samples.decode.push_back(*rate);
    if (const auto rate = output_rate(run)) samples.output.push_back(*rate);
  }
  figures.prefill_tokens_per_s = spread_of(samples.prefill);
  figures.decode_tokens_per_s = spread_of(samples.decode);
  figures.output_tokens_per_s = spread_of(samples.output);
  figures.first_token_ms = percentiles_of(samples.first_ms);
  figures.token_ms = percentiles_of(samples.gap_ms);
  figures.mean_token_ms = percentiles_of(samples.mean_ms);
  return figures;
}

}  // namespace marquee::apps
