#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "store/connection.h"

namespace marquee::store {

/// One step forward of the schema. Versions count 1, 2, 3, …; a published step is never edited.
struct Migration {
  std::int32_t version;
  const char* sql;
};

/// The schema of this program, oldest step first.
std::span<const Migration> schema_migrations();

/// The schema version of an open database; 0 for an empty one.
base::Result<std::int32_t> schema_version(Connection& connection);

/// Brings the schema to the last step, each step in a transaction of its own.
/// @error kFailedPrecondition if the database has a newer schema than the last step
base::Result<void> migrate(Connection& connection, std::span<const Migration> migrations);

}  // namespace marquee::store
