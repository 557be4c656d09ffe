#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace marquee::http {

/// How much of the memory for request bodies one request holds. Counts bytes that have come, never those announced: a
/// client that announces much and sends little takes nothing from others.
class BodyShare {
 public:
  /// @param total of all requests; must outlive the share
  explicit BodyShare(std::atomic<std::int64_t>& total) : total_(total) {}
  ~BodyShare() { release(); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  /// @return false if all requests together then hold more than `limit`
  bool hold(std::size_t bytes, std::size_t limit) {
    const auto now = static_cast<std::int64_t>(bytes);
    const std::int64_t grown = now - held_;
    held_ = now;
    return total_.fetch_add(grown) + grown <= static_cast<std::int64_t>(limit);
  }
  void release() { total_.fetch_sub(held_), held_ = 0; }

 private:
  std::atomic<std::int64_t>& total_;
  std::int64_t held_ = 0;
};

}  // namespace marquee::http
