#include "store/database.h"

#include <algorithm>
#include <exception>
#include <future>

#include "base/log.h"

namespace marquee::store {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

/// Runs one write within the group's transaction, so that its failure undoes only itself. `group` becomes the error
/// when the whole transaction is lost with it.
Result<void> run_in_savepoint(Connection& connection, const Database::Write& write, Result<void>& group) {
  group = connection.execute("SAVEPOINT one");
  if (!group) return group;
  Result<void> result;
  try {
    result = write(connection);
  } catch (const std::exception& exception) {
    result = Error{ErrorCode::kInternal, std::string("a database write threw: ") + exception.what()};
  }
  if (connection.in_autocommit()) {  // SQLite gave the whole transaction up (disk full, I/O error)
    group = result ? Error{ErrorCode::kIo, "database: the transaction was rolled back"} : result;
    return group;
  }
  if (!result) group = connection.execute("ROLLBACK TO one");
  if (group) group = connection.execute("RELEASE one");
  return result;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path, const DatabaseOptions& options) {
  ConnectionOptions connection_options;
  connection_options.vfs = options.vfs;
  MARQUEE_ASSIGN(auto writer, Connection::open(path, connection_options));
  MARQUEE_CHECK(migrate(*writer, options.migrations));
  std::unique_ptr<Database> database(new Database(path, options, std::move(writer)));
  database->thread_ = std::thread([self = database.get()] { self->write_loop(); });
  return database;
}

Database::Database(std::filesystem::path path, const DatabaseOptions& options, std::unique_ptr<Connection> writer)
    : path_(std::move(path)), options_(options), writer_(std::move(writer)) {}

Database::~Database() {
  {
    const std::scoped_lock lock(queue_mutex_);
    stopping_ = true;
  }
  queue_changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  readers_.clear();  // before the writer: the last connection to close is the one that may checkpoint
  if (auto done = writer_->checkpoint(true); !done) spdlog::warn("closing: {}", done.error().message);
}

void Database::write(Write write, Done done) {
  {
    const std::scoped_lock lock(queue_mutex_);
    if (queue_.size() < options_.max_queued_writes) {
      queue_.push_back({std::move(write), std::move(done)});
      queue_changed_.notify_one();
      return;
    }
  }
  done(Error{ErrorCode::kResourceExhausted,
             "database: " + std::to_string(options_.max_queued_writes) + " writes are waiting; try again"});
}

Result<void> Database::write_and_wait(Write write) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  this->write(std::move(write), [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return future.get();
}

void Database::write_loop() {
  std::vector<Queued> group;
  for (;;) {
    {
      std::unique_lock lock(queue_mutex_);
      queue_changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const std::size_t size = std::min(queue_.size(), options_.max_group);
      std::move(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size), std::back_inserter(group));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    commit_group(group);
    group.clear();
    if (writer_->wal_pages() >= options_.checkpoint_pages)
      report("checkpoint", writer_->checkpoint(false), checkpoint_);
  }
}

void Database::report(const char* what, const Result<void>& result, Trouble& trouble) {
  // A full disk fails every commit: say so once, and once when it is over.
  if (!result && trouble.failures++ == 0) spdlog::error("database: a {} failed: {}", what, result.error().message);
  if (result && trouble.failures > 0) {
    spdlog::warn("database: a {} succeeded again after {} failures", what, trouble.failures);
    trouble.failures = 0;
  }
}

void Database::commit_group(std::vector<Queued>& group) {
  std::vector<Result<void>> results;
  results.reserve(group.size());
  Result<void> whole = writer_->execute("BEGIN IMMEDIATE");
  for (const Queued& queued : group) {
    if (!whole) break;
    results.push_back(run_in_savepoint(*writer_, queued.write, whole));
  }
  if (whole) whole = writer_->execute("COMMIT");
  if (!whole) {
    if (!writer_->in_autocommit()) (void)writer_->execute("ROLLBACK");
  }
  report("commit", whole, commit_);
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].done(whole ? std::move(results[i]) : whole);
  }
}

Result<std::unique_ptr<Connection>> Database::begin_read() {
  std::unique_ptr<Connection> connection;
  {
    const std::scoped_lock lock(readers_mutex_);
    if (!readers_.empty()) {
      connection = std::move(readers_.back());
      readers_.pop_back();
    }
  }
  if (!connection) {
    ConnectionOptions options;
    options.read_only = true;
    options.vfs = options_.vfs;
    MARQUEE_ASSIGN(connection, Connection::open(path_, options));
  }
  MARQUEE_CHECK(connection->execute("BEGIN"));
  return connection;
}

void Database::end_read(std::unique_ptr<Connection> connection) {
  if (auto done = connection->execute("COMMIT"); !done) return;  // drop a connection that is in trouble
  const std::scoped_lock lock(readers_mutex_);
  if (readers_.size() < options_.max_kept_readers) readers_.push_back(std::move(connection));
}

}  // namespace marquee::store
