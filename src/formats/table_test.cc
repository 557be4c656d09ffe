#include "formats/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace marquee::formats {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = TableCell::Kind;
using Texts = std::vector<std::vector<std::string>>;

/// Every cell as a text ("-" where there is none), or the error.
base::Result<Texts> rows_of(base::Result<std::unique_ptr<TableReader>> opened) {
  if (!opened) return opened.error();
  Texts rows;
  TableRow row;
  for (;;) {
    MARQUEE_ASSIGN(const bool more, (*opened)->next(row));
    if (!more) return rows;
    rows.emplace_back();
    for (const TableCell& cell : row.cells) {
      std::string text = "-";
      if (cell.kind == Kind::kTexts) {
        text = "[";
        for (const std::string& one : cell.texts) text += one + "|";
      } else if (cell.kind != Kind::kMissing) {
        MARQUEE_ASSIGN(text, cell.as_text());
      }
      rows.back().push_back(text);
    }
  }
}

Texts csv_rows(std::string_view text, const TableSettings& settings = {}) {
  const auto rows = rows_of(read_csv(text, "x.csv", settings));
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
  return rows.value_or(Texts());
}

Texts jsonl_rows(std::string_view text, const TableSettings& settings = {}) {
  const auto rows = rows_of(read_jsonl(text, "x.jsonl", settings));
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
  return rows.value_or(Texts());
}

TEST(CsvTest, ReadsQuotesAndLineEnds) {
  EXPECT_EQ(csv_rows("a,b\n1,2\n"), (Texts{{"1", "2"}}));
  EXPECT_EQ(csv_rows("a,b\r\n1,\"2\"\r\n,"), (Texts{{"1", "2"}, {"", ""}}));
  EXPECT_EQ(csv_rows("a,b\r1,2\r\r\n3,4"), (Texts{{"1", "2"}, {"3", "4"}}));
  EXPECT_EQ(csv_rows("a,b\n\"x,y\",\"line\nbreak \"\"quoted\"\"\"\n"), (Texts{{"x,y", "line\nbreak \"quoted\""}}));
  EXPECT_EQ(csv_rows("a,b\n5\" nail,\"\"\n"), (Texts{{"5\" nail", ""}}));
  EXPECT_EQ(csv_rows("\xEF\xBB\xBF\"a\",b\nä,🙂\n"), (Texts{{"ä", "🙂"}}));
  EXPECT_EQ(csv_rows("a\n1\n\n2\n"), (Texts{{"1"}, {"2"}}));
  EXPECT_EQ(csv_rows("a,b\n"), Texts());
}

TEST(CsvTest, FindsTheDelimiter) {
  EXPECT_EQ(csv_rows("a;b\n1,5;2\n"), (Texts{{"1,5", "2"}}));
  EXPECT_EQ(csv_rows("a\tb\n1\t2\n"), (Texts{{"1", "2"}}));
  EXPECT_EQ(csv_rows("\"a,a,a\";b\n1;2\n"), (Texts{{"1", "2"}}));
  EXPECT_EQ(csv_rows("a,b;c\n1,2;3\n", {.delimiter = ';'}), (Texts{{"1,2", "3"}}));
  EXPECT_EQ(read_csv("a\n", "x", {.delimiter = '|'}).error().field, "delimiter");
}

TEST(CsvTest, GivesTheColumnsThatAreWanted) {
  EXPECT_EQ(csv_rows(",text,label\n0,good,1\n1,bad,0\n", {.columns = {{"label"}, {"weight", false}, {"text"}}}),
            (Texts{{"1", "-", "good"}, {"0", "-", "bad"}}));
  const auto reader = read_csv("b,a\n1,2\n", "x", {});
  ASSERT_TRUE(reader);
  EXPECT_THAT((*reader)->columns(), ElementsAre("b", "a"));
  EXPECT_EQ((*reader)->name(), "x");
}

TEST(CsvTest, NamesTheRowThatIsWrong) {
  const TableSettings small{.columns = {{"a"}}, .limits = {.row_bytes = 40, .cell_bytes = 20, .columns = 3, .rows = 3}};
  const std::vector<std::tuple<std::string, TableSettings, std::string>> wrong = {
      {"", {}, "there is no header"},
      {"\n\n", {}, "there is no header"},
      {"a,\n", {}, "the header: column 2 has no name"},
      {"a,b,a\n", {}, "there are two columns 'a'"},
      {"x,y\n", {.columns = {{"a"}}}, "the header: there is no column 'a', only 'x', 'y'"},
      {"a,b\n1,2\n\n3\n", {}, "row 2 (line 4): 1 cells where the header names 2"},
      {"a,b\n1,2,3\n", {}, "row 1 (line 2): 3 cells where the header names 2"},
      {"a,b\n\"x\ny\",2\n1,\"2\n", {}, "row 2 (line 4): a quoted cell does not end"},
      {"a,b\n1,\"2\"x\n", {}, "row 1 (line 2): text follows a quoted cell"},
      {"a,b\n1,\"2\"\"\n", {}, "row 1 (line 2): a quoted cell does not end"},
      {"a,b\n1,\xFF\n", {}, "row 1 (line 2), column 'b': is not valid UTF-8"},
      {"a,b\n1,\xC3\n", {.columns = {{"a"}}}, "row 1 (line 2): cell 2: is not valid UTF-8"},
      {"a\n\xED\xA0\x80\n", {}, "row 1 (line 2), column 'a': is not valid UTF-8"},
      {"\xFF\xFE", {}, "the header (line 1)"},
      {"a\n1\n2\n3\n4\n", small, "row 4 (line 5): a table may have 3 rows"},
      {"a,b,c,d\n", small, "the header (line 1): more than the 3 cells"},
      {"a\n" + std::string(21, 'x') + "\n", small, "row 1 (line 2), column 'a': 21 bytes; a cell may have 20"},
      {"a\n" + std::string(50, 'x') + "\n", small, "column 'a': 41 bytes; a cell may have 20"},
      {"a\n\"" + std::string(50, 'x') + "\"\n", small, "a quoted cell does not end within the 40 bytes"},
      {"a,b,c\n" + std::string(18, 'x') + "," + std::string(18, 'x') + ",1234\n", small, "more than the 40 bytes"},
  };
  for (const auto& [text, settings, message] : wrong) {
    const auto rows = rows_of(read_csv(text, "x.csv", settings));
    ASSERT_FALSE(rows) << text;
    EXPECT_THAT(rows.error().message, AllOf(HasSubstr("x.csv: "), HasSubstr(message))) << text;
    const bool large = message.find("more than") != std::string::npos ||
                       message.find("may have") != std::string::npos || message.find("within the") != std::string::npos;
    EXPECT_EQ(rows.error().code, large ? ErrorCode::kTooLarge : ErrorCode::kCorrupt) << text;
  }
}

TEST(JsonlTest, ReadsEveryKindOfCell) {
  const auto reader =
      read_jsonl("{\"t\":\"a\\u00e9\",\"i\":-3,\"n\":1.5,\"b\":true,\"l\":[\"x\",\"y\"],\"z\":null}", "x", {});
  ASSERT_TRUE(reader);
  EXPECT_THAT((*reader)->columns(), ElementsAre("t", "i", "n", "b", "l", "z"));
  TableRow row;
  ASSERT_TRUE((*reader)->next(row).value());
  EXPECT_EQ(row.number, 1);
  EXPECT_EQ(row.cells[0].text, "aé");
  EXPECT_EQ(row.cells[1].kind, Kind::kInteger);
  EXPECT_EQ(row.cells[1].integer, -3);
  EXPECT_EQ(row.cells[2].as_number().value(), 1.5);
  EXPECT_TRUE(row.cells[3].boolean);
  EXPECT_THAT(row.cells[4].texts, ElementsAre("x", "y"));
  EXPECT_EQ(row.cells[5].kind, Kind::kMissing);
  EXPECT_FALSE((*reader)->next(row).value());
}

TEST(JsonlTest, CellsDoNotKeepWhatTheRowBeforeHad) {
  EXPECT_EQ(jsonl_rows("\xEF\xBB\xBF{\"a\":\"long text\",\"b\":[\"x\",\"y\"]}\r\n \n{\"b\":[]}\n{\"a\":\"s\"}"),
            (Texts{{"long text", "[x|y|"}, {"-", "["}, {"s", "-"}}));
  EXPECT_EQ(jsonl_rows("{\"x\":{\"deep\":1},\"a\":1}\n", {.columns = {{"w", false}, {"a"}}}), (Texts{{"-", "1"}}));
}

TEST(JsonlTest, NamesTheRowThatIsWrong) {
  const TableSettings wants_a{.columns = {{"a"}}};
  const TableSettings small{.columns = {{"a"}},
                            .limits = {.row_bytes = 40, .cell_bytes = 10, .columns = 2, .texts_of_cell = 2, .rows = 2}};
  const std::vector<std::tuple<std::string, TableSettings, std::string>> wrong = {
      {"", {}, "there are no rows"},
      {"{}\n", {}, "row 1 (line 1): names no column"},
      {"{\"a\":1}\n\n[1]\n", {}, "row 2 (line 3): is not an object"},
      {"{\"a\":1}\n{\"a\":1,\"b\":2}\n", {}, "row 2 (line 2): 'b' is no column of the first row"},
      {"{\"a\":1}\n{\"b\":1}\n", wants_a, "row 2 (line 2): lacks 'a'"},
      {"{\"a\":null}\n", wants_a, "row 1 (line 1), column 'a': is null"},
      {"{\"a\":1\n", {}, "row 1 (line 1): not valid JSON"},
      {"{\"a\":1}{\"a\":2}\n", {}, "row 1 (line 1): not valid JSON"},
      {"{\"a\":NaN}\n", {}, "not valid JSON"},
      {"{\"a\":\"\\ud800\"}\n", {}, "not valid JSON"},
      {"{\"a\":1e999}\n", {}, "column 'a': a number that is too large"},
      {"{\"a\":{\"b\":1}}\n", {}, "column 'a': holds an object"},
      {"{\"a\":[1]}\n", {}, "column 'a': an array holds something other than texts"},
      {"{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}\n", {}, "nested too deep"},
      {"{\"a\":\"\xFF\"}\n", {}, "row 1 (line 1): is not valid UTF-8"},
      {"{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n", small, "row 3 (line 3): a table may have 2 rows"},
      {"{\"a\":1,\"b\":1,\"c\":1}\n", small, "more than the 2 cells"},
      {"{\"a\":\"12345678901\"}\n", small, "column 'a': 11 bytes; a cell may have 10"},
      {"{\"a\":[\"1\",\"2\",\"3\"]}\n", small, "column 'a': more than 2 texts"},
      {"{\"a\":1}\n{\"a\":1" + std::string(40, ' ') + "}\n", small, "row 2 (line 2): more than the 40 bytes"},
  };
  for (const auto& [text, settings, message] : wrong) {
    const auto rows = rows_of(read_jsonl(text, "x.jsonl", settings));
    ASSERT_FALSE(rows) << text;
    EXPECT_THAT(rows.error().message, AllOf(HasSubstr("x.jsonl: "), HasSubstr(message))) << text;
  }
}

TEST(TableTest, NumbersAreReadStrictly) {
  const auto number = [](const char* text) {
    TableCell cell;
    cell.kind = Kind::kText;
    cell.text = text;
    return cell.as_number();
  };
  EXPECT_EQ(number("1.5").value(), 1.5);
  EXPECT_EQ(number(" -2e3\t").value(), -2000.0);
  EXPECT_EQ(number("+7").value(), 7.0);
  for (const char* text : {"", " ", "1,5", "1.5x", "nan", "inf", "1e999", "+-1", "0x10"}) {
    const auto refused = number(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, HasSubstr("is not a number"));
  }
  EXPECT_THAT(TableCell().as_number().error().message, HasSubstr("where nothing is"));
  EXPECT_FALSE(TableCell().as_text());
}

TEST(TableTest, OpensFilesByTheirEnding) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / ("table_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  };
  EXPECT_EQ(rows_of(open_table(write("a.csv", "a,b\n1,2\n"))).value(), (Texts{{"1", "2"}}));
  EXPECT_EQ(rows_of(open_table(write("a.tsv", "a,b\n1,2\n"))).value(), (Texts{{"1,2"}}));
  EXPECT_EQ(rows_of(open_table(write("a.jsonl", "{\"a\":1}\n"))).value(), (Texts{{"1"}}));
  EXPECT_EQ(open_table(write("a.xls", "x")).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(open_table(write("empty.csv", "")).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(open_table(folder / "none.csv").error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(folder);
}

// What is written with quotes is what is read, whatever the cells hold.
TEST(TableTest, RandomTablesComeBack) {
  std::mt19937 random(20261128);
  const std::string pieces[] = {"a", ",", ";", "\"", "\n", "\r\n", "ä", " ", "\t", "1", ""};
  for (int round = 0; round < 500; ++round) {
    const std::size_t columns = 1 + random() % 4;
    Texts rows(1 + random() % 5);
    std::string text;
    for (std::size_t c = 0; c < columns; ++c) text += (c > 0 ? ",c" : "c") + std::to_string(c);
    for (auto& row : rows) {
      text += "\n";
      for (std::size_t c = 0; c < columns; ++c) {
        std::string cell, quoted = "\"";
        for (std::size_t i = random() % 6; i > 0; --i) cell += pieces[random() % std::size(pieces)];
        for (const char letter : cell) quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
        row.push_back(cell);
        text += (c > 0 ? "," : "") + quoted + "\"";
      }
    }
    EXPECT_EQ(csv_rows(text, {.delimiter = ','}), rows) << text;
  }
}

}  // namespace
}  // namespace marquee::formats
