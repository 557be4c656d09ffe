#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "serving/pull.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {

struct DownloadRequest {
  std::string url;                              ///< http or https
  std::string bearer_token;                     ///< sent to the url's own host only; may be empty
  std::filesystem::path destination;            ///< what is there is gone on with
  std::string shown_name;                       ///< for progress and errors
  std::optional<std::uint64_t> expected_bytes;  ///< of the whole file, if known
  bool hash_known = false;  ///< the content will be verified, so a server without ETags may be resumed
};

/// Downloads a file over http or https, going on where an earlier call stopped. Follows at most 5 redirects, never from
/// https to http. `destination` is whole when it returns without an error; after one, it keeps what came so far.
/// @error kNotFound (404, 410), kPermissionDenied (401, 403), kIo (network, disk), kTooLarge, kCorrupt (another size
///        than expected), kCancelled
base::Result<void> download(const DownloadRequest& request, const PullOptions& options, PullMonitor& monitor);

/// The body of a small document. @error as download(); kTooLarge past `max_bytes`
base::Result<std::string> fetch_text(const std::string& url, const std::string& bearer_token, std::size_t max_bytes,
                                     const PullOptions& options, PullMonitor& monitor);

/// A path's segments escaped for a URL, '/' kept.
std::string escape_url_path(std::string_view path);

}  // namespace marquee::serving
