#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/table.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::size_t kNowhere = ~std::size_t{0};
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class CsvTable final : public TableReader {
 public:
  CsvTable(std::string_view text, std::string name, const TableSettings& settings)
      : TableReader(std::move(name), settings), text_(text) {}

  Result<void> open();
  Result<bool> next(TableRow& row) override;

 private:
  [[nodiscard]] bool at_line_end() const { return text_[at_] == '\n' || text_[at_] == '\r'; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  void pass_line_end();
  void skip_blank_lines();
  [[nodiscard]] char sniff_delimiter() const;
  /// The cells of one record; place(i) gives the text that the i-th goes to, or nullptr.
  /// @return how many there were
  template <typename Place>
  Result<std::size_t> read_record(const TableRow& row, Place place);
  Result<void> read_cell(const TableRow& row, std::size_t index, std::string* to);
  Result<void> read_quoted(const TableRow& row, std::string* to);
  Result<void> choose_columns(const std::vector<std::string>& header);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t row_begin_ = 0;
  std::int64_t line_ = 1;
  std::array<bool, 256> ends_cell_{};
  std::vector<std::size_t> target_;  ///< of each column of the file: its place among columns(), or kNowhere
  std::size_t header_cells_ = 0;
};

void CsvTable::pass_line_end() {
  if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
  ++at_;
  ++line_;
}

void CsvTable::skip_blank_lines() {
  while (!at_end() && at_line_end()) pass_line_end();
}

char CsvTable::sniff_delimiter() const {
  std::array<std::size_t, 3> counts{};
  constexpr std::string_view kDelimiters = ",;\t";
  bool quoted = false;
  for (const char c : text_.substr(at_, settings_.limits.row_bytes)) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    if (const auto which = kDelimiters.find(c); which != std::string_view::npos) ++counts[which];
  }
  return kDelimiters[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

/// From behind the opening quote to behind the closing one.
Result<void> CsvTable::read_quoted(const TableRow& row, std::string* to) {
  const std::string_view window = text_.substr(row_begin_, settings_.limits.row_bytes);
  const std::size_t begin = at_;
  for (;;) {
    const std::size_t quote = window.find('"', at_ - row_begin_);
    if (quote == std::string_view::npos) {
      if (window.size() == settings_.limits.row_bytes) {
        return too_large(row, "a quoted cell does not end within the " + std::to_string(window.size()) +
                                  " bytes that a row may have; is a quote missing?");
      }
      return row_error(row, "a quoted cell does not end; is a quote missing?");
    }
    const std::size_t after = row_begin_ + quote + 1;
    const bool doubled = after < text_.size() && text_[after] == '"';
    if (to != nullptr) to->append(text_, at_, after - at_ - (doubled ? 0 : 1));
    at_ = doubled ? after + 1 : after;
    if (!doubled) break;
  }
  line_ += std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                      text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
  if (!at_end() && !ends_cell_[static_cast<unsigned char>(text_[at_])]) {
    return row_error(row, "text follows a quoted cell; a quote inside it is written twice");
  }
  return {};
}

Result<void> CsvTable::read_cell(const TableRow& row, std::size_t index, std::string* to) {
  const std::size_t begin = at_;
  if (to != nullptr) to->clear();
  if (!at_end() && text_[at_] == '"') {
    ++at_;
    MARQUEE_CHECK(read_quoted(row, to));
  } else {
    const std::size_t stop = std::min(text_.size(), row_begin_ + settings_.limits.row_bytes + 1);
    while (at_ < stop && !ends_cell_[static_cast<unsigned char>(text_[at_])]) ++at_;
    if (to != nullptr && at_ - begin <= settings_.limits.cell_bytes) to->assign(text_, begin, at_ - begin);
  }
  const std::size_t column = index < target_.size() && target_[index] != kNowhere ? target_[index] : kNowhere;
  const auto error = [&](const char* problem) {
    return column == kNowhere ? row_error(row, "cell " + std::to_string(index + 1) + ": " + problem)
                              : error_at(row, column, problem);
  };
  if (at_ - begin > settings_.limits.cell_bytes) {
    base::Error refused = error("");
    refused.code = base::ErrorCode::kTooLarge;
    refused.message +=
        std::to_string(at_ - begin) + " bytes; a cell may have " + std::to_string(settings_.limits.cell_bytes);
    return refused;
  }
  if (!base::is_valid_utf8(text_.substr(begin, at_ - begin))) {
    return error("is not valid UTF-8; save the file in that encoding");
  }
  return {};
}

template <typename Place>
Result<std::size_t> CsvTable::read_record(const TableRow& row, Place place) {
  row_begin_ = at_;
  for (std::size_t cells = 0;;) {
    if (cells == settings_.limits.columns) {
      return too_large(row, "more than the " + std::to_string(cells) + " cells that a row may have");
    }
    MARQUEE_CHECK(read_cell(row, cells, place(cells)));
    ++cells;
    if (at_ - row_begin_ > settings_.limits.row_bytes) {
      return too_large(row,
                       "more than the " + std::to_string(settings_.limits.row_bytes) + " bytes that a row may have");
    }
    if (at_end()) return cells;
    if (at_line_end()) {
      pass_line_end();
      return cells;
    }
    ++at_;  // the delimiter
  }
}

/// @error kCorrupt naming the column that is missing, nameless or there twice
Result<void> CsvTable::choose_columns(const std::vector<std::string>& header) {
  const auto problem = [&](const std::string& text) { return base::corrupt(name_ + ": the header: " + text); };
  target_.assign(header.size(), kNowhere);
  if (settings_.columns.empty()) {
    for (const std::string& name : header) {
      const std::size_t position = columns_.size();
      if (name.empty()) {
        return problem("column " + std::to_string(position + 1) + " has no name; name it, or say which columns count");
      }
      target_[position] = position;
      columns_.push_back(name);
    }
  }
  for (const TableColumn& wanted : settings_.columns) {
    const auto found = std::find(header.begin(), header.end(), wanted.name);
    if (found == header.end() && wanted.required) {
      std::string all;
      for (const std::string& name : header) all += (all.empty() ? "'" : ", '") + printable_name(name) + "'";
      return problem("there is no column '" + printable_name(wanted.name) + "', only " + printable_name(all));
    }
    if (found != header.end()) target_[static_cast<std::size_t>(found - header.begin())] = columns_.size();
    columns_.push_back(wanted.name);
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool counts = std::find(columns_.begin(), columns_.end(), header[i]) != columns_.end();
    if (counts && std::count(header.begin(), header.end(), header[i]) > 1) {
      return problem("there are two columns '" + printable_name(header[i]) + "'");
    }
  }
  return {};
}

Result<void> CsvTable::open() {
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  skip_blank_lines();
  if (at_end()) return base::corrupt(name_ + ": there is no header that names the columns");
  const char delimiter = settings_.delimiter == '\0' ? sniff_delimiter() : settings_.delimiter;
  for (const char c : {delimiter, '\n', '\r'}) ends_cell_[static_cast<unsigned char>(c)] = true;
  std::vector<std::string> header;
  TableRow row;
  row.line = line_;
  MARQUEE_ASSIGN(header_cells_, read_record(row, [&](std::size_t) { return &header.emplace_back(); }));
  return choose_columns(header);
}

Result<bool> CsvTable::next(TableRow& row) {
  skip_blank_lines();
  if (at_end()) return false;
  MARQUEE_CHECK(begin_row(row, line_));
  row.cells.resize(columns_.size());
  for (TableCell& cell : row.cells) cell.kind = TableCell::Kind::kMissing;
  const auto place = [&](std::size_t i) -> std::string* {
    if (i >= target_.size() || target_[i] == kNowhere) return nullptr;
    TableCell& cell = row.cells[target_[i]];
    cell.kind = TableCell::Kind::kText;
    return &cell.text;
  };
  MARQUEE_ASSIGN(const std::size_t cells, read_record(row, place));
  if (cells != header_cells_) {
    return row_error(row, std::to_string(cells) + " cells where the header names " + std::to_string(header_cells_) +
                              "; a cell that holds the delimiter is written in quotes");
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<TableReader>> read_csv(std::string_view text, std::string name, const TableSettings& settings) {
  if (settings.delimiter != '\0' && settings.delimiter != ',' && settings.delimiter != ';' &&
      settings.delimiter != '\t') {
    return base::invalid_argument("cells are separated by a comma, a semicolon or a tab", "delimiter");
  }
  auto table = std::make_unique<CsvTable>(text, std::move(name), settings);
  MARQUEE_CHECK(table->open());
  return std::unique_ptr<TableReader>(std::move(table));
}

}  // namespace marquee::formats
