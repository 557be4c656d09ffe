#include "train/whole_file.h"

#include <cmath>
#include <span>
#include <system_error>

#include "base/output_file.h"

namespace marquee::train {
namespace {

base::Result<void> write_and_rename(const std::filesystem::path& partial, const std::filesystem::path& path,
                                    std::string_view text) {
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(partial));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text))));
  MARQUEE_CHECK(file.finish());
  std::error_code error;
  std::filesystem::rename(partial, path, error);
  if (error) return base::io_error(path.string() + ": cannot take its name: " + error.message());
  return base::sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

}  // namespace

base::Result<void> write_whole_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path partial = path;
  partial += ".partial";
  auto written = write_and_rename(partial, path, text);
  std::error_code ignored;
  if (!written) std::filesystem::remove(partial, ignored);
  return written;
}

base::json::value finite_or_null(double value) {
  return std::isfinite(value) ? base::json::value(value) : base::json::value(nullptr);
}

}  // namespace marquee::train
