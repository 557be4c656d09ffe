#include "store/connection.h"

#include <sqlite3.h>

#include <utility>

namespace marquee::store {
namespace {

base::ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return base::ErrorCode::kIo;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return base::ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return base::ErrorCode::kCorrupt;
    case SQLITE_TOOBIG: return base::ErrorCode::kTooLarge;
    case SQLITE_NOMEM: return base::ErrorCode::kResourceExhausted;
    default: break;
  }
  switch (sqlite_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return base::ErrorCode::kAlreadyExists;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return base::ErrorCode::kFailedPrecondition;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_NOTNULL: return base::ErrorCode::kInvalidArgument;
    default: return base::ErrorCode::kInternal;
  }
}

}  // namespace

base::Error sqlite_error(sqlite3* database, int code, std::string_view doing) {
  std::string message = "database: ";
  if ((code & 0xFF) == SQLITE_FULL) {
    message += "the disk is full; make room in the data folder";
  } else {
    message += database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  }
  message += " (" + std::string(sqlite3_errstr(code)) + ", code " + std::to_string(code) + ")";
  return {code_of(code), message + ", while " + std::string(doing)};
}

base::Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path,
                                                           const ConnectionOptions& options) {
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  std::unique_ptr<Connection> connection(new Connection(database));
  if (code != SQLITE_OK) return sqlite_error(database, code, "opening " + path.string());
  MARQUEE_CHECK(connection->configure(options));
  return connection;
}

base::Result<void> Connection::configure(const ConnectionOptions& options) {
  sqlite3_busy_timeout(database_, options.busy_timeout_ms);
  // Hostile or damaged schemas must not run functions, and numbers of a column have the type the schema says.
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  MARQUEE_CHECK(execute("PRAGMA foreign_keys=ON"));
  if (options.read_only) return execute("PRAGMA query_only=ON");

  MARQUEE_ASSIGN(auto journal, prepare("PRAGMA journal_mode=WAL"));
  MARQUEE_ASSIGN(const bool row, journal.step());
  if (!row || journal.text(0) != "wal") {
    return base::io_error("database: this file system cannot keep a write-ahead log (shared memory is needed)");
  }
  // Checkpoints are asked for, after the waiting writes were answered; see Database::write_loop.
  MARQUEE_CHECK(execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return {};
}

Connection::~Connection() {
  for (auto& [sql, kept] : kept_) sqlite3_finalize(kept.statement);
  sqlite3_close_v2(database_);
}

base::Result<void> Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_, code, sql.substr(0, 80));
  return {};
}

base::Result<Statement> Connection::prepare(std::string_view sql) {
  auto found = kept_.find(sql);
  if (found != kept_.end() && !found->second.in_use) {
    return Statement(database_, found->second.statement, &found->second.in_use);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_, code, sql.substr(0, 80));
  if (found != kept_.end()) return Statement(database_, statement, nullptr);  // the kept one is running
  found = kept_.emplace(std::string(sql), Kept{statement, false}).first;
  return Statement(database_, statement, &found->second.in_use);
}

bool Connection::in_autocommit() const { return sqlite3_get_autocommit(database_) != 0; }

base::Result<void> Connection::checkpoint(bool truncate) {
  int log_pages = 0;
  int copied_pages = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      database_, nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &log_pages, &copied_pages);
  if (code != SQLITE_OK) return sqlite_error(database_, code, "writing a checkpoint");
  // A log that is copied whole is begun anew by the next commit; one that a reader held back is tried again.
  wal_pages_ = log_pages - copied_pages;
  return {};
}

}  // namespace marquee::store
