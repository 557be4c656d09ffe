#pragma once
// What kind of file an uploaded one is, by its name and a short look at its bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::platform {

enum class FileFormat : std::uint8_t { kJsonl, kCsv, kParquet, kText };

/// "jsonl", "csv", "parquet", "text".
std::string_view to_string(FileFormat format);
std::optional<FileFormat> parse_file_format(std::string_view name);

/// What a file's name says it is: .jsonl .ndjson, .csv .tsv, .parquet, .txt, in any case.
std::optional<FileFormat> format_of_name(std::string_view filename);

/// Looks at a file while it passes. Shallow on purpose: whoever uses the file checks its rows.
class FormatCheck {
 public:
  /// @param filename decides between kinds of text; the bytes between text and Parquet
  explicit FormatCheck(std::string_view filename) : named_(format_of_name(filename)) {}

  /// @error kInvalidArgument, field "file": not what the name says; compressed, UTF-16 or binary where text is expected
  base::Result<void> update(std::string_view bytes);
  /// After the last byte. @error as update(); also for an empty file and a Parquet file that is cut off
  base::Result<FileFormat> finish();

 private:
  base::Result<void> look(bool whole);

  static constexpr std::size_t kHeadBytes = 4 * 1024;
  std::optional<FileFormat> named_;
  std::optional<FileFormat> found_;
  std::string head_;
  std::string tail_;  ///< the last four bytes
  std::uint64_t bytes_ = 0;
};

}  // namespace marquee::platform
