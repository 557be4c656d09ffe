#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {

struct MemberRequest {
  std::filesystem::path archive;
  std::string member;                 ///< its exact path in the zip file
  std::uint64_t bytes = 0;            ///< the size it must have; nothing past it is ever written
  std::filesystem::path destination;  ///< chosen by the caller: names in the archive never become paths
};

/// Takes one file out of a zip file. @return its SHA-256
/// @error kCorrupt for an archive or a member that is not as declared; kIo (disk full); kCancelled
base::Result<std::string> extract_member(const MemberRequest& request, PullMonitor& monitor);

}  // namespace marquee::serving
