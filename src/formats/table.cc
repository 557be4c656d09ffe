#include "formats/table.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "base/mapped_file.h"
#include "formats/byte_cursor.h"
#include "formats/parquet_table.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

// A table is read once: what was read need not stay in memory.
constexpr std::int64_t kRowsBetweenReleases = 65'536;

std::string place_of(const TableRow& row) {
  std::string place = row.number == 0 ? "the header" : "row " + std::to_string(row.number);
  if (row.line > 0) place += " (line " + std::to_string(row.line) + ")";
  return place;
}

const char* kind_name(TableCell::Kind kind) {
  switch (kind) {
    case TableCell::Kind::kMissing: return "nothing";
    case TableCell::Kind::kText: return "a text";
    case TableCell::Kind::kInteger:
    case TableCell::Kind::kNumber: return "a number";
    case TableCell::Kind::kBoolean: return "true or false";
    case TableCell::Kind::kTexts: return "an array";
  }
  return "nothing";
}

/// A reader over a mapped file.
class MappedTable final : public TableReader {
 public:
  MappedTable(base::MappedFile file, std::unique_ptr<TableReader> reader)
      : TableReader(reader->name(), {}), file_(std::move(file)), reader_(std::move(reader)) {
    columns_ = reader_->columns();
  }
  Result<bool> next(TableRow& row) override {
    if (++rows_ % kRowsBetweenReleases == 0) file_.release_pages();
    return reader_->next(row);
  }

 private:
  base::MappedFile file_;
  std::unique_ptr<TableReader> reader_;
};

}  // namespace

Result<double> TableCell::as_number() const {
  if (kind == Kind::kInteger || kind == Kind::kNumber) return number;
  if (kind != Kind::kText)
    return base::invalid_argument(std::string("a number is needed where ") + kind_name(kind) + " is");
  std::string_view digits = text;
  while (!digits.empty() && (digits.front() == ' ' || digits.front() == '\t')) digits.remove_prefix(1);
  while (!digits.empty() && (digits.back() == ' ' || digits.back() == '\t')) digits.remove_suffix(1);
  if (digits.size() > 1 && digits.front() == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value)) {
    return base::invalid_argument("'" + printable_name(text) + "' is not a number");
  }
  return value;
}

Result<std::string> TableCell::as_text() const {
  switch (kind) {
    case Kind::kText: return text;
    case Kind::kInteger: return std::to_string(integer);
    case Kind::kBoolean: return std::string(boolean ? "true" : "false");
    case Kind::kNumber: {
      char digits[32];
      const auto [end, code] = std::to_chars(digits, digits + sizeof(digits), number);
      return std::string(digits, code == std::errc() ? end : digits);
    }
    default: return base::invalid_argument(std::string("a text is needed where ") + kind_name(kind) + " is");
  }
}

Error TableReader::error_at(const TableRow& row, std::size_t column, std::string_view problem) const {
  const std::string column_name = column < columns_.size() ? columns_[column] : std::to_string(column + 1);
  return base::corrupt(name_ + ": " + place_of(row) + ", column '" + printable_name(column_name) +
                       "': " + std::string(problem));
}

Error TableReader::row_error(const TableRow& row, std::string_view problem) const {
  return base::corrupt(name_ + ": " + place_of(row) + ": " + std::string(problem));
}

Error TableReader::too_large(const TableRow& row, std::string_view problem) const {
  return {ErrorCode::kTooLarge, name_ + ": " + place_of(row) + ": " + std::string(problem)};
}

Result<void> TableReader::begin_row(TableRow& row, std::int64_t line) {
  row.number = ++rows_;
  row.line = line;
  if (rows_ > settings_.limits.rows) {
    return too_large(row, "a table may have " + std::to_string(settings_.limits.rows) + " rows; leave some out");
  }
  return {};
}

Result<std::unique_ptr<TableReader>> open_table(const std::filesystem::path& path, const TableSettings& settings) {
  const std::string ending = path.extension().string();
  const bool is_csv = ending == ".csv" || ending == ".tsv" || ending == ".txt";
  if (ending == ".parquet") return open_parquet(path, settings);
  if (!is_csv && ending != ".jsonl" && ending != ".ndjson") {
    return base::unsupported(path.string() +
                             ": tables are read from files that end in .csv, .tsv, .jsonl, .ndjson or .parquet");
  }
  MARQUEE_ASSIGN(auto file, base::MappedFile::open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  TableSettings used = settings;
  if (ending == ".tsv" && used.delimiter == '\0') used.delimiter = '\t';
  MARQUEE_ASSIGN(auto reader, is_csv ? read_csv(text, path.string(), used) : read_jsonl(text, path.string(), used));
  return std::unique_ptr<TableReader>(std::make_unique<MappedTable>(std::move(file), std::move(reader)));
}

}  // namespace marquee::formats
