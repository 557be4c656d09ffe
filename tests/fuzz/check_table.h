#pragma once

#include <cmath>
#include <memory>

#include "base/utf8.h"
#include "formats/table.h"
#include "tests/fuzz/check.h"

namespace marquee::fuzz {

/// Small bounds, so that inputs reach them.
inline formats::TableSettings table_settings(bool chooses_columns) {
  formats::TableSettings settings;
  settings.limits = {.row_bytes = 512, .cell_bytes = 128, .columns = 8, .texts_of_cell = 4, .rows = 64};
  if (chooses_columns) settings.columns = {{"a"}, {"b", false}};
  return settings;
}

inline void check_table(base::Result<std::unique_ptr<formats::TableReader>> opened,
                        const formats::TableSettings& settings) {
  if (!opened) return check(!opened.error().message.empty(), "an error says something");
  formats::TableRow row;
  const auto is_text = [&](const std::string& text) {
    check(text.size() <= settings.limits.cell_bytes, "a cell is within its bound");
    check(base::is_valid_utf8(text), "a text is valid UTF-8");
  };
  for (std::int64_t number = 1;; ++number) {
    const auto more = (*opened)->next(row);
    if (!more) return check(more.error().message.find("row ") != std::string::npos, "an error names its row");
    if (!*more) return;
    check(row.number == number && number <= settings.limits.rows, "rows are counted, within their bound");
    check(row.cells.size() == (*opened)->columns().size(), "a row has a cell for each column");
    for (const formats::TableCell& cell : row.cells) {
      if (cell.kind == formats::TableCell::Kind::kText) is_text(cell.text);
      if (cell.kind == formats::TableCell::Kind::kNumber) check(std::isfinite(cell.number), "a number is finite");
      if (cell.kind != formats::TableCell::Kind::kTexts) continue;
      check(cell.texts.size() <= settings.limits.texts_of_cell, "an array is within its bound");
      for (const std::string& text : cell.texts) is_text(text);
    }
  }
}

}  // namespace marquee::fuzz
