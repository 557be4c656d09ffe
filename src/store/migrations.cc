#include "store/migrations.h"

#include <array>
#include <string>

namespace marquee::store {
namespace {

// STRICT tables: a column holds the type it says.
constexpr std::array<Migration, 2> kSchema = {{
    {1, R"sql(
      CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE tenants (
        name TEXT PRIMARY KEY,
        created_unix_s INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keys (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL REFERENCES tenants(name),
        scopes INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 3),
        name TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
        created_unix_s INTEGER NOT NULL,
        revoked_unix_s INTEGER NOT NULL DEFAULT 0
      ) STRICT;

      -- One row closes one request. No reference to keys: a bill outlives what it was made with.
      CREATE TABLE usage (
        sequence INTEGER PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        time_unix_ms INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        key_id TEXT NOT NULL,
        model TEXT NOT NULL,
        route TEXT NOT NULL,
        status INTEGER NOT NULL,
        tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
        tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
        compute_us INTEGER NOT NULL CHECK (compute_us >= 0)
      ) STRICT;

      -- Sums of usage, kept in the same transaction as its rows so that a report reads days, not requests.
      CREATE TABLE usage_daily (
        day TEXT NOT NULL,
        tenant TEXT NOT NULL,
        key_id TEXT NOT NULL,
        model TEXT NOT NULL,
        requests INTEGER NOT NULL,
        tokens_in INTEGER NOT NULL,
        tokens_out INTEGER NOT NULL,
        compute_us INTEGER NOT NULL,
        PRIMARY KEY (day, tenant, key_id, model)
      ) STRICT, WITHOUT ROWID;
    )sql"},
    {2, R"sql(
      -- What tenants have sent; the bytes are in the data folder, in a file of this id. A sequence is never used again, so
      -- that pages of a list stay apart.
      CREATE TABLE files (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        purpose TEXT NOT NULL,
        filename TEXT NOT NULL,
        format TEXT NOT NULL,
        bytes INTEGER NOT NULL CHECK (bytes >= 0),
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        created_unix_s INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX files_of_tenant ON files (tenant, sequence);
    )sql"},
}};

}  // namespace

std::span<const Migration> schema_migrations() { return kSchema; }

base::Result<std::int32_t> schema_version(Connection& connection) {
  MARQUEE_ASSIGN(auto statement, connection.prepare("PRAGMA user_version"));
  MARQUEE_ASSIGN(const bool row, statement.step());
  return row ? static_cast<std::int32_t>(statement.integer(0)) : 0;
}

base::Result<void> migrate(Connection& connection, std::span<const Migration> migrations) {
  MARQUEE_ASSIGN(const std::int32_t version, schema_version(connection));
  const std::int32_t newest = migrations.empty() ? 0 : migrations.back().version;
  if (version > newest) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       "the database has schema version " + std::to_string(version) + ", but this program knows only " +
                           std::to_string(newest) + "; use the newer marquee that wrote it"};
  }
  for (const Migration& step : migrations) {
    if (step.version <= version) continue;
    // user_version is part of the transaction, so a step is done wholly or not at all.
    const std::string sql =
        std::string("BEGIN IMMEDIATE;") + step.sql + ";PRAGMA user_version=" + std::to_string(step.version) + ";COMMIT";
    if (auto done = connection.execute(sql); !done) {
      if (!connection.in_autocommit()) (void)connection.execute("ROLLBACK");
      done.error().message = "schema step " + std::to_string(step.version) + ": " + done.error().message;
      return done;
    }
  }
  return {};
}

}  // namespace marquee::store
