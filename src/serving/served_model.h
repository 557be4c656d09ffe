#pragma once

#include <cstdint>

#include "serving/engine.h"

namespace marquee::serving {

/// A model in memory as its registry sees it, whatever its task. A handle may outlive the engine; it then refuses
/// requests.
class ServedModel : public LoadedModel {
 public:
  /// Weights and all that is held to compute with them.
  [[nodiscard]] virtual std::uint64_t resident_bytes() const = 0;
  /// Queued or running.
  [[nodiscard]] virtual std::int64_t active_requests() const = 0;
  /// Refuses new requests from now on.
  virtual void drain() = 0;
  /// Ends every request.
  virtual void stop() = 0;
};

}  // namespace marquee::serving
