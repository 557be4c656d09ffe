// kill -9 at random moments of a process that writes usage: what was acknowledged is there, once, and the file is
// whole. MARQUEE_KILLS sets how many times (tests/faults runs it long).

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "platform/usage.h"

namespace marquee::platform {
namespace {

using base::Result;
using namespace std::chrono_literals;

constexpr std::size_t kIdBytes = 24;  // every request id, so that a pipe carries whole ones

std::string request_id(int round, int thread, int number) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "r%06d-t%02d-n%011d", round, thread, number);
  return {text.data(), kIdBytes};
}

/// The process that is killed: three threads record rows, and each acknowledged id goes into the pipe.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int round, int pipe) {
  auto database = store::Database::open(path);
  if (!database) ::_exit(1);
  UsageService usage(**database);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string id = request_id(round, t, i);
        usage.record({id, 1'700'000'000'000, "t", "key_" + std::to_string(t), "m", "/v1/completions", 200, 3, 2, 1},
                     [id, pipe](const Result<void>& done) {
                       if (done && ::write(pipe, id.data(), id.size()) != static_cast<ssize_t>(id.size())) ::_exit(1);
                     });
        if (i % 8 == 7) std::this_thread::sleep_for(1ms);
      }
    });
  }
  for (;;) ::pause();
}

/// Reads ids until the writer is gone, killing it after `lifetime`.
std::vector<std::string> acknowledged_until_kill(pid_t writer, int pipe, std::chrono::microseconds lifetime) {
  const auto end = std::chrono::steady_clock::now() + lifetime;
  std::string bytes;
  std::array<char, 65'536> buffer{};
  bool killed = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{pipe, POLLIN, 0};
    ::poll(&waiting, 1, killed ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (!killed && std::chrono::steady_clock::now() >= end) {
      ::kill(writer, SIGKILL);
      killed = true;
      continue;
    }
    if ((waiting.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t size = ::read(pipe, buffer.data(), buffer.size());
    if (size <= 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
  }
  std::vector<std::string> ids;
  for (std::size_t i = 0; i + kIdBytes <= bytes.size(); i += kIdBytes) ids.push_back(bytes.substr(i, kIdBytes));
  return ids;
}

std::vector<std::string> column(store::Database& database, const std::string& sql) {
  std::vector<std::string> values;
  auto read = database.read([&](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto query, connection.prepare(sql));
    for (;;) {
      MARQUEE_ASSIGN(const bool row, query.step());
      if (!row) return {};
      values.push_back(query.text(0));
    }
  });
  EXPECT_TRUE(read) << read.error().message;
  return values;
}

void check_round(const std::filesystem::path& path, int round, const std::vector<std::string>& acknowledged) {
  auto database = store::Database::open(path);
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(column(**database, "PRAGMA integrity_check"), std::vector<std::string>{"ok"});
  const std::string prefix = request_id(round, 0, 0).substr(0, 8);
  const auto stored = column(**database, "SELECT request_id FROM usage WHERE request_id >= '" + prefix +
                                             "' AND request_id < '" + prefix + "~'");
  const std::set<std::string> unique(stored.begin(), stored.end());
  EXPECT_EQ(unique.size(), stored.size()) << "a row is there twice";
  for (const std::string& id : acknowledged) EXPECT_TRUE(unique.contains(id)) << id << " was acknowledged and is lost";
  EXPECT_EQ(column(**database, "SELECT count(*) FROM usage"),
            column(**database, "SELECT ifnull(sum(requests), 0) FROM usage_daily"));
}

TEST(UsageKill, NoAcknowledgedRowIsLostOrDoubled) {
  const char* wanted = std::getenv("MARQUEE_KILLS");
  const int kills = wanted == nullptr ? 15 : std::atoi(wanted);
  std::string folder = (std::filesystem::temp_directory_path() / "marquee_kill_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::mt19937 random(20'261'124);
  std::uniform_int_distribution<int> lifetime_us(0, 60'000);
  std::size_t acknowledged_rows = 0;
  for (int round = 0; round < kills && !::testing::Test::HasFailure(); ++round) {
    // A new file now and then: checking a long one each time would take most of the time.
    const auto path = std::filesystem::path(folder) / ("marquee-" + std::to_string(round / 25) + ".db");
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t writer = ::fork();
    if (writer == 0) write_until_killed(path, round, pipe[1]);
    ::close(pipe[1]);
    const auto ids = acknowledged_until_kill(writer, pipe[0], std::chrono::microseconds(lifetime_us(random)));
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(writer, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer must not end by itself";
    acknowledged_rows += ids.size();
    check_round(path, round, ids);
  }
  std::filesystem::remove_all(folder);
  std::printf("%d kills, %zu acknowledged rows\n", kills, acknowledged_rows);
  EXPECT_GT(acknowledged_rows, 0U);
}

}  // namespace
}  // namespace marquee::platform
