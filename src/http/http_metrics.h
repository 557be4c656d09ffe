#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace marquee::http {

/// What /metrics says of the server itself. What is computed is counted by serving/metrics.h.
class HttpMetrics {
 public:
  /// @param route the route's pattern, never the path as sent: the number of names must stay small
  void count_request(std::string_view method, std::string_view route, int status, std::chrono::nanoseconds duration);
  void connection_opened() { connections_.fetch_add(1, std::memory_order_relaxed); }
  void connection_closed() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  void connection_refused() { refused_connections_.fetch_add(1, std::memory_order_relaxed); }
  void bytes_sent(std::size_t bytes) { sent_bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  /// Prometheus text exposition format, version 0.0.4.
  [[nodiscard]] std::string exposition() const;

 private:
  static constexpr std::array<double, 10> kBucketSeconds{0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 60, 300};
  struct Counts {
    std::array<std::uint64_t, kBucketSeconds.size() + 1> buckets{};
    double seconds = 0;
    std::uint64_t requests = 0;
  };
  struct Key {
    std::string method;
    std::string route;
    int status;
    auto operator<=>(const Key&) const = default;
  };

  mutable std::mutex mutex_;
  std::map<Key, Counts> counts_;
  std::atomic<std::int64_t> connections_{0};
  std::atomic<std::uint64_t> refused_connections_{0};
  std::atomic<std::uint64_t> sent_bytes_{0};
};

}  // namespace marquee::http
