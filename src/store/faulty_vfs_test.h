#pragma once
// An SQLite VFS that behaves like the system's until it is told to fail: a full disk or a failing one, without root.

#include <sqlite3.h>

namespace marquee::store {

struct FaultyVfs {
  static constexpr const char* kName = "marquee_faulty";
  /// Registers it, once.
  static void install();
  /// From now on every write or sync of any file gives this SQLite code (SQLITE_OK: behaves again).
  static void fail_writes_with(int code);
  /// As above, but only for the database file itself, which is what checkpoints write.
  static void fail_database_writes_with(int code);
};

}  // namespace marquee::store
