#include "store/database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "store/faulty_vfs_test.h"

namespace marquee::store {
namespace {

using base::ErrorCode;
using base::Result;

constexpr std::array<Migration, 1> kOneTable = {
    {{1, "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT CHECK (length(text) < 100000))"}}};
constexpr std::array<Migration, 2> kTwoSteps = {{kOneTable[0], {2, "ALTER TABLE numbers ADD COLUMN more INTEGER"}}};
constexpr std::array<Migration, 2> kBrokenStep = {
    {kOneTable[0], {2, "CREATE TABLE half (n INTEGER); INSERT INTO nowhere VALUES (1)"}}};

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquee_store_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> open(DatabaseOptions options = {}) {
    if (options.migrations.data() == schema_migrations().data()) options.migrations = kOneTable;
    auto database = Database::open(path(), options);
    EXPECT_TRUE(database) << database.error().message;
    return database ? std::move(*database) : nullptr;
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "marquee.db"; }

  static Database::Write insert(std::int64_t n, std::string text = "") {
    return [n, text = std::move(text)](Connection& connection) -> Result<void> {
      MARQUEE_ASSIGN(auto statement, connection.prepare("INSERT INTO numbers (n, text) VALUES (?1, ?2)"));
      return statement.execute(n, text);
    };
  }
  static Result<std::int64_t> count(Database& database) {
    return database.read([](Connection& connection) -> Result<std::int64_t> {
      MARQUEE_ASSIGN(auto query, connection.prepare("SELECT count(*) FROM numbers"));
      MARQUEE_CHECK(query.step());
      return query.integer(0);
    });
  }

  std::filesystem::path folder_;
};

TEST_F(DatabaseTest, KeepsWhatWasWritten) {
  {
    auto database = open();
    ASSERT_TRUE(database->write_and_wait(insert(7, "seven")));
  }
  auto database = open();
  auto text = database->read([](Connection& connection) -> Result<std::string> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT text FROM numbers WHERE n=?1"));
    query.bind(std::int64_t{7});
    MARQUEE_CHECK(query.step());
    return query.text(0);
  });
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "seven");
}

TEST_F(DatabaseTest, WriterUsesWalFullSyncAndForeignKeys) {
  auto database = open();
  auto checked = database->write_and_wait([](Connection& connection) -> Result<void> {
    for (const auto& [pragma, wanted] : {std::pair{"PRAGMA journal_mode", "wal"}, std::pair{"PRAGMA synchronous", "2"},
                                         std::pair{"PRAGMA foreign_keys", "1"}}) {
      MARQUEE_ASSIGN(auto query, connection.prepare(pragma));
      MARQUEE_CHECK(query.step());
      EXPECT_EQ(query.text(0), wanted) << pragma;
    }
    return {};
  });
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_F(DatabaseTest, FailedWriteUndoesOnlyItself) {
  auto database = open();
  ASSERT_TRUE(database->write_and_wait(insert(1)));
  // The first write holds the writer until all are queued, so that they share one commit.
  std::promise<void> all_queued;
  std::vector<std::future<Result<void>>> results;
  auto queue = [&](Database::Write write) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    results.push_back(promise->get_future());
    database->write(std::move(write), [promise](Result<void> result) { promise->set_value(std::move(result)); });
  };
  queue([&](Connection&) -> Result<void> {
    all_queued.get_future().wait();
    return {};
  });
  queue(insert(2));
  queue([](Connection& connection) -> Result<void> {
    MARQUEE_CHECK(insert(3)(connection));
    return insert(1)(connection);  // there already, so 3 must go too
  });
  queue([](Connection&) -> Result<void> { throw std::runtime_error("thrown"); });
  queue(insert(4));
  all_queued.set_value();
  EXPECT_TRUE(results[0].get());
  EXPECT_TRUE(results[1].get());
  EXPECT_EQ(results[2].get().error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(results[3].get().error().code, ErrorCode::kInternal);
  EXPECT_TRUE(results[4].get());
  EXPECT_EQ(count(*database).value(), 3);
}

TEST_F(DatabaseTest, ManyThreadsWriteAndReadAndNothingIsLost) {
  constexpr int kThreads = 8;
  constexpr int kWrites = 200;
  auto database = open();
  std::atomic<int> acknowledged{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) {
        database->write(insert(t * kWrites + i), [&](const Result<void>& done) { acknowledged += done ? 1 : 0; });
        if (i % 50 != 0) continue;
        EXPECT_TRUE(count(*database));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(database->write_and_wait([](Connection&) { return Result<void>(); }));
  EXPECT_EQ(acknowledged, kThreads * kWrites);
  EXPECT_EQ(count(*database).value(), kThreads * kWrites);
}

TEST_F(DatabaseTest, ClosingFinishesQueuedWrites) {
  std::atomic<int> acknowledged{0};
  {
    auto database = open();
    for (int i = 0; i < 500; ++i) {
      database->write(insert(i), [&](const Result<void>& done) { acknowledged += done ? 1 : 0; });
    }
  }
  EXPECT_EQ(acknowledged, 500);
  EXPECT_EQ(count(*open()).value(), 500);
  EXPECT_FALSE(std::filesystem::exists(path().string() + "-wal")) << "the last close leaves one file";
}

TEST_F(DatabaseTest, FullQueueIsRefusedAtOnce) {
  DatabaseOptions options;
  options.max_queued_writes = 2;
  auto database = open(options);
  std::promise<void> started;
  std::promise<void> go_on;
  database->write(
      [&](Connection&) -> Result<void> {
        started.set_value();
        go_on.get_future().wait();
        return {};
      },
      [](const Result<void>&) {});
  started.get_future().wait();
  std::vector<ErrorCode> refused;
  std::atomic<int> done{0};
  for (int i = 0; i < 3; ++i) {
    database->write(insert(i), [&](const Result<void>& result) {
      if (!result) refused.push_back(result.error().code);
      ++done;
    });
  }
  EXPECT_EQ(refused, std::vector{ErrorCode::kResourceExhausted});
  go_on.set_value();
  database.reset();
  EXPECT_EQ(done, 3);
}

TEST_F(DatabaseTest, CheckpointsKeepTheLogShort) {
  DatabaseOptions options;
  options.checkpoint_pages = 10;
  auto database = open(options);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(database->write_and_wait(insert(i, std::string(5'000, 'x'))));
  EXPECT_LT(std::filesystem::file_size(path().string() + "-wal"), 200U * 4'096U);
  EXPECT_EQ(count(*database).value(), 300);
}

TEST_F(DatabaseTest, ReadersCannotWrite) {
  auto database = open();
  auto result = database->read([](Connection& connection) { return insert(1)(connection); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kIo);
}

TEST_F(DatabaseTest, StepsForwardAndRefusesANewerSchema) {
  DatabaseOptions two;
  two.migrations = kTwoSteps;
  {
    auto database = open();
    ASSERT_TRUE(database->write_and_wait(insert(1)));
  }
  {
    auto database = open(two);
    EXPECT_EQ(count(*database).value(), 1);
  }
  DatabaseOptions one;
  one.migrations = kOneTable;
  auto refused = Database::open(path(), one);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("schema version 2"), std::string::npos) << refused.error().message;
}

TEST_F(DatabaseTest, BrokenStepLeavesTheSchemaAsItWas) {
  { auto database = open(); }
  DatabaseOptions broken;
  broken.migrations = kBrokenStep;
  auto refused = Database::open(path(), broken);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("schema step 2"), std::string::npos) << refused.error().message;
  auto database = open();  // still at version 1
  auto half = database->read([](Connection& connection) -> Result<std::int64_t> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name='half'"));
    MARQUEE_CHECK(query.step());
    return query.integer(0);
  });
  EXPECT_EQ(half.value(), 0);
}

TEST_F(DatabaseTest, RefusesWhatIsNoDatabase) {
  std::ofstream(path()) << std::string(8'192, 'x');
  auto refused = Database::open(path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
}

TEST_F(DatabaseTest, TheProgramsOwnSchemaOpens) {
  ASSERT_TRUE(Database::open(path()));
  auto again = Database::open(path());
  ASSERT_TRUE(again);
  auto version = (*again)->read([](Connection& connection) { return schema_version(connection); });
  EXPECT_EQ(version.value(), schema_migrations().back().version);
}

TEST_F(DatabaseTest, FullDiskFailsWritesAndHealsWhenThereIsRoom) {
  FaultyVfs::install();
  DatabaseOptions options;
  options.vfs = FaultyVfs::kName;
  auto database = open(options);
  ASSERT_TRUE(database->write_and_wait(insert(1)));
  for (const int fault : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    FaultyVfs::fail_writes_with(fault);
    auto refused = database->write_and_wait(insert(2, std::string(50'000, 'x')));
    ASSERT_FALSE(refused) << fault;
    EXPECT_EQ(refused.error().code, ErrorCode::kIo) << refused.error().message;
    EXPECT_EQ(count(*database).value(), 1) << "reads go on, and the failed write left nothing";
    FaultyVfs::fail_writes_with(SQLITE_OK);
  }
  ASSERT_TRUE(database->write_and_wait(insert(2, std::string(50'000, 'x'))));
  EXPECT_EQ(count(*database).value(), 2);
  auto intact = database->read([](Connection& connection) -> Result<std::string> {
    MARQUEE_ASSIGN(auto query, connection.prepare("PRAGMA integrity_check"));
    MARQUEE_CHECK(query.step());
    return query.text(0);
  });
  EXPECT_EQ(intact.value(), "ok");
}

TEST_F(DatabaseTest, FailedCheckpointLosesNothing) {
  FaultyVfs::install();
  DatabaseOptions options;
  options.vfs = FaultyVfs::kName;
  options.checkpoint_pages = 1;
  {
    auto database = open(options);
    FaultyVfs::fail_database_writes_with(SQLITE_FULL);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(database->write_and_wait(insert(i, std::string(5'000, 'x'))));
    FaultyVfs::fail_database_writes_with(SQLITE_OK);
    ASSERT_TRUE(database->write_and_wait(insert(20)));
  }
  EXPECT_EQ(count(*open()).value(), 21);
}

TEST_F(DatabaseTest, StatementsBindEveryKindAndNest) {
  auto database = open();
  auto checked = database->write_and_wait([](Connection& connection) -> Result<void> {
    constexpr const char* kSql = "SELECT ?1, ?2, ?3, ?4, ?5";
    const std::array<unsigned char, 2> blob = {0, 255};
    MARQUEE_ASSIGN(auto outer, connection.prepare(kSql));
    outer.bind(std::int64_t{-5}, 0.5, std::string_view(), std::optional<std::string>(),
               std::span<const unsigned char>(blob));
    MARQUEE_CHECK(outer.step());
    MARQUEE_ASSIGN(auto inner, connection.prepare(kSql));  // the same text while the first one runs
    inner.bind(1, 2, 3, 4, 5);
    MARQUEE_CHECK(inner.step());
    EXPECT_EQ(inner.integer(4), 5);
    EXPECT_EQ(outer.integer(0), -5);
    EXPECT_EQ(outer.real(1), 0.5);
    EXPECT_FALSE(outer.is_null(2));
    EXPECT_TRUE(outer.is_null(3));
    EXPECT_EQ(outer.text(4), std::string("\0\xFF", 2));
    MARQUEE_ASSIGN(auto wrong, connection.prepare("SELECT ?1"));
    wrong.bind(1, 2);
    EXPECT_FALSE(wrong.step()) << "more values than parameters";
    EXPECT_FALSE(connection.prepare("SELEKT 1"));
    return {};
  });
  EXPECT_TRUE(checked) << checked.error().message;
}

}  // namespace
}  // namespace marquee::store
