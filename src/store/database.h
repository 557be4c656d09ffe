#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/connection.h"
#include "store/migrations.h"

namespace marquee::store {

struct DatabaseOptions {
  std::size_t max_queued_writes = 65'536;
  std::size_t max_group = 1'024;          ///< most writes in one commit
  std::size_t max_kept_readers = 4;       ///< idle read connections kept open
  std::int32_t checkpoint_pages = 1'000;  ///< write-ahead log size that starts a checkpoint
  std::span<const Migration> migrations = schema_migrations();
  std::string vfs = {};  ///< see ConnectionOptions::vfs
};

/// The program's database. One thread owns the only connection that writes and checkpoints; writes that wait at the
/// same time share one commit. Reads run on the caller's thread on read-only connections and see what is committed.
/// Safe to use from many threads. Hold the data folder's lock (store/data_folder.h) while one is open.
class Database {
 public:
  /// Part of a commit: runs on the writer's thread, within a transaction; an error undoes what it alone did.
  using Write = std::function<base::Result<void>(Connection&)>;
  /// Called once, on the writer's thread, when the write is on disk or has failed. Must return soon and not throw.
  using Done = std::function<void(base::Result<void>)>;

  /// Opens or creates the database and brings its schema forward.
  /// @error kIo, kCorrupt; kFailedPrecondition if its schema is newer than this program's
  static base::Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                      const DatabaseOptions& options = {});
  /// Finishes the queued writes.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Queues a write. When the queue is full `done` gets kResourceExhausted at once, on the caller's thread.
  /// A failed write has left nothing behind and may be tried again: the writer goes on when there is room on disk
  /// again.
  void write(Write write, Done done);
  /// Queues a write and waits until it is durable. Not from the writer's thread.
  base::Result<void> write_and_wait(Write write);

  /// Calls `query(connection)`, which returns a Result, within one read transaction.
  template <typename Query>
  auto read(Query&& query) -> std::invoke_result_t<Query, Connection&> {
    MARQUEE_ASSIGN(auto connection, begin_read());
    auto result = std::forward<Query>(query)(*connection);
    end_read(std::move(connection));
    return result;
  }

 private:
  struct Queued {
    Write write;
    Done done;
  };
  struct Trouble {
    std::int64_t failures = 0;  ///< in a row
  };
  Database(std::filesystem::path path, const DatabaseOptions& options, std::unique_ptr<Connection> writer);
  void write_loop();
  void commit_group(std::vector<Queued>& group);
  static void report(const char* what, const base::Result<void>& result, Trouble& trouble);
  base::Result<std::unique_ptr<Connection>> begin_read();
  void end_read(std::unique_ptr<Connection> connection);

  const std::filesystem::path path_;
  const DatabaseOptions options_;
  // The writer thread's alone once it runs.
  std::unique_ptr<Connection> writer_;
  Trouble commit_;
  Trouble checkpoint_;

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::deque<Queued> queue_;
  bool stopping_ = false;

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_;

  std::thread thread_;
};

}  // namespace marquee::store
