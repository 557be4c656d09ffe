#include "platform/usage.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "platform/open_store_test.h"

namespace marquee::platform {
namespace {

using base::ErrorCode;
using base::Result;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNoon = 20'000 * kDayMs + kDayMs / 2;  // 2024-10-04

UsageRow row(const std::string& request, const std::string& tenant, const std::string& key, const std::string& model,
             std::int64_t time_unix_ms = kNoon) {
  return {request, time_unix_ms, tenant, key, model, "/v1/chat/completions", 200, 10, 5, 1'000};
}

class UsageTest : public OpenStoreTest {
 protected:
  Result<void> record(const UsageRow& row) {
    std::promise<Result<void>> promise;
    usage().record(row, [&](Result<void> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  UsageReport report(const Principal& caller, const UsageFilter& filter = {}) {
    auto report = usage().report(caller, filter);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : UsageReport{};
  }
  UsageService usage() { return UsageService(*database_); }
};

TEST_F(UsageTest, SumsByDayKeyAndModel) {
  ASSERT_TRUE(record(row("r1", "a", "key_1", "small")));
  ASSERT_TRUE(record(row("r2", "a", "key_1", "small", kNoon + 1'000)));
  ASSERT_TRUE(record(row("r3", "a", "key_1", "large")));
  ASSERT_TRUE(record(row("r4", "a", "key_2", "small", kNoon + kDayMs)));
  const UsageReport all = report(local_operator());
  ASSERT_EQ(all.sums.size(), 3U);
  EXPECT_EQ(all.sums[0].day, "2024-10-05");
  EXPECT_EQ(all.sums[0].key_id, "key_2");
  EXPECT_EQ(all.sums[1].model, "large");
  EXPECT_EQ(all.sums[2].model, "small");
  EXPECT_EQ(all.sums[2].requests, 2);
  EXPECT_EQ(all.sums[2].tokens_in, 20);
  EXPECT_EQ(all.sums[2].tokens_out, 10);
  EXPECT_EQ(all.sums[2].compute_us, 2'000);
  EXPECT_EQ(all.total.requests, 4);
  EXPECT_FALSE(all.truncated);
}

TEST_F(UsageTest, TheSameRowCountsOnceAndAnotherOneIsRefused) {
  ASSERT_TRUE(record(row("r1", "a", "key_1", "small")));
  EXPECT_TRUE(record(row("r1", "a", "key_1", "small"))) << "a retry is no error";
  auto other = record(row("r1", "b", "key_9", "small"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(report(local_operator()).total.requests, 1);
}

TEST_F(UsageTest, EveryoneSeesOnlyTheirOwn) {
  ASSERT_TRUE(record(row("r1", "a", "key_1", "m")));
  ASSERT_TRUE(record(row("r2", "a", "key_2", "m")));
  ASSERT_TRUE(record(row("r3", "b", "key_3", "m")));
  const auto infer = static_cast<std::uint8_t>(Scope::kInfer);
  const auto admin = static_cast<std::uint8_t>(Scope::kAdmin);
  EXPECT_EQ(report({"default", "key_0", admin}).total.requests, 3);
  EXPECT_EQ(report({"default", "key_0", infer}).total.requests, 0) << "a key of the default tenant is not an operator";
  EXPECT_EQ(report({"a", "key_2", admin}).total.requests, 2);
  EXPECT_EQ(report({"a", "key_2", infer}).total.requests, 1);
  EXPECT_EQ(report({"a", "key_2", infer}).sums.at(0).key_id, "key_2");

  UsageFilter foreign_tenant;
  foreign_tenant.tenant = "b";
  EXPECT_TRUE(report({"a", "key_2", admin}, foreign_tenant).sums.empty());
  EXPECT_EQ(report(local_operator(), foreign_tenant).total.requests, 1);
  UsageFilter foreign_key;
  foreign_key.key_id = "key_1";
  EXPECT_TRUE(report({"a", "key_2", infer}, foreign_key).sums.empty());
  EXPECT_EQ(report({"a", "key_2", admin}, foreign_key).total.requests, 1);
}

TEST_F(UsageTest, FiltersByDayKeyAndModelAndLimits) {
  for (int day = 0; day < 5; ++day) {
    for (const char* model : {"m1", "m2"}) {
      ASSERT_TRUE(record(row(std::to_string(day) + model, "a", "key_1", model, kNoon + day * kDayMs)));
    }
  }
  UsageFilter filter;
  filter.from_day = "2024-10-05";
  filter.to_day = "2024-10-07";
  EXPECT_EQ(report(local_operator(), filter).total.requests, 6);
  filter.model = "m2";
  EXPECT_EQ(report(local_operator(), filter).sums.size(), 3U);
  filter.limit = 2;
  const UsageReport cut = report(local_operator(), filter);
  EXPECT_EQ(cut.sums.size(), 2U);
  EXPECT_TRUE(cut.truncated);
  EXPECT_EQ(cut.total.requests, 3) << "the total is over everything";
  filter.limit = 3;
  EXPECT_FALSE(report(local_operator(), filter).truncated);
}

TEST_F(UsageTest, BadFiltersAreNamed) {
  for (const char* day : {"2024-1-05", "2024-13-01", "2023-02-29", "yesterday", "", "2024-10-05x", "+024-10-05",
                          "2024 10 05", "1969-12-31"}) {
    UsageFilter filter;
    filter.to_day = day;
    auto refused = usage().report(local_operator(), filter);
    ASSERT_FALSE(refused) << day;
    EXPECT_EQ(refused.error().field, "to");
  }
  for (const int limit : {0, -1, 100'001}) {
    UsageFilter filter;
    filter.limit = limit;
    EXPECT_EQ(usage().report(local_operator(), filter).error().field, "limit");
  }
}

TEST_F(UsageTest, BadRowsAreRefused) {
  UsageRow negative = row("r", "a", "k", "m");
  negative.tokens_in = -1;
  EXPECT_EQ(record(negative).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(record(row("", "a", "k", "m")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(record(row("r", "a", "k", std::string(513, 'm'))).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(report(local_operator()).total.requests, 0);
}

TEST_F(UsageTest, RollupsEqualTheRowsUnderConcurrency) {
  constexpr int kThreads = 4;
  constexpr int kRows = 250;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      UsageService service(*database_);
      for (int i = 0; i < kRows; ++i) {
        const std::string number = std::to_string(i);
        // Every second row is sent by two threads at once, as a retry would.
        service.record(row((i % 2 == 0 ? "shared" : std::to_string(t) + "-") + number, "a",
                           "key_" + number.substr(0, 1), "m", kNoon + i * kDayMs),
                       [](const Result<void>& done) { EXPECT_TRUE(done); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(database_->write_and_wait([](store::Connection&) { return Result<void>(); }));
  auto rows = database_->read([](store::Connection& connection) -> Result<std::int64_t> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT count(*) FROM usage"));
    MARQUEE_CHECK(query.step());
    return query.integer(0);
  });
  EXPECT_EQ(rows.value(), kRows / 2 + kThreads * kRows / 2);
  EXPECT_EQ(report(local_operator()).total.requests, rows.value());
}

TEST(DayOf, CountsInUtc) {
  EXPECT_EQ(day_of(0), "1970-01-01");
  EXPECT_EQ(day_of(kDayMs - 1), "1970-01-01");
  EXPECT_EQ(day_of(kDayMs), "1970-01-02");
  EXPECT_EQ(day_of(1'709'164'800'000), "2024-02-29");
}

}  // namespace
}  // namespace marquee::platform
