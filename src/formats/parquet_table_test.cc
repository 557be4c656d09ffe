#include "formats/parquet_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = TableCell::Kind;

class ParquetTest : public ::testing::Test {
 protected:
  static std::filesystem::path file(const char* name) {
    return std::filesystem::path(MARQUEE_SOURCE_DIR) / "tests/golden/tables" / name;
  }
  void SetUp() override {
    const auto opened = open_parquet(file("rows.parquet"), {});
    if (!opened && opened.error().message.find("built without Arrow") != std::string::npos) GTEST_SKIP();
  }
};

TEST_F(ParquetTest, ReadsEveryKindOfCell) {
  TableSettings settings;
  for (const char* name : {"words", "category", "text", "whole", "part", "large", "yes"})
    settings.columns.push_back({name, false});
  settings.columns.push_back({"none", false});
  const auto table = open_table(file("kinds.parquet"), settings);
  ASSERT_TRUE(table) << table.error().message;
  TableRow row;
  ASSERT_TRUE((*table)->next(row).value());
  EXPECT_EQ(row.number, 1);
  EXPECT_THAT(row.cells[0].texts, ElementsAre("a", "b"));
  EXPECT_EQ(row.cells[1].text, "x");
  EXPECT_EQ(row.cells[2].text, "plain");
  EXPECT_EQ(row.cells[3].integer, 1);
  EXPECT_EQ(row.cells[4].number, 0.5);
  EXPECT_EQ(row.cells[5].as_number().value(), 18446744073709551615.0);
  EXPECT_TRUE(row.cells[6].boolean);
  EXPECT_EQ(row.cells[7].kind, Kind::kMissing);
  ASSERT_TRUE((*table)->next(row).value());
  EXPECT_TRUE(row.cells[0].texts.empty());
  EXPECT_EQ(row.cells[0].kind, Kind::kTexts);
  EXPECT_EQ(row.cells[1].text, "y");
  EXPECT_EQ(row.cells[2].kind, Kind::kMissing);
  EXPECT_EQ(row.cells[4].kind, Kind::kMissing) << "what is no number is missing";
  ASSERT_TRUE((*table)->next(row).value());
  EXPECT_EQ(row.cells[2].text, "ä 🙂");
  EXPECT_EQ(row.cells[4].number, -1e300);
  EXPECT_EQ(row.cells[0].kind, Kind::kMissing);
  EXPECT_FALSE((*table)->next(row).value());
}

TEST_F(ParquetTest, ReadsAllRowsOfAllGroups) {
  const auto table = open_table(file("rows.parquet"));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT((*table)->columns(), ElementsAre("number", "text"));
  TableRow row;
  std::int64_t rows = 0;
  for (; (*table)->next(row).value(); ++rows) {
    ASSERT_EQ(row.cells[0].integer, rows);
    ASSERT_EQ(row.cells[1].text, "row " + std::to_string(rows % 7));
    ASSERT_EQ(row.number, rows + 1);
  }
  EXPECT_EQ(rows, 3000);
}

std::string message_of(const std::filesystem::path& path, const TableSettings& settings) {
  const auto table = open_table(path, settings);
  if (!table) return table.error().message;
  TableRow row;
  for (;;) {
    const auto more = (*table)->next(row);
    if (!more) return more.error().message;
    if (!*more) return "";
  }
}

TEST_F(ParquetTest, NamesWhatIsWrong) {
  EXPECT_THAT(message_of(file("rows.parquet"), {.columns = {{"label"}}}), HasSubstr("there is no column 'label'"));
  EXPECT_THAT(message_of(file("rows.parquet"), {.limits = {.rows = 2000}}),
              HasSubstr("row 2001: a table may have 2000"));
  EXPECT_THAT(message_of(file("rows.parquet"), {.limits = {.cell_bytes = 4}}),
              HasSubstr("row 1, column 'text': 5 bytes"));
  EXPECT_THAT(message_of(file("kinds.parquet"), {.columns = {{"text"}}}),
              HasSubstr("row 2, column 'text': is missing"));
  EXPECT_THAT(message_of(file("kinds.parquet"), {.columns = {{"when"}}}),
              HasSubstr("column 'when': is of type timestamp"));
  EXPECT_THAT(message_of(file("kinds.parquet"), {.columns = {{"inner"}}}),
              HasSubstr("column 'inner': is of type struct"));
  EXPECT_THAT(message_of(file("broken_utf8.parquet"), {}), HasSubstr("UTF"));
}

// Whatever is cut or changed, it is refused or read, and nothing breaks.
TEST_F(ParquetTest, DamagedFilesAreRefused) {
  std::ifstream stream(file("kinds.parquet"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  const auto path =
      std::filesystem::path(::testing::TempDir()) / ("damaged_" + std::to_string(::getpid()) + ".parquet");
  std::mt19937 random(3);
  TableSettings settings;
  for (const char* name : {"text", "part", "words", "category"}) settings.columns.push_back({name, false});
  for (int round = 0; round < 600; ++round) {
    std::string damaged = whole;
    if (round % 4 == 0) damaged.resize(1 + random() % (whole.size() - 1));
    for (int change = 0; round % 4 != 0 && change < 1 + round % 3; ++change)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    std::ofstream(path, std::ios::binary) << damaged;
    const std::string message = message_of(path, settings);
    if (round % 4 == 0) {
      EXPECT_THAT(message, HasSubstr("damaged_"));
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace marquee::formats
