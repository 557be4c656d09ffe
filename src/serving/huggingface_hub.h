#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/pull.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {

/// hf:owner/name[@revision][/path/to/file.gguf]
struct HubReference {
  std::string repository;         ///< "owner/name"
  std::string revision = "main";  ///< a branch, tag or commit
  std::string path;               ///< of one file, or empty for the whole model
};

/// @error kInvalidArgument
base::Result<HubReference> parse_hub_reference(std::string_view text);

struct HubFile {
  std::string path;
  std::optional<std::uint64_t> bytes;
  std::string sha256;  ///< as the hub states it for large files; empty for small ones
};

struct HubModel {
  std::string commit;          ///< what the revision meant when asked
  std::string licence;         ///< SPDX-like tag, or empty
  std::vector<HubFile> files;  ///< those to download: one GGUF file, or a folder's
};

/// Asks the hub which files a reference means.
/// @error kNotFound if it or a fitting file is not there; kUnsupported for pickled weights only; kInvalidArgument when
///        several GGUF files are there, listing them; else as fetch_text()
base::Result<HubModel> resolve_hub_model(const HubReference& reference, const PullOptions& options,
                                         PullMonitor& monitor);

/// The address of a repository's file at a commit.
std::string hub_file_url(const PullOptions& options, std::string_view repository, std::string_view commit,
                         std::string_view path);

}  // namespace marquee::serving
