#pragma once
// Tables of the user's, row by row: CSV, JSON Lines, and Parquet where the build found Arrow. All of it is hostile:
// every length and count has a bound, and what is refused is named with its row.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::formats {

struct TableLimits {
  std::size_t row_bytes = std::size_t{4} << 20U;
  std::size_t cell_bytes = std::size_t{1} << 20U;
  std::size_t columns = 1024;          ///< that a file may have, used or not
  std::size_t texts_of_cell = 65'536;  ///< in an array
  std::int64_t rows = 100'000'000;
};

struct TableColumn {
  std::string name;
  bool required = true;  ///< else its cells are missing where the file has none
};

struct TableSettings {
  char delimiter = '\0';                  ///< of CSV: ',', ';' or '\t'; '\0': whichever the header has most of
  std::vector<TableColumn> columns = {};  ///< in the order wanted; empty: all there are
  TableLimits limits = {};
};

struct TableCell {
  enum class Kind : std::uint8_t { kMissing, kText, kInteger, kNumber, kBoolean, kTexts };
  Kind kind = Kind::kMissing;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0.0;  ///< finite; of integers too
  std::string text;     ///< valid UTF-8; of CSV every cell is one, "" if nothing stands there
  std::vector<std::string> texts;

  /// The cell as a number: one, or a text that spells one (as std::from_chars reads it, blanks around it left out).
  /// @error kInvalidArgument saying what it is instead
  [[nodiscard]] base::Result<double> as_number() const;
  /// A text, or the number, true or false that it spells. @error kInvalidArgument for what is missing or an array
  [[nodiscard]] base::Result<std::string> as_text() const;
};

/// Made once and filled again and again: its cells keep their memory.
struct TableRow {
  std::int64_t number = 0;  ///< from 1, not counting a header or blank lines
  std::int64_t line = 0;    ///< of the file, from 1, where the row begins; 0: the format has none
  std::vector<TableCell> cells;
};

class TableReader {
 public:
  virtual ~TableReader() = default;

  /// The next row, with a cell for each of columns(); false at the end. After an error it may not be called again.
  /// @error kCorrupt or kTooLarge naming file, row and column
  virtual base::Result<bool> next(TableRow& row) = 0;
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// "file.csv: row 3 (line 4), column 'label': problem", for what the caller finds wrong.
  [[nodiscard]] base::Error error_at(const TableRow& row, std::size_t column, std::string_view problem) const;

 protected:
  TableReader(std::string name, TableSettings settings) : name_(std::move(name)), settings_(std::move(settings)) {}
  [[nodiscard]] base::Error row_error(const TableRow& row, std::string_view problem) const;
  [[nodiscard]] base::Error too_large(const TableRow& row, std::string_view problem) const;
  /// Counts a row that begins. @error kTooLarge past the limit
  base::Result<void> begin_row(TableRow& row, std::int64_t line);

  std::string name_;
  TableSettings settings_;
  std::vector<std::string> columns_;
  std::int64_t rows_ = 0;
};

/// RFC 4180, with LF or CR alone as line ends too, a byte order mark and blank lines left out, and quotes inside an
/// unquoted cell taken as they are. The first row names the columns.
/// @param name of the file, for errors
/// @error kCorrupt naming the row; kInvalidArgument for settings
/// @source https://www.rfc-editor.org/rfc/rfc4180
base::Result<std::unique_ptr<TableReader>> read_csv(std::string_view text, std::string name,
                                                    const TableSettings& settings);

/// One JSON object a line: texts, numbers, true, false, null (missing), arrays of texts. Without settings.columns the
/// first row names them, and no later row may name another.
/// @error as read_csv() @source https://jsonlines.org
base::Result<std::unique_ptr<TableReader>> read_jsonl(std::string_view text, std::string name,
                                                      const TableSettings& settings);

/// By the file's ending: .csv, .tsv, .txt; .jsonl, .ndjson; .parquet.
/// @error kNotFound, kIo, kCorrupt; kUnsupported for another ending
base::Result<std::unique_ptr<TableReader>> open_table(const std::filesystem::path& path,
                                                      const TableSettings& settings = {});

}  // namespace marquee::formats
