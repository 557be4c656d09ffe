#include "apps/bench_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>

namespace marquee::apps {
namespace {

using base::Result;

constexpr std::array kSweeps = {Sweep::kContext, Sweep::kStreams, Sweep::kThreads};
constexpr std::size_t kMaxEntries = 64;

Result<void> for_each_entry(std::string_view flag, std::string_view text,
                            const std::function<Result<void>(std::string_view)>& take) {
  for (std::size_t count = 1;; ++count) {
    if (count > kMaxEntries) {
      return base::invalid_argument(std::string(flag) + " takes at most " + std::to_string(kMaxEntries) + " values");
    }
    const std::size_t end = std::min(text.find(','), text.size());
    MARQUEE_CHECK(take(text.substr(0, end)));
    if (end == text.size()) return {};
    text.remove_prefix(end + 1);
  }
}

/// 1, 2, 4, … and all of them.
std::vector<std::int32_t> usual_thread_counts(unsigned cpus) {
  std::vector<std::int32_t> counts;
  for (unsigned count = 1; count < cpus; count *= 2) counts.push_back(static_cast<std::int32_t>(count));
  counts.push_back(static_cast<std::int32_t>(cpus));
  return counts;
}

void fill(BenchPlan& plan, const BenchGround& ground) {
  if (plan.sweeps.empty()) plan.sweeps.assign(kSweeps.begin(), kSweeps.end() - (ground.server ? 1 : 0));
  if (plan.streams.empty()) plan.streams = {1, 4, 16};
  if (plan.thread_counts.empty()) plan.thread_counts = usual_thread_counts(ground.cpus);
  if (!plan.contexts.empty()) return;
  for (const std::int32_t tokens : {16, 512, 1024}) {
    if (ground.server || tokens + plan.output_tokens <= ground.context) plan.contexts.push_back(tokens);
  }
}

void add_cases(const BenchPlan& plan, Sweep sweep, unsigned threads, std::vector<BenchCase>& cases) {
  const BenchCase base{sweep, threads, 1, plan.prompt_tokens, plan.output_tokens};
  const auto vary = [&](const std::vector<std::int32_t>& values,
                        const std::function<void(BenchCase&, std::int32_t)>& set) {
    for (const std::int32_t value : values) {
      cases.push_back(base);
      set(cases.back(), value);
    }
  };
  switch (sweep) {
    case Sweep::kContext: return vary(plan.contexts, [](BenchCase& c, std::int32_t v) { c.prompt_tokens = v; });
    case Sweep::kStreams: return vary(plan.streams, [](BenchCase& c, std::int32_t v) { c.streams = v; });
    case Sweep::kThreads:
      return vary(plan.thread_counts, [](BenchCase& c, std::int32_t v) { c.threads = static_cast<unsigned>(v); });
  }
}

}  // namespace

const char* to_string(Sweep sweep) {
  switch (sweep) {
    case Sweep::kContext: return "context";
    case Sweep::kStreams: return "streams";
    case Sweep::kThreads: return "threads";
  }
  return "context";
}

std::int32_t BenchPlan::most_streams() const {
  return streams.empty() ? 16 : *std::max_element(streams.begin(), streams.end());
}

Result<std::vector<std::int32_t>> parse_numbers(std::string_view flag, std::string_view text, std::int32_t minimum,
                                                std::int32_t maximum) {
  std::vector<std::int32_t> numbers;
  MARQUEE_CHECK(for_each_entry(flag, text, [&](std::string_view entry) -> Result<void> {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), number);
    if (error != std::errc() || end != entry.data() + entry.size() || number < minimum || number > maximum) {
      return base::invalid_argument(std::string(flag) + " must be whole numbers in " + std::to_string(minimum) + ".." +
                                    std::to_string(maximum) + " with commas between, not '" + std::string(entry) + "'");
    }
    numbers.push_back(number);
    return {};
  }));
  return numbers;
}

Result<std::vector<Sweep>> parse_sweeps(std::string_view text) {
  std::vector<Sweep> sweeps;
  MARQUEE_CHECK(for_each_entry("--sweep", text, [&](std::string_view entry) -> Result<void> {
    const auto* found = std::find_if(kSweeps.begin(), kSweeps.end(), [&](Sweep s) { return entry == to_string(s); });
    if (found == kSweeps.end()) {
      return base::invalid_argument(
          "--sweep must be 'context', 'streams' or 'threads', or several with commas between, not '" +
          std::string(entry) + "'");
    }
    if (std::find(sweeps.begin(), sweeps.end(), *found) == sweeps.end()) sweeps.push_back(*found);
    return {};
  }));
  return sweeps;
}

Result<std::vector<BenchCase>> make_cases(BenchPlan& plan, const BenchGround& ground) {
  fill(plan, ground);
  std::vector<BenchCase> cases;
  for (const Sweep sweep : plan.sweeps) {
    if (ground.server && sweep == Sweep::kThreads) {
      return base::invalid_argument("a server's threads cannot be varied from here; leave --sweep threads out");
    }
    add_cases(plan, sweep, ground.server ? 0 : ground.threads, cases);
  }
  for (const BenchCase& one : cases) {
    if (ground.server || one.prompt_tokens + one.output_tokens <= ground.context) continue;
    return base::invalid_argument(std::to_string(one.prompt_tokens) + " prompt tokens and " +
                                  std::to_string(one.output_tokens) + " of output do not fit the model's context of " +
                                  std::to_string(ground.context) +
                                  "; choose fewer with --contexts, --prompt or --output");
  }
  return cases;
}

}  // namespace marquee::apps
