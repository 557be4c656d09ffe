#pragma once
// What an encoder is asked with and what it answers. Knows no HTTP.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/generation.h"
#include "text/encoder_model.h"

namespace marquee::serving {

/// One text, special tokens included. @see text::EncoderText
struct EncodingText {
  std::vector<formats::TokenId> tokens;
  std::size_t second_from = std::numeric_limits<std::size_t>::max();
};

struct EncodingRequest {
  std::string tenant;
  std::vector<EncodingText> texts;
  std::optional<Clock::time_point> deadline = {};
};

/// How a request ended.
struct EncodingOutcome {
  /// One row for each text: its vector, or the outputs of the classification head where the model has one.
  std::vector<float> values = {};
  std::size_t width = 0;
  Usage usage = {};                       ///< what was computed, also of a request that failed
  std::optional<base::Error> error = {};  ///< kCancelled, kDeadlineExceeded, kUnavailable, or the model's

  [[nodiscard]] std::span<const float> row(std::size_t text) const {
    return std::span(values).subspan(text * width, width);
  }
};

using EncodingDone = std::function<void(EncodingOutcome outcome)>;

/// Computes texts of many requests together.
class EncodingService {
 public:
  virtual ~EncodingService() = default;
  [[nodiscard]] virtual const text::EncoderFacts& facts() const = 0;
  /// Queues a request. `done` is called exactly once, on the batcher's thread: it must return at once.
  /// @return an id for stop_encoding()
  /// @error kInvalidArgument (no texts; one that is empty, too long or holds unknown ids), kResourceExhausted when the
  ///        queue is full, kUnavailable while draining, kDeadlineExceeded if it has passed already
  virtual base::Result<std::uint64_t> encode(EncodingRequest request, EncodingDone done) = 0;
  /// Ends a request before its next batch; `done` is still called. Unknown ids are ignored.
  virtual void stop_encoding(std::uint64_t request) = 0;
};

}  // namespace marquee::serving
