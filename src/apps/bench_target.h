#pragma once
// Whose speed `marquee bench` measures: the engine in this process, or a server.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "apps/bench_plan.h"
#include "apps/bench_stats.h"
#include "apps/server_model.h"
#include "base/result.h"
#include "serving/engine.h"

namespace marquee::apps {

/// How a server is given its prompts.
enum class PromptKind : std::uint8_t {
  kTokens,  ///< POST /v1/completions with token ids: exact lengths
  kText,    ///< POST /v1/completions with words, about one token each
  kChat     ///< POST /v1/chat/completions with the same words
};

class BenchTarget {
 public:
  virtual ~BenchTarget() = default;
  /// Sends the case's requests at once and waits for all answers. @param variant no two runs may share it, so that no
  /// prompt was seen before
  /// @return one entry for each stream
  /// @error the first request's that failed; kCancelled when `cancelled` became true
  virtual base::Result<std::vector<RequestTimes>> run(const BenchCase& bench_case, std::uint64_t variant,
                                                      const std::atomic<bool>& cancelled) = 0;
};

/// @param model stays loaded as long as the target lives
std::unique_ptr<BenchTarget> engine_target(std::shared_ptr<serving::LoadedModel> model, const BenchPlan& plan);
std::unique_ptr<BenchTarget> server_target(ServerModel server, PromptKind kind, const BenchPlan& plan);

/// A prompt that has nothing in common with those of other seeds, variants and streams from its first token on.
/// @param vocab_size 0: not known; ids then stay below 2,000, where nearly every vocabulary has ordinary pieces of
/// words
std::vector<formats::TokenId> bench_prompt(std::uint64_t seed, std::uint64_t variant, std::int32_t stream,
                                           std::int32_t tokens, std::int32_t vocab_size);

}  // namespace marquee::apps
