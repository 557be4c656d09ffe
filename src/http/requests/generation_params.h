#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "http/requests/fields.h"
#include "serving/generation.h"
#include "text/grammar/compile.h"

namespace marquee::http {

/// What chat and text completions have in common. Names and defaults are OpenAI's; top_k, min_p, typical_p,
/// repetition_penalty, ignore_eos (as vLLM and llama.cpp call them), priority and timeout_ms are additions.
struct GenerationParams {
  std::string model;
  text::SamplingParams sampling;
  std::optional<std::uint64_t> seed;  ///< absent: drawn anew for each request
  std::int32_t n = 1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;  ///< stream_options.include_usage
  serving::Priority priority = serving::Priority::kInteractive;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<text::grammar::Source> grammar;  ///< what the answer must look like
  std::string grammar_field;                     ///< which field asked for it
};

constexpr std::int32_t kMaxChoices = 16;
constexpr std::size_t kMaxStopStrings = 4;
constexpr std::size_t kMaxStopBytes = 512;
constexpr std::size_t kMaxLogitBiases = 1'024;
constexpr std::int32_t kMaxTopLogprobs = 20;
constexpr std::size_t kMaxGrammarBytes = 256 * 1024;
constexpr std::int64_t kMaxTimeoutMs = 24LL * 3'600 * 1'000;

/// The shared fields of the two request bodies.
std::span<const Field<GenerationParams>> generation_fields();

/// Reads the shared fields, and checks them against each other (stream_options needs stream; only one grammar).
base::Result<void> read_generation_params(const base::json::object& body, GenerationParams& params);

}  // namespace marquee::http
