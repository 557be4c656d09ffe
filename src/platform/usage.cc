#include "platform/usage.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

namespace marquee::platform {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kMaxTextBytes = 512;
constexpr std::int32_t kMaxSums = 100'000;

Result<void> validate_row(const UsageRow& row) {
  for (const std::string* text : {&row.request_id, &row.tenant, &row.key_id, &row.model, &row.route}) {
    if (text->size() > kMaxTextBytes) return base::invalid_argument("usage: a text is longer than 512 bytes");
  }
  if (row.request_id.empty()) return base::invalid_argument("usage: a request needs an id", "request_id");
  if (row.tokens_in < 0 || row.tokens_out < 0 || row.compute_us < 0) {
    return base::invalid_argument("usage: counts cannot be negative");
  }
  return {};
}

/// Whether the stored row of this request id is this very row.
Result<bool> is_stored(store::Connection& connection, const UsageRow& row) {
  MARQUEE_ASSIGN(auto query, connection.prepare("SELECT 1 FROM usage WHERE request_id=?1 AND time_unix_ms=?2 AND "
                                                "tenant=?3 AND key_id=?4 AND model=?5 AND route=?6 AND status=?7 AND "
                                                "tokens_in=?8 AND tokens_out=?9 AND compute_us=?10"));
  query.bind(row.request_id, row.time_unix_ms, row.tenant, row.key_id, row.model, row.route, row.status, row.tokens_in,
             row.tokens_out, row.compute_us);
  return query.step();
}

Result<void> insert_row(store::Connection& connection, const UsageRow& row) {
  MARQUEE_ASSIGN(auto insert, connection.prepare(
                                  "INSERT INTO usage (request_id, time_unix_ms, tenant, key_id, model, route, status, "
                                  "tokens_in, tokens_out, compute_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                                  "?10) ON CONFLICT (request_id) DO NOTHING"));
  MARQUEE_CHECK(insert.execute(row.request_id, row.time_unix_ms, row.tenant, row.key_id, row.model, row.route,
                               row.status, row.tokens_in, row.tokens_out, row.compute_us));
  if (insert.changes() == 0) {
    MARQUEE_ASSIGN(const bool same, is_stored(connection, row));
    if (same) return {};
    return Error{ErrorCode::kAlreadyExists, "usage: request '" + row.request_id + "' is closed already"};
  }
  MARQUEE_ASSIGN(auto sum,
                 connection.prepare("INSERT INTO usage_daily (day, tenant, key_id, model, requests, tokens_in, "
                                    "tokens_out, compute_us) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7) ON CONFLICT DO "
                                    "UPDATE SET requests=requests+1, tokens_in=tokens_in+excluded.tokens_in, "
                                    "tokens_out=tokens_out+excluded.tokens_out, "
                                    "compute_us=compute_us+excluded.compute_us"));
  return sum.execute(day_of(row.time_unix_ms), row.tenant, row.key_id, row.model, row.tokens_in, row.tokens_out,
                     row.compute_us);
}

Result<void> validate_day(const std::optional<std::string>& day, const char* field) {
  if (!day) return {};
  int year = 0;
  unsigned month = 0;
  unsigned date = 0;
  int end = 0;
  const bool shaped = day->size() == 10 && day->find_first_not_of("0123456789-") == std::string::npos &&
                      std::sscanf(day->c_str(), "%4d-%2u-%2u%n", &year, &month, &date, &end) == 3 && end == 10;
  const std::chrono::year_month_day parsed{std::chrono::year(year), std::chrono::month(month), std::chrono::day(date)};
  if (shaped && parsed.ok() && year >= 1970) return {};
  return base::invalid_argument(std::string(field) + " must be a day written YYYY-MM-DD", field);
}

/// The rows a filter and its caller let through, as parameters ?1 to ?5 of `kWhere`.
struct Selection {
  std::optional<std::string> tenant;
  std::optional<std::string> key_id;
  std::optional<std::string> model;
  std::string from_day;
  std::string to_day;
};
constexpr const char* kWhere =
    " FROM usage_daily WHERE (?1 IS NULL OR tenant=?1) AND (?2 IS NULL OR key_id=?2) AND (?3 IS NULL OR model=?3) AND "
    "day BETWEEN ?4 AND ?5";

/// Nothing if the caller may see nothing of what the filter asks for.
std::optional<Selection> select_for(const Principal& caller, const UsageFilter& filter) {
  Selection selection{filter.tenant, filter.key_id, filter.model, filter.from_day.value_or("0000-00-00"),
                      filter.to_day.value_or("9999-99-99")};
  if (caller.is_operator()) return selection;
  if (filter.tenant && *filter.tenant != caller.tenant) return std::nullopt;
  selection.tenant = caller.tenant;
  if (caller.has(Scope::kAdmin)) return selection;
  if (filter.key_id && *filter.key_id != caller.key_id) return std::nullopt;
  selection.key_id = caller.key_id;
  return selection;
}

Result<void> read_total(store::Connection& connection, const Selection& selection, UsageSum& total) {
  MARQUEE_ASSIGN(auto query, connection.prepare(std::string("SELECT sum(requests), sum(tokens_in), sum(tokens_out), "
                                                            "sum(compute_us)") +
                                                kWhere));
  query.bind(selection.tenant, selection.key_id, selection.model, selection.from_day, selection.to_day);
  MARQUEE_ASSIGN(const bool row, query.step());
  if (!row) return {};
  total.requests = query.integer(0);
  total.tokens_in = query.integer(1);
  total.tokens_out = query.integer(2);
  total.compute_us = query.integer(3);
  return {};
}

}  // namespace

std::string day_of(std::int64_t time_unix_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(time_unix_ms)};
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(time)};
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

void UsageService::record(UsageRow row, std::function<void(Result<void>)> done) {
  if (auto valid = validate_row(row); !valid) {
    done(std::move(valid));
    return;
  }
  database_.write([row = std::move(row)](store::Connection& connection) { return insert_row(connection, row); },
                  std::move(done));
}

Result<UsageReport> UsageService::report(const Principal& caller, const UsageFilter& filter) const {
  MARQUEE_CHECK(validate_day(filter.from_day, "from"));
  MARQUEE_CHECK(validate_day(filter.to_day, "to"));
  if (filter.limit < 1 || filter.limit > kMaxSums) {
    return base::invalid_argument("limit must be between 1 and 100000", "limit");
  }
  const auto selection = select_for(caller, filter);
  if (!selection) return UsageReport{};
  return database_.read([&](store::Connection& connection) -> Result<UsageReport> {
    UsageReport report;
    MARQUEE_CHECK(read_total(connection, *selection, report.total));
    MARQUEE_ASSIGN(auto query,
                   connection.prepare(std::string("SELECT day, tenant, key_id, model, requests, tokens_in, tokens_out, "
                                                  "compute_us") +
                                      kWhere + " ORDER BY day DESC, tenant, key_id, model LIMIT ?6"));
    query.bind(selection->tenant, selection->key_id, selection->model, selection->from_day, selection->to_day,
               static_cast<std::int64_t>(filter.limit) + 1);
    for (;;) {
      MARQUEE_ASSIGN(const bool row, query.step());
      if (!row) return report;
      if (report.sums.size() == static_cast<std::size_t>(filter.limit)) {
        report.truncated = true;
        return report;
      }
      report.sums.push_back({query.text(0), query.text(1), query.text(2), query.text(3), query.integer(4),
                             query.integer(5), query.integer(6), query.integer(7)});
    }
  });
}

}  // namespace marquee::platform
