#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/output_file.h"
#include "base/result.h"
#include "train/trainer.h"

namespace marquee::train {

/// A training's reports in a file, one JSON object a line, as they come.
class CurveLog {
 public:
  /// Goes on with a file that is there: reports after `step` (of a training that broke off behind its last checkpoint)
  /// and a line that was cut are taken out. @param step 0 to begin anew
  /// @error kIo; kCorrupt naming the line
  static base::Result<CurveLog> open(const std::filesystem::path& path, std::int64_t step);

  /// @error kIo
  base::Result<void> append(const Report& report);

 private:
  explicit CurveLog(base::OutputFile file) : file_(std::move(file)) {}
  base::OutputFile file_;
};

/// A line of the file, without its end.
std::string curve_line(const Report& report);
/// The reports of a file; a last line that was cut is left out. @error kNotFound, kIo; kCorrupt naming the line
base::Result<std::vector<Report>> read_curve(const std::filesystem::path& path);

/// A page that shows the curves: self-contained HTML with inline SVG, without scripts.
std::string curve_page(std::string_view title, std::span<const Report> reports);

}  // namespace marquee::train
