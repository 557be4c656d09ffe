#include "formats/parquet_table.h"

#if defined(MARQUEE_HAS_ARROW)

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "formats/byte_cursor.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::int64_t kRowsOfBatch = 1024;
// Pages of a file may claim to be of any size.
constexpr std::int64_t kMaxParquetMemory = std::int64_t{2} << 30;
constexpr std::size_t kNoSource = ~std::size_t{0};

class ParquetTable final : public TableReader {
 public:
  ParquetTable(std::string name, const TableSettings& settings) : TableReader(std::move(name), settings) {}
  Result<void> open(const std::filesystem::path& path);
  Result<bool> next(TableRow& row) override;

 private:
  [[nodiscard]] base::Error failure(const arrow::Status& status) const {
    return base::corrupt(name_ + ": " + printable_name(status.message()));
  }
  Result<std::vector<int>> choose_columns(const arrow::Schema& schema, const parquet::FileMetaData& metadata);
  Result<bool> next_batch();
  Result<void> fill(TableRow& row, std::size_t column, const arrow::Array& array, std::int64_t i) const;
  Result<void> fill_text(const TableRow& row, std::size_t column, std::string_view from, std::string& to) const;
  Result<void> fill_texts(TableRow& row, std::size_t column, const arrow::Array& values, std::int64_t begin,
                          std::int64_t end) const;

  arrow::CappedMemoryPool pool_{arrow::default_memory_pool(), kMaxParquetMemory};
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = 0;              ///< in the batch
  std::vector<std::size_t> source_;  ///< of each of columns(): its place in batches, or kNoSource
};

/// A text's bytes, if the array holds texts.
bool text_at(const arrow::Array& array, std::int64_t i, std::string_view& text) {
  if (array.type_id() == arrow::Type::STRING) {
    text = static_cast<const arrow::StringArray&>(array).GetView(i);
  } else if (array.type_id() == arrow::Type::LARGE_STRING) {
    text = static_cast<const arrow::LargeStringArray&>(array).GetView(i);
  } else {
    return false;
  }
  return true;
}

template <typename Array>
void set_integer(TableCell& cell, const arrow::Array& array, std::int64_t i) {
  cell.kind = TableCell::Kind::kInteger;
  cell.integer = static_cast<std::int64_t>(static_cast<const Array&>(array).Value(i));
  cell.number = static_cast<double>(cell.integer);
}

/// Whether the array holds whole numbers that fit.
bool fill_integer(TableCell& cell, const arrow::Array& array, std::int64_t i) {
  switch (array.type_id()) {
    case arrow::Type::INT8: return set_integer<arrow::Int8Array>(cell, array, i), true;
    case arrow::Type::INT16: return set_integer<arrow::Int16Array>(cell, array, i), true;
    case arrow::Type::INT32: return set_integer<arrow::Int32Array>(cell, array, i), true;
    case arrow::Type::INT64: return set_integer<arrow::Int64Array>(cell, array, i), true;
    case arrow::Type::UINT8: return set_integer<arrow::UInt8Array>(cell, array, i), true;
    case arrow::Type::UINT16: return set_integer<arrow::UInt16Array>(cell, array, i), true;
    case arrow::Type::UINT32: return set_integer<arrow::UInt32Array>(cell, array, i), true;
    default: return false;
  }
}

Result<void> ParquetTable::fill_text(const TableRow& row, std::size_t column, std::string_view from,
                                     std::string& to) const {
  if (from.size() > settings_.limits.cell_bytes) {
    base::Error error = error_at(
        row, column,
        std::to_string(from.size()) + " bytes; a cell may have " + std::to_string(settings_.limits.cell_bytes));
    error.code = base::ErrorCode::kTooLarge;
    return error;
  }
  if (!base::is_valid_utf8(from)) return error_at(row, column, "is not valid UTF-8");
  to.assign(from);
  return {};
}

Result<void> ParquetTable::fill_texts(TableRow& row, std::size_t column, const arrow::Array& values, std::int64_t begin,
                                      std::int64_t end) const {
  TableCell& cell = row.cells[column];
  const auto count = static_cast<std::size_t>(end - begin);
  if (count > settings_.limits.texts_of_cell) {
    return error_at(row, column, "more than " + std::to_string(settings_.limits.texts_of_cell) + " texts");
  }
  cell.kind = TableCell::Kind::kTexts;
  cell.texts.resize(count);
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t i = begin + static_cast<std::int64_t>(k);
    std::string_view text;
    if (values.IsNull(i) || !text_at(values, i, text)) {
      return error_at(row, column, "a list holds something other than texts");
    }
    MARQUEE_CHECK(fill_text(row, column, text, cell.texts[k]));
  }
  return {};
}

Result<void> ParquetTable::fill(TableRow& row, std::size_t column, const arrow::Array& array, std::int64_t i) const {
  TableCell& cell = row.cells[column];
  cell.kind = TableCell::Kind::kMissing;
  if (array.IsNull(i) || array.type_id() == arrow::Type::NA) return {};
  std::string_view text;
  if (text_at(array, i, text)) {
    cell.kind = TableCell::Kind::kText;
    return fill_text(row, column, text, cell.text);
  }
  if (fill_integer(cell, array, i)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      cell.kind = TableCell::Kind::kBoolean;
      cell.boolean = static_cast<const arrow::BooleanArray&>(array).Value(i);
      return {};
    case arrow::Type::UINT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      cell.kind = TableCell::Kind::kNumber;
      cell.number = array.type_id() == arrow::Type::DOUBLE ? static_cast<const arrow::DoubleArray&>(array).Value(i)
                    : array.type_id() == arrow::Type::FLOAT
                        ? static_cast<const arrow::FloatArray&>(array).Value(i)
                        : static_cast<double>(static_cast<const arrow::UInt64Array&>(array).Value(i));
      // Data frames write what is missing so.
      if (std::isnan(cell.number)) cell.kind = TableCell::Kind::kMissing;
      if (std::isinf(cell.number)) return error_at(row, column, "is infinite");
      return {};
    case arrow::Type::DICTIONARY: {
      const auto& words = static_cast<const arrow::DictionaryArray&>(array);
      const std::int64_t word = words.GetValueIndex(i);
      return fill(row, column, *words.dictionary(), word);
    }
    case arrow::Type::LIST: {
      const auto& lists = static_cast<const arrow::ListArray&>(array);
      return fill_texts(row, column, *lists.values(), lists.value_offset(i), lists.value_offset(i + 1));
    }
    case arrow::Type::LARGE_LIST: {
      const auto& lists = static_cast<const arrow::LargeListArray&>(array);
      return fill_texts(row, column, *lists.values(), lists.value_offset(i), lists.value_offset(i + 1));
    }
    default: break;
  }
  return error_at(row, column,
                  "is of type " + printable_name(array.type()->ToString()) +
                      "; texts, numbers, booleans and lists of texts can be read");
}

/// @return the leaves of the file that hold what is wanted
Result<std::vector<int>> ParquetTable::choose_columns(const arrow::Schema& schema,
                                                      const parquet::FileMetaData& metadata) {
  std::vector<TableColumn> wanted = settings_.columns;
  if (wanted.empty()) {
    for (const auto& field : schema.fields()) wanted.push_back({field->name(), true});
  }
  if (static_cast<std::size_t>(metadata.num_columns()) > settings_.limits.columns) {
    return base::Error{base::ErrorCode::kTooLarge, name_ + ": " + std::to_string(metadata.num_columns()) +
                                                       " columns; a table may have " +
                                                       std::to_string(settings_.limits.columns)};
  }
  std::vector<int> leaves;
  for (const TableColumn& column : wanted) {
    columns_.push_back(column.name);
    const auto places = schema.GetAllFieldIndices(column.name);
    if (places.size() > 1)
      return base::corrupt(name_ + ": there are two columns '" + printable_name(column.name) + "'");
    if (places.empty() && column.required) {
      return base::corrupt(name_ + ": there is no column '" + printable_name(column.name) + "'");
    }
    if (places.empty()) continue;
    for (int leaf = 0; leaf < metadata.num_columns(); ++leaf) {
      if (metadata.schema()->GetColumnRoot(leaf)->name() == column.name) leaves.push_back(leaf);
    }
  }
  std::sort(leaves.begin(), leaves.end());
  return leaves;
}

Result<void> ParquetTable::open(const std::filesystem::path& path) {
  auto opened = arrow::io::ReadableFile::Open(path.string(), &pool_);
  if (!opened.ok()) return base::io_error(path.string() + ": " + printable_name(opened.status().message()));
  parquet::ReaderProperties reader(&pool_);
  reader.enable_buffered_stream();
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(kRowsOfBatch);
  properties.set_pre_buffer(false);
  properties.set_use_threads(false);
  parquet::arrow::FileReaderBuilder builder;
  auto status = builder.Open(*opened, reader);
  if (status.ok()) status = builder.memory_pool(&pool_)->properties(properties)->Build(&file_);
  std::shared_ptr<arrow::Schema> schema;
  if (status.ok()) status = file_->GetSchema(&schema);
  if (!status.ok()) return failure(status);
  MARQUEE_ASSIGN(const auto leaves, choose_columns(*schema, *file_->parquet_reader()->metadata()));
  std::vector<int> groups;
  for (int i = 0; i < file_->num_row_groups(); ++i) groups.push_back(i);
  auto batches = file_->GetRecordBatchReader(groups, leaves);
  if (!batches.ok()) return failure(batches.status());
  batches_ = std::move(*batches);
  for (const std::string& column : columns_) {
    const int place = batches_->schema()->GetFieldIndex(column);
    source_.push_back(place < 0 ? kNoSource : static_cast<std::size_t>(place));
  }
  return {};
}

/// @return false if there is none
Result<bool> ParquetTable::next_batch() {
  at_ = 0;
  do {
    auto status = batches_->ReadNext(&batch_);
    // Offsets and indices come from the file.
    if (status.ok() && batch_) status = batch_->ValidateFull();
    if (!status.ok()) return failure(status);
    if (!batch_) return false;
  } while (batch_->num_rows() == 0);
  return true;
}

Result<bool> ParquetTable::next(TableRow& row) {
  if (!batch_ || at_ == batch_->num_rows()) {
    MARQUEE_ASSIGN(const bool more, next_batch());
    if (!more) return false;
  }
  MARQUEE_CHECK(begin_row(row, 0));
  row.cells.resize(columns_.size());
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    row.cells[column].kind = TableCell::Kind::kMissing;
    if (source_[column] == kNoSource) continue;
    MARQUEE_CHECK(fill(row, column, *batch_->column(static_cast<int>(source_[column])), at_));
    const bool required = !settings_.columns.empty() && settings_.columns[column].required;
    if (required && row.cells[column].kind == TableCell::Kind::kMissing) return error_at(row, column, "is missing");
  }
  ++at_;
  return true;
}

/// A reader whose library may throw.
class GuardedTable final : public TableReader {
 public:
  explicit GuardedTable(std::unique_ptr<ParquetTable> table)
      : TableReader(table->name(), {}), table_(std::move(table)) {
    columns_ = table_->columns();
  }
  Result<bool> next(TableRow& row) override {
    try {
      return table_->next(row);
    } catch (const std::exception& error) {
      return base::corrupt(name_ + ": " + printable_name(error.what()));
    }
  }

 private:
  std::unique_ptr<ParquetTable> table_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> open_parquet(const std::filesystem::path& path, const TableSettings& settings) {
  try {
    auto table = std::make_unique<ParquetTable>(path.string(), settings);
    MARQUEE_CHECK(table->open(path));
    return std::unique_ptr<TableReader>(std::make_unique<GuardedTable>(std::move(table)));
  } catch (const std::exception& error) {
    return base::corrupt(path.string() + ": " + printable_name(error.what()));
  }
}

}  // namespace marquee::formats

#else

namespace marquee::formats {

base::Result<std::unique_ptr<TableReader>> open_parquet(const std::filesystem::path& path, const TableSettings&) {
  return base::unsupported(path.string() +
                           ": this program was built without Arrow; run script/setup --parquet and build again, or "
                           "save the table as CSV");
}

}  // namespace marquee::formats

#endif
