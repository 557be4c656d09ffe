#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"

namespace marquee::base {

/// The first error of work that several threads share.
class FirstError {
 public:
  void note(Result<void> result) {
    if (result) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(result).error();
  }
  /// Once all threads are done. @error the first one noted
  Result<void> take() {
    if (error_) return *std::move(error_);
    return {};
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace marquee::base
