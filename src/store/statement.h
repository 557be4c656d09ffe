#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace marquee::store {

/// A prepared statement taken from a Connection, which keeps it for the next time. Used by one thread, and never longer
/// than its connection lives. Values are only ever bound, never pasted into SQL.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// Binds all parameters, runs the statement to its end and makes it ready to be run again.
  /// @error what step() gives
  template <typename... Values>
  base::Result<void> execute(const Values&... values) {
    bind(values...);
    return finish();
  }

  /// Binds ?1, ?2, … in order. Texts and blobs are copied. A failure to bind is reported by the next step().
  template <typename... Values>
  void bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
  }

  /// Goes on to the next row; false when there is none.
  /// @error kIo (disk full, read or write refused), kAlreadyExists (a unique value is there already),
  ///        kFailedPrecondition (a foreign key), kInvalidArgument (a check), kUnavailable (locked), kCorrupt
  base::Result<bool> step();

  // The current row's columns, from 0.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< text or blob bytes
  [[nodiscard]] bool is_null(int column) const;

  /// Rows that the last INSERT, UPDATE or DELETE of this connection changed.
  [[nodiscard]] std::int64_t changes() const;

 private:
  friend class Connection;
  Statement(sqlite3* database, sqlite3_stmt* statement, bool* in_use);
  base::Result<void> finish();
  void reset();
  void release();

  void bind_one(int index, std::int64_t value);
  void bind_one(int index, std::int32_t value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, double value);
  void bind_one(int index, std::string_view value);
  void bind_one(int index, const std::string& value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, const char* value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, std::span<const unsigned char> value);
  void bind_one(int index, std::nullopt_t);
  template <typename T>
  void bind_one(int index, const std::optional<T>& value) {
    value ? bind_one(index, *value) : bind_one(index, std::nullopt);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  bool* in_use_ = nullptr;  ///< the connection's mark of a kept statement; null for one of our own
  int bind_error_ = 0;
};

}  // namespace marquee::store
