#pragma once
// What a generation is asked with and what it answers. Knows no HTTP.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/token_grammar.h"
#include "text/sampler.h"

namespace marquee::serving {

using Clock = std::chrono::steady_clock;

enum class Priority : std::uint8_t { kInteractive, kBatch };
enum class FinishReason : std::uint8_t { kStop, kLength, kCancelled, kDeadline, kError };

/// As metrics and the command line name it.
constexpr std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kDeadline: return "deadline";
    case FinishReason::kError: return "error";
  }
  return "error";
}

struct GenerationRequest {
  std::string tenant;
  std::vector<formats::TokenId> prompt;
  text::SamplingParams sampling;
  std::int32_t max_tokens = 0;         ///< 0: up to the context's end
  std::int32_t n = 1;                  ///< choices, 1..16; the prompt is computed once
  std::vector<std::string> stop = {};  ///< at most 4 strings; found across token borders, not part of the output
  bool ignore_eos = false;
  Priority priority = Priority::kInteractive;
  std::optional<Clock::time_point> deadline = {};
  /// What each choice must look like, from LoadedModel::grammar(); null: anything. An answer ends (kStop) as soon as
  /// nothing can follow; one that ends otherwise (kLength, a stop string) may be a beginning only.
  std::shared_ptr<const text::grammar::TokenGrammar> grammar = {};
};

struct TokenRecord {
  text::SampledToken sampled;
  std::string bytes;  ///< the token's own bytes
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< prompt tokens served from a shared prefix
  std::chrono::nanoseconds queue_time{};
  std::chrono::nanoseconds compute_time{};  ///< this request's share of the steps it was in
};

/// One piece of one choice's answer. Text is always whole UTF-8 characters and never part of a stop string.
struct GenerationEvent {
  std::int32_t choice = 0;
  std::string text;                         ///< may be empty (held back, or only a finish)
  std::vector<TokenRecord> tokens = {};     ///< filled when log probabilities were asked for
  std::optional<FinishReason> finish = {};  ///< set on the choice's last event
  std::optional<Usage> usage = {};          ///< set on the request's very last event
  std::optional<base::Error> error = {};    ///< with FinishReason::kError
};

/// Where a request's events go. Called on the scheduler's thread: must return at once.
class GenerationSink {
 public:
  virtual ~GenerationSink() = default;
  virtual void on_event(GenerationEvent event) = 0;
  /// False while the reader is too slow: the sequence then waits without being computed. Asked before each step.
  [[nodiscard]] virtual bool ready() const { return true; }
};

}  // namespace marquee::serving
