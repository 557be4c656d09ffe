#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/table.h"

namespace marquee::formats {

using base::Result;

namespace {

namespace json = base::json;

constexpr std::size_t kMaxLineDepth = 16;  // a column that nobody asked for may hold documents

class JsonlTable final : public TableReader {
 public:
  JsonlTable(std::string_view text, std::string name, const TableSettings& settings)
      : TableReader(std::move(name), settings), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  Result<void> open();
  Result<bool> next(TableRow& row) override;

 private:
  /// The next line that holds something, without its end; nothing at the end. @error kTooLarge
  Result<std::string_view> take_line(TableRow& row);
  Result<const json::object*> parse(const TableRow& row, std::string_view line);
  Result<void> fill(TableRow& row, const json::object& object);
  Result<void> fill_cell(TableRow& row, std::size_t column, const json::value& value);
  Result<void> check_text(const TableRow& row, std::size_t column, std::string_view text) const;

  std::string_view text_;
  std::int64_t line_ = 0;
  bool names_every_column_ = false;  ///< no row may have others
  // A line's document lies in here as far as it fits, so that reading a row allocates nothing.
  std::array<unsigned char, 65536> document_memory_{};
  std::array<unsigned char, 4096> parser_memory_{};
  std::unique_ptr<json::monotonic_resource> resource_;
  std::optional<json::value> document_;
};

Result<std::string_view> JsonlTable::take_line(TableRow& row) {
  while (!text_.empty()) {
    const std::size_t most = settings_.limits.row_bytes;
    const std::size_t end = text_.substr(0, most + 1).find('\n');
    ++line_;
    if (end == std::string_view::npos && text_.size() > most) {
      row.number = rows_ + 1;
      row.line = line_;
      return too_large(row, "more than the " + std::to_string(most) + " bytes that a row may have");
    }
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(text_.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) return line;
  }
  return std::string_view();
}

Result<const json::object*> JsonlTable::parse(const TableRow& row, std::string_view line) {
  if (!base::is_valid_utf8(line)) return row_error(row, "is not valid UTF-8; save the file in that encoding");
  json::parse_options options;
  options.max_depth = kMaxLineDepth;
  json::error_code code;
  try {
    document_.reset();  // before its memory goes
    resource_ = std::make_unique<json::monotonic_resource>(document_memory_.data(), document_memory_.size());
    json::parser parser({}, options, parser_memory_.data(), parser_memory_.size());
    parser.reset(resource_.get());
    parser.write(line.data(), line.size(), code);
    if (!code) document_.emplace(parser.release());
  } catch (const std::exception& error) {  // Boost.JSON throws on lengths past its limits
    return too_large(row, error.what());
  }
  if (code == json::error::too_deep) return row_error(row, "nested too deep; cells hold texts, numbers, true or false");
  if (code) return row_error(row, "not valid JSON: " + code.message() + "; each line holds one whole object");
  const json::object* object = document_->if_object();
  if (object == nullptr) return row_error(row, "is not an object that names its cells: {\"column\": value, …}");
  if (object->size() > settings_.limits.columns) {
    return too_large(row, "more than the " + std::to_string(settings_.limits.columns) + " cells that a row may have");
  }
  return object;
}

Result<void> JsonlTable::check_text(const TableRow& row, std::size_t column, std::string_view text) const {
  if (text.size() <= settings_.limits.cell_bytes) return {};
  base::Error error =
      error_at(row, column,
               std::to_string(text.size()) + " bytes; a cell may have " + std::to_string(settings_.limits.cell_bytes));
  error.code = base::ErrorCode::kTooLarge;
  return error;
}

Result<void> JsonlTable::fill_cell(TableRow& row, std::size_t column, const json::value& value) {
  TableCell& cell = row.cells[column];
  switch (value.kind()) {
    case json::kind::null: cell.kind = TableCell::Kind::kMissing; return {};
    case json::kind::bool_:
      cell.kind = TableCell::Kind::kBoolean;
      cell.boolean = value.get_bool();
      return {};
    case json::kind::int64:
      cell.kind = TableCell::Kind::kInteger;
      cell.integer = value.get_int64();
      cell.number = static_cast<double>(cell.integer);
      return {};
    case json::kind::uint64:
    case json::kind::double_:
      cell.kind = TableCell::Kind::kNumber;
      cell.number = value.is_double() ? value.get_double() : static_cast<double>(value.get_uint64());
      if (!std::isfinite(cell.number)) return error_at(row, column, "a number that is too large");
      return {};
    case json::kind::string: {
      const auto& text = value.get_string();
      cell.kind = TableCell::Kind::kText;
      cell.text.assign(text.data(), text.size());
      return check_text(row, column, cell.text);
    }
    case json::kind::array: break;
    case json::kind::object:
      return error_at(row, column, "holds an object; a cell holds a text, a number, true, false or an array of texts");
  }
  const json::array& array = value.get_array();
  if (array.size() > settings_.limits.texts_of_cell) {
    return error_at(row, column, "more than " + std::to_string(settings_.limits.texts_of_cell) + " texts");
  }
  cell.kind = TableCell::Kind::kTexts;
  cell.texts.resize(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const auto* text = array[i].if_string();
    if (text == nullptr) return error_at(row, column, "an array holds something other than texts");
    cell.texts[i].assign(text->data(), text->size());
    MARQUEE_CHECK(check_text(row, column, cell.texts[i]));
  }
  return {};
}

Result<void> JsonlTable::fill(TableRow& row, const json::object& object) {
  row.cells.resize(columns_.size());
  std::size_t found = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    row.cells[i].kind = TableCell::Kind::kMissing;
    const json::value* value = object.if_contains(columns_[i]);
    const bool required = !names_every_column_ && settings_.columns[i].required;
    if (value == nullptr) {
      if (required) return row_error(row, "lacks '" + printable_name(columns_[i]) + "'");
      continue;
    }
    ++found;
    MARQUEE_CHECK(fill_cell(row, i, *value));
    if (required && row.cells[i].kind == TableCell::Kind::kMissing) return error_at(row, i, "is null");
  }
  if (names_every_column_ && found != object.size()) {
    for (const auto& member : object) {
      if (std::find(columns_.begin(), columns_.end(), std::string_view(member.key())) == columns_.end()) {
        return row_error(
            row, "'" + printable_name(member.key()) + "' is no column of the first row; say which columns count");
      }
    }
  }
  return {};
}

Result<void> JsonlTable::open() {
  for (const TableColumn& column : settings_.columns) columns_.push_back(column.name);
  if (!columns_.empty()) return {};
  names_every_column_ = true;
  // The first row is read twice: here for its names.
  const std::string_view whole = text_;
  TableRow row;
  MARQUEE_ASSIGN(const std::string_view line, take_line(row));
  if (line.empty()) return base::corrupt(name_ + ": there are no rows");
  row.number = 1;
  row.line = line_;
  MARQUEE_ASSIGN(const json::object* object, parse(row, line));
  for (const auto& member : *object) columns_.emplace_back(member.key());
  if (columns_.empty()) return row_error(row, "names no column");
  text_ = whole;
  line_ = 0;
  return {};
}

Result<bool> JsonlTable::next(TableRow& row) {
  MARQUEE_ASSIGN(const std::string_view line, take_line(row));
  if (line.empty()) return false;
  MARQUEE_CHECK(begin_row(row, line_));
  MARQUEE_ASSIGN(const json::object* object, parse(row, line));
  MARQUEE_CHECK(fill(row, *object));
  return true;
}

}  // namespace

Result<std::unique_ptr<TableReader>> read_jsonl(std::string_view text, std::string name,
                                                const TableSettings& settings) {
  auto table = std::make_unique<JsonlTable>(text, std::move(name), settings);
  MARQUEE_CHECK(table->open());
  return std::unique_ptr<TableReader>(std::move(table));
}

}  // namespace marquee::formats
