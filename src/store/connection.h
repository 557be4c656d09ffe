#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/statement.h"

namespace marquee::store {

struct ConnectionOptions {
  bool read_only = false;
  std::int32_t busy_timeout_ms = 5'000;
  std::string vfs = {};  ///< an SQLite VFS by name (tests inject faults with one); empty for the system's
};

/// One SQLite connection with the settings this program relies on: WAL, synchronous=FULL, foreign keys, no checkpoint
/// but the ones asked for. Used by one thread at a time.
class Connection {
 public:
  /// @error kIo (cannot be opened or created), kCorrupt (not a database)
  static base::Result<std::unique_ptr<Connection>> open(const std::filesystem::path& path,
                                                        const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs SQL text of any number of statements without parameters.
  base::Result<void> execute(const std::string& sql);
  /// A statement for `sql`, prepared once per connection.
  base::Result<Statement> prepare(std::string_view sql);

  /// True outside of any transaction; SQLite itself rolls back on some failures.
  [[nodiscard]] bool in_autocommit() const;
  /// Pages in the write-ahead log after the last commit of this connection.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  /// Copies the write-ahead log into the database file; `truncate` also waits for readers and empties the log.
  base::Result<void> checkpoint(bool truncate);

 private:
  struct Kept {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };
  explicit Connection(sqlite3* database) : database_(database) {}
  base::Result<void> configure(const ConnectionOptions& options);

  sqlite3* database_;
  std::map<std::string, Kept, std::less<>> kept_;
  int wal_pages_ = 0;
};

/// The database's last error as a value; `doing` says what was tried.
base::Error sqlite_error(sqlite3* database, int code, std::string_view doing);

}  // namespace marquee::store
