#include <gtest/gtest.h>

#include <map>

#include "text/words/words_fixture_test.h"

namespace marquee::text::words {
namespace {

std::vector<std::string> lines_of(TextSource& source) {
  std::vector<std::string> lines;
  EXPECT_TRUE(source.rewind());
  while (true) {
    const auto line = source.next();
    EXPECT_TRUE(line);
    if (!line || !*line) return lines;
    lines.push_back(std::to_string((*line)->number) + " " + std::string((*line)->text));
  }
}

std::vector<std::string> words_of(std::string_view text, SplitSettings settings) {
  WordSplitter splitter(settings);
  const auto words = splitter.split(text);
  return {words.begin(), words.end()};
}

TEST(WordTable, NumbersWordsInTheirOrder) {
  WordTable table;
  for (int i = 0; i < 50'000; ++i) ASSERT_EQ(table.add("word" + std::to_string(i)), i);
  for (int i = 0; i < 50'000; i += 7) {
    ASSERT_EQ(table.find("word" + std::to_string(i)), i);
    ASSERT_EQ(table.add("word" + std::to_string(i)), i);
    ASSERT_EQ(table.word(i), "word" + std::to_string(i));
  }
  EXPECT_EQ(table.find("word50000"), WordTable::kNone);
  EXPECT_EQ(table.find(""), WordTable::kNone);
  EXPECT_EQ(table.size(), 50'000U);
}

TEST(TextFiles, GivesLinesOfAllFiles) {
  const WordsFolder folder;
  auto source =
      TextFiles::open({folder.write("a", "one two\r\n\nthree"), folder.write("b", ""), folder.write("c", "four\n")});
  ASSERT_TRUE(source);
  const std::vector<std::string> expected = {"1 one two", "2 ", "3 three", "1 four"};
  EXPECT_EQ(lines_of(*source), expected);
  EXPECT_EQ(lines_of(*source), expected) << "a second time";
}

TEST(TextFiles, CutsEndlessLinesAtBlanks) {
  const WordsFolder folder;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "w" + std::to_string(i) + " ";
  auto source = TextFiles::open({folder.write("a", text + "\nlast")}, 4096);
  ASSERT_TRUE(source);
  std::string together;
  for (const std::string& line : lines_of(*source)) {
    ASSERT_LE(line.size(), 4096U + 2);
    together += line.substr(2);
    ASSERT_TRUE(line.starts_with("1 ") || line == "2 last") << line.substr(0, 40);
  }
  EXPECT_EQ(together, text + "last");
}

TEST(TextFiles, CutsALineWithoutBlanksBetweenCharacters) {
  const WordsFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\u20ac";
  auto source = TextFiles::open({folder.write("a", text)}, 4096);
  ASSERT_TRUE(source);
  for (const std::string& line : lines_of(*source)) ASSERT_EQ((line.size() - 2) % 3, 0U);
}

TEST(TextFiles, SaysWhichFileIsMissing) {
  const auto source = TextFiles::open({"/nowhere/text.txt"});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, base::ErrorCode::kNotFound);
  EXPECT_NE(source.error().message.find("/nowhere/text.txt"), std::string::npos);
}

TEST(WordSplitter, AtBlanksAndByUnicode) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words_of(" The cat's\tgone, \n", {}), (Words{"The", "cat's", "gone,"}));
  const SplitSettings unicode{WordRule::kUnicode, true, false};
  EXPECT_EQ(words_of("The cat's gone -- 'quoted' x_1 don\u2019t!", unicode),
            (Words{"the", "cat's", "gone", "quoted", "x_1", "don\u2019t"}));
  EXPECT_EQ(words_of("\u00c9T\u00c9 na\u00efve \u65e5\u672c \u0438\u043c\u044f", unicode),
            (Words{"\u00e9t\u00e9", "na\u00efve", "\u65e5\u672c", "\u0438\u043c\u044f"}));
  EXPECT_EQ(words_of("", unicode), Words{});
}

TEST(WordSplitter, BrokenTextIsRefusedWithItsLine) {
  const WordsFolder folder;
  auto source = TextFiles::open({folder.write("a", "fine\nbro\xffken\n")});
  ASSERT_TRUE(source);
  const auto strict = Vocabulary::count(*source, {.strict = true}, {.min_count = 1});
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().code, base::ErrorCode::kCorrupt);
  EXPECT_NE(strict.error().message.find("a:2: not valid UTF-8"), std::string::npos) << strict.error().message;
  const auto lenient = Vocabulary::count(*source, {}, {.min_count = 1});
  ASSERT_TRUE(lenient);
  EXPECT_NE(lenient->find("bro\ufffdken"), WordTable::kNone);
}

TEST(WordSplitter, ALongRunIsNoWord) {
  const WordsFolder folder;
  auto source = TextFiles::open({folder.write("a", "one two " + std::string(2000, 'x') + "\n")});
  ASSERT_TRUE(source);
  EXPECT_EQ(Vocabulary::count(*source, {}, {.min_count = 1})->size(), 2U);
  EXPECT_FALSE(Vocabulary::count(*source, {.strict = true}, {.min_count = 1}));
}

TEST(Vocabulary, CountsAndOrders) {
  const WordsFolder folder;
  auto source = TextFiles::open({folder.write("a", "b a b c b\na d b\n")});
  ASSERT_TRUE(source);
  const auto vocabulary = Vocabulary::count(*source, {}, {.min_count = 2});
  ASSERT_TRUE(vocabulary);
  ASSERT_EQ(vocabulary->size(), 2U);
  EXPECT_EQ(vocabulary->word(0), "b");
  EXPECT_EQ(vocabulary->counts()[0], 4U);
  EXPECT_EQ(vocabulary->word(1), "a");
  EXPECT_EQ(vocabulary->total(), 6U);
  EXPECT_EQ(vocabulary->read(), 8U);
  const auto largest = Vocabulary::count(*source, {}, {.min_count = 1, .max_words = 3});
  ASSERT_EQ(largest->size(), 3U);
  EXPECT_EQ(largest->word(2), "c") << "of equals the one that came first";
}

TEST(Vocabulary, ForgetsTheRarestWhenThereAreTooMany) {
  const WordsFolder folder;
  std::string text;
  for (int i = 0; i < 5300; ++i) text += "often seldom" + std::to_string(i) + "\n";
  auto source = TextFiles::open({folder.write("a", text)});
  ASSERT_TRUE(source);
  const auto vocabulary = Vocabulary::count(*source, {}, {.min_count = 1, .max_distinct = 1000});
  ASSERT_TRUE(vocabulary);
  EXPECT_LE(vocabulary->size(), 1000U);
  EXPECT_EQ(vocabulary->word(0), "often");
  EXPECT_EQ(vocabulary->counts()[0], 5300U);
}

TEST(Vocabulary, SaysWhatToDoWithoutWords) {
  const WordsFolder folder;
  auto source = TextFiles::open({folder.write("a", "one two three\n")});
  ASSERT_TRUE(source);
  const auto vocabulary = Vocabulary::count(*source, {}, {});
  ASSERT_FALSE(vocabulary);
  EXPECT_EQ(vocabulary.error().code, base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(vocabulary.error().field, "min_count");
}

TEST(EncodedCorpus, IsTheTextInNumbers) {
  const WordsFolder folder;
  std::string text;
  std::map<std::string, int> counts;
  for (int i = 0; i < 3000; ++i) {
    text +=
        "w" + std::to_string(i % 7) + " w" + std::to_string(i % 3) + (i % 2 == 0 ? " rare" + std::to_string(i) : "");
    text += '\n';
  }
  const TestCorpus corpus = encode_text(folder, text, 2);
  EXPECT_EQ(corpus.vocabulary.size(), 7U);
  EXPECT_EQ(corpus.encoded.words(), 6000U);
  ASSERT_GT(corpus.encoded.chunks(), 1U);
  std::string back;
  std::vector<std::int32_t> buffer;
  for (std::size_t chunk = 0; chunk < corpus.encoded.chunks(); ++chunk) {
    const auto ids = corpus.encoded.read(chunk, buffer);
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->back(), EncodedCorpus::kSentenceEnd);
    std::uint64_t words = 0;
    for (const std::int32_t id : *ids) {
      words += id >= 0 ? 1 : 0;
      back += id < 0 ? "\n" : std::string(corpus.vocabulary.word(id)) + " ";
    }
    EXPECT_EQ(corpus.encoded.words_before(chunk) + words, corpus.encoded.words_before(chunk + 1));
  }
  std::string expected;
  for (int i = 0; i < 3000; ++i) expected += "w" + std::to_string(i % 7) + " w" + std::to_string(i % 3) + " \n";
  EXPECT_EQ(back, expected);
}

TEST(EncodedCorpus, StopsWhenToldTo) {
  const WordsFolder folder;
  auto source = TextFiles::open({folder.write("a", "a b a b\n")});
  const std::atomic<bool> cancel{true};
  const auto counted = Vocabulary::count(*source, {}, {.min_count = 1}, &cancel);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, base::ErrorCode::kCancelled);
}

}  // namespace
}  // namespace marquee::text::words
