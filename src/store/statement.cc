#include "store/statement.h"

#include <sqlite3.h>

#include <utility>

#include "store/connection.h"

namespace marquee::store {

Statement::Statement(sqlite3* database, sqlite3_stmt* statement, bool* in_use)
    : database_(database), statement_(statement), in_use_(in_use) {
  if (in_use_ != nullptr) *in_use_ = true;
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(std::exchange(other.in_use_, nullptr)),
      bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    release();
    database_ = other.database_;
    statement_ = std::exchange(other.statement_, nullptr);
    in_use_ = std::exchange(other.in_use_, nullptr);
    bind_error_ = other.bind_error_;
  }
  return *this;
}

Statement::~Statement() { release(); }

void Statement::release() {
  if (statement_ == nullptr) return;
  if (in_use_ != nullptr) {
    reset();
    sqlite3_clear_bindings(statement_);
    *in_use_ = false;
  } else {
    sqlite3_finalize(statement_);
  }
  statement_ = nullptr;
}

void Statement::reset() {
  sqlite3_reset(statement_);
  bind_error_ = SQLITE_OK;
}

base::Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) return sqlite_error(database_, bind_error_, "binding a value");
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(database_, code, sqlite3_sql(statement_));
}

base::Result<void> Statement::finish() {
  for (;;) {
    auto row = step();
    if (row && *row) continue;
    sqlite3_reset(statement_);
    if (!row) return std::move(row).error();
    return {};
  }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::changes() const { return sqlite3_changes64(database_); }

void Statement::bind_one(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, index, value); code != SQLITE_OK) bind_error_ = code;
}

void Statement::bind_one(int index, double value) {
  if (const int code = sqlite3_bind_double(statement_, index, value); code != SQLITE_OK) bind_error_ = code;
}

void Statement::bind_one(int index, std::string_view value) {
  // A null pointer would bind NULL, so an empty view needs an address.
  const char* data = value.empty() ? "" : value.data();
  const int code = sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
}

void Statement::bind_one(int index, std::span<const unsigned char> value) {
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  const int code = sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
}

void Statement::bind_one(int index, std::nullopt_t) {
  if (const int code = sqlite3_bind_null(statement_, index); code != SQLITE_OK) bind_error_ = code;
}

}  // namespace marquee::store
