#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "serving/pull.h"

namespace marquee::serving {

/// Progress and cancellation of one pull, shared by its steps.
class PullMonitor {
 public:
  explicit PullMonitor(const PullOptions& options) : options_(&options) {}

  /// A step begins; reports at once. @param total_bytes 0 if unknown
  void begin(PullStage stage, std::string_view file, std::uint64_t total_bytes) {
    stage_ = stage;
    file_ = file;
    total_bytes_ = total_bytes;
    report(0);
  }
  void set_total(std::uint64_t total_bytes) { total_bytes_ = total_bytes; }

  /// @error kCancelled once the caller has asked for it
  [[nodiscard]] base::Result<void> advance(std::uint64_t done_bytes) {
    if (is_cancelled()) return cancelled_error();
    const auto now = std::chrono::steady_clock::now();
    if (now - last_report_ >= kReportEvery || done_bytes == total_bytes_) report(done_bytes);
    return {};
  }

  [[nodiscard]] bool is_cancelled() const {
    return options_->cancelled != nullptr && options_->cancelled->load(std::memory_order_relaxed);
  }
  [[nodiscard]] static base::Error cancelled_error() {
    return {base::ErrorCode::kCancelled, "cancelled; what was downloaded is kept for the next pull"};
  }

 private:
  static constexpr std::chrono::milliseconds kReportEvery{50};

  void report(std::uint64_t done_bytes) {
    last_report_ = std::chrono::steady_clock::now();
    if (options_->on_progress) options_->on_progress({stage_, file_, done_bytes, total_bytes_});
  }

  const PullOptions* options_;
  PullStage stage_ = PullStage::kDownloading;
  std::string file_;
  std::uint64_t total_bytes_ = 0;
  std::chrono::steady_clock::time_point last_report_{};
};

}  // namespace marquee::serving
