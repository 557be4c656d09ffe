#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/keys.h"
#include "store/database.h"

namespace marquee::platform {

/// What one request used; writing it closes the request.
struct UsageRow {
  std::string request_id;  ///< unique over all time
  std::int64_t time_unix_ms = 0;
  std::string tenant;
  std::string key_id;
  std::string model;
  std::string route;        ///< "/v1/chat/completions"
  std::int32_t status = 0;  ///< as HTTP numbers them: 200, 499 for a client that left, …
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::int64_t compute_us = 0;
};

/// Days are UTC, written YYYY-MM-DD.
struct UsageFilter {
  std::optional<std::string> tenant = {};
  std::optional<std::string> key_id = {};
  std::optional<std::string> model = {};
  std::optional<std::string> from_day = {};  ///< first day wanted
  std::optional<std::string> to_day = {};    ///< last day wanted
  std::int32_t limit = 1'000;                ///< 1..100,000 sums
};

/// What one key used of one model on one day.
struct UsageSum {
  std::string day;
  std::string tenant;
  std::string key_id;
  std::string model;
  std::int64_t requests = 0;
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::int64_t compute_us = 0;
};

struct UsageReport {
  std::vector<UsageSum> sums;  ///< newest day first, then by tenant, key and model
  UsageSum total;              ///< over all that the filter lets through, also what `limit` cut off
  bool truncated = false;      ///< `limit` cut something off
};

/// The bill. Safe to use from many threads.
class UsageService {
 public:
  explicit UsageService(store::Database& database) : database_(database) {}

  /// Queues the row; `done` is called once, when it is on disk or has failed (normally on the database's writer thread:
  /// hand it to an executor). Recording the same row again is no error and counts once.
  /// @error to done: kInvalidArgument (a negative count, an empty id); kAlreadyExists if another row has this request
  /// id;
  ///        kResourceExhausted (too many writes waiting); kIo (disk full, …)
  void record(UsageRow row, std::function<void(base::Result<void>)> done);

  /// Sums by day, key and model (blocking). An operator sees every tenant, an admin the tenant's keys, others their own
  /// key; a filter for what the caller may not see gives nothing.
  /// @error kInvalidArgument with `field` named (from, to, limit)
  [[nodiscard]] base::Result<UsageReport> report(const Principal& caller, const UsageFilter& filter) const;

 private:
  store::Database& database_;
};

/// The UTC day of a time. @example day_of(0) == "1970-01-01"
std::string day_of(std::int64_t time_unix_ms);

}  // namespace marquee::platform
