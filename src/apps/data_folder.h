#pragma once
// The data folder opened for writing: its lock, the database and what stands on it.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "platform/keys.h"
#include "platform/usage.h"
#include "store/data_folder.h"
#include "store/database.h"

namespace marquee::apps {

/// Everything a process that holds the folder may write. Members are destroyed in reverse: the lock last.
struct DataFolder {
  std::filesystem::path path;
  std::optional<store::DataFolderLock> lock;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<platform::KeyService> keys;
  std::unique_ptr<platform::UsageService> usage;

  /// @return nothing if another process holds the folder
  /// @error kIo, kCorrupt, kFailedPrecondition
  static base::Result<std::optional<DataFolder>> try_open(const std::filesystem::path& path);
};

/// What a running server leaves in `server.json` for the command line on the same machine.
struct ServerNote {
  std::string url;  ///< "http://127.0.0.1:8080", as this machine reaches it
  int pid = 0;
  std::string key_pin = {};  ///< with TLS: "sha256//…" of the server's public key
};

base::Result<void> write_server_note(const std::filesystem::path& data, const ServerNote& note);
void remove_server_note(const std::filesystem::path& data);
/// @error kUnavailable if there is none or it cannot be read: the folder's holder is no server, or not yet
base::Result<ServerNote> read_server_note(const std::filesystem::path& data);

}  // namespace marquee::apps
