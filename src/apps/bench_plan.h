#pragma once
// What `marquee bench` measures: one axis at a time is varied around a base.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::apps {

enum class Sweep : std::uint8_t { kContext, kStreams, kThreads };

/// "context", "streams", "threads"
const char* to_string(Sweep sweep);

/// One thing that is run several times.
struct BenchCase {
  Sweep sweep = Sweep::kContext;
  unsigned threads = 0;  ///< 0: the server's affair
  std::int32_t streams = 1;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;  ///< of each stream
};

/// What was asked for; empty lists stand for what fits the machine and the model.
struct BenchPlan {
  std::vector<Sweep> sweeps;
  std::vector<std::int32_t> contexts;  ///< prompt tokens of the one stream of the context sweep
  std::vector<std::int32_t> streams;   ///< parallel requests
  std::vector<std::int32_t> thread_counts;
  std::int32_t prompt_tokens = 128;  ///< of each stream in the other two sweeps
  std::int32_t output_tokens = 64;
  std::int32_t runs = 3;
  std::int32_t warmup = 1;  ///< runs of each case that are not counted
  std::uint64_t seed = 1;
  float temperature = 1.0F;
  bool ignore_eos = true;

  [[nodiscard]] std::int32_t most_streams() const;
};

/// Where a plan is to be run.
struct BenchGround {
  bool server = false;   ///< whose threads and context are not known here
  unsigned threads = 1;  ///< of cases that do not vary them
  unsigned cpus = 1;
  std::int32_t context = 0;  ///< of the model
};

/// "1,4,16" → numbers. @param flag names it in the error @error kInvalidArgument if one is not in minimum..maximum
base::Result<std::vector<std::int32_t>> parse_numbers(std::string_view flag, std::string_view text,
                                                      std::int32_t minimum, std::int32_t maximum);
/// "context,streams" @error kInvalidArgument with the names there are
base::Result<std::vector<Sweep>> parse_sweeps(std::string_view text);

/// The cases in the order in which they are run, and fills the plan's empty lists.
/// @error kInvalidArgument if a case does not fit the model's context, or threads of a server are to be varied
base::Result<std::vector<BenchCase>> make_cases(BenchPlan& plan, const BenchGround& ground);

}  // namespace marquee::apps
