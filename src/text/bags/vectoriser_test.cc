#include "text/bags/vectoriser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace marquee::text::bags {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string_view>;
using Cells = std::vector<std::pair<std::string, float>>;

FittedRows fit(const Texts& texts, const VectoriserOptions& options, unsigned threads = 1) {
  base::ThreadPool pool(threads);
  auto fitted = Vectoriser::fit_transform(texts, options, pool);
  EXPECT_TRUE(fitted) << (fitted ? "" : fitted.error().message);
  return std::move(fitted).value();
}

std::vector<std::string> terms(const Vectoriser& vectoriser) {
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < vectoriser.columns(); ++i) all.emplace_back(vectoriser.term(i));
  return all;
}

std::vector<std::string> terms_of(const Texts& texts, const VectoriserOptions& options) {
  return terms(fit(texts, options).vectoriser);
}

Cells cells(const Vectoriser& vectoriser, SparseRow row) {
  Cells all;
  for (std::size_t i = 0; i < row.size(); ++i) all.emplace_back(vectoriser.term(row.columns[i]), row.values[i]);
  return all;
}

std::string error_of(const Texts& texts, const VectoriserOptions& options) {
  base::ThreadPool pool(1);
  const auto fitted = Vectoriser::fit(texts, options, pool);
  EXPECT_FALSE(fitted);
  return fitted ? "" : fitted.error().message;
}

TEST(Vectoriser, CountsWordsInTheOrderOfTheirCodePoints) {
  const auto fitted = fit({"The cat saw a cat.", "Zebra: école, THE end", ""}, {});
  EXPECT_THAT(terms(fitted.vectoriser), ElementsAre("cat", "end", "saw", "the", "zebra", "école"));
  ASSERT_EQ(fitted.rows.rows(), 3U);
  EXPECT_THAT(cells(fitted.vectoriser, fitted.rows.row(0)),
              ElementsAre(std::pair("cat", 2.0F), std::pair("saw", 1.0F), std::pair("the", 1.0F)));
  EXPECT_EQ(fitted.rows.row(2).size(), 0U);
  EXPECT_EQ(fitted.vectoriser.document_count(3), 2U);
}

TEST(Vectoriser, WordsEndWherePythonEndsThem) {
  // A mark (U+0301) is no word character; letters and digits of any script are, and so is the underscore.
  EXPECT_THAT(terms_of({"cafe\u0301s snake_case x1 ٣٤ 日本語 день"}, {}),
              ElementsAre("cafe", "snake_case", "x1", "день", "٣٤", "日本語"));
  VectoriserOptions short_words;
  short_words.min_word_chars = 1;
  EXPECT_THAT(terms_of({"I am é 5"}, short_words), ElementsAre("5", "am", "i", "é"));
}

TEST(Vectoriser, LowersWithTheWholeMapping) {
  EXPECT_THAT(terms_of({"ΟΔΟΣ ΣΟΦΙΑ İstanbul ÉCOLE"}, {}), ElementsAre("stanbul", "école", "οδος", "σοφια"))
      << "a sigma at the end of a word, and a dotted capital I that becomes two code points, the second a mark";
  VectoriserOptions as_is;
  as_is.lowercase = false;
  EXPECT_THAT(terms_of({"Ab AB ab"}, as_is), ElementsAre("AB", "Ab", "ab"));
}

TEST(Vectoriser, StripsAccents) {
  VectoriserOptions options;
  options.strip_accents = StripAccents::kUnicode;
  EXPECT_THAT(terms_of({"naïve e\u0301cole ﬁn Ångström день"}, options),
              ElementsAre("angstrom", "ecole", "fin", "naive", "день"));
  options.strip_accents = StripAccents::kAscii;
  EXPECT_THAT(terms_of({"naïve день"}, options), ElementsAre("naive"));
}

TEST(Vectoriser, JoinsWordsOverWhatIsLeftOut) {
  VectoriserOptions options;
  options.max_ngram = 2;
  options.stop_language = "en";
  options.stop_words = {"ending"};
  EXPECT_THAT(terms_of({"The plot, of the ending; spoils everyone's fun!"}, options),
              ElementsAre("fun", "plot", "plot spoils", "spoils", "spoils fun"));
}

TEST(Vectoriser, CharacterTerms) {
  VectoriserOptions options;
  options.analyser = Analyser::kChar;
  options.min_ngram = 2;
  options.max_ngram = 2;
  EXPECT_THAT(terms_of({"ab \n é"}, options), ElementsAre(" é", "ab", "b "));
  options.analyser = Analyser::kCharWordBoundary;
  options.max_ngram = 4;
  EXPECT_THAT(terms_of({"a bcd"}, options),
              ElementsAre(" a", " a ", " b", " bc", " bcd", "a ", "bc", "bcd", "bcd ", "cd", "cd ", "d "));
}

TEST(Vectoriser, AWordShorterThanTheTermCountsOnce) {
  VectoriserOptions options;
  options.analyser = Analyser::kCharWordBoundary;
  options.min_ngram = 5;
  options.max_ngram = 8;
  EXPECT_THAT(terms_of({"a"}, options), ElementsAre(" a "));
  options.analyser = Analyser::kChar;
  EXPECT_THAT(error_of({"abcd"}, options), HasSubstr("no term"));
}

TEST(Vectoriser, BrokenUtf8IsOneReplacementForEachMaximalPart) {
  VectoriserOptions options;
  options.analyser = Analyser::kChar;
  const auto fitted = fit({"a\xF0\x9F\x8E"
                           "b\xE6\x97"
                           "c\xFF\xC0\xAF"},
                          options);
  EXPECT_THAT(cells(fitted.vectoriser, fitted.rows.row(0)),
              ElementsAre(std::pair("a", 1.0F), std::pair("b", 1.0F), std::pair("c", 1.0F), std::pair("\uFFFD", 5.0F)));
}

TEST(Vectoriser, LimitsByDocumentsAndFrequency) {
  const Texts texts = {"aa bb cc", "aa bb", "aa dd dd dd", "aa"};
  VectoriserOptions options;
  options.min_df = {2.0, false};
  EXPECT_THAT(terms_of(texts, options), ElementsAre("aa", "bb"));
  options.min_df = {1.0, false};
  options.max_df = {0.5, true};
  EXPECT_THAT(terms_of(texts, options), ElementsAre("bb", "cc", "dd"));
  options.max_features = 1;
  EXPECT_THAT(terms_of(texts, options), ElementsAre("dd"));
  options.binary = true;
  EXPECT_THAT(terms_of(texts, options), ElementsAre("bb")) << "each document counts once";
  options.min_df = {3.0, false};
  EXPECT_THAT(error_of(texts, options), HasSubstr("max_df"));
  options = {};
  options.min_df = {1.0, true};
  options.max_df = {4.0, false};
  EXPECT_THAT(terms_of(texts, options), ElementsAre("aa"));
  EXPECT_THAT(error_of({"aa bb", "cc"}, options), HasSubstr("lower min_df"));
}

TEST(Vectoriser, WeighsByInverseDocumentFrequency) {
  VectoriserOptions options = VectoriserOptions::tf_idf();
  options.sublinear_tf = true;
  const auto fitted = fit({"aa aa bb", "aa"}, options);
  const double a = 1.0 + std::log(2.0);
  const double b = std::log(3.0 / 2.0) + 1.0;
  EXPECT_FLOAT_EQ(fitted.rows.values[0], static_cast<float>(a / std::hypot(a, b)));
  EXPECT_FLOAT_EQ(fitted.rows.values[1], static_cast<float>(b / std::hypot(a, b)));
  EXPECT_FLOAT_EQ(fitted.rows.values[2], 1.0F);
}

TEST(Vectoriser, HashedColumnsTakeTheirSigns) {
  VectoriserOptions options = VectoriserOptions::hashing(16);
  options.norm = Norm::kNone;
  const auto fitted = fit({"one two three four five six seven eight nine ten one"}, options);
  float sum = 0.0F;
  float least = 0.0F;
  for (const float value : fitted.rows.values) {
    sum += value;
    least = std::min(least, value);
  }
  EXPECT_LT(least, 0.0F);
  options.alternate_sign = false;
  const auto unsigned_rows = fit({"one two three four five six seven eight nine ten one"}, options).rows;
  float count = 0.0F;
  for (const float value : unsigned_rows.values) count += value;
  EXPECT_EQ(count, 11.0F);
  EXPECT_LT(sum, 11.0F);
}

std::vector<std::string> random_texts(std::size_t count) {
  std::mt19937 random(5);
  std::vector<std::string> texts(count);
  for (auto& text : texts) {
    for (std::uint32_t words = random() % 40; words > 0; --words) {
      text += "w" + std::to_string(static_cast<std::uint32_t>(std::pow(3000.0, random() % 1000 / 1000.0)));
      text += words % 7 == 0 ? ", É" : " ";
    }
  }
  return texts;
}

TEST(Vectoriser, ThreadsChangeNothing) {
  const auto texts = random_texts(20000);
  const Texts views(texts.begin(), texts.end());
  for (const bool hashed : {false, true}) {
    VectoriserOptions options = hashed ? VectoriserOptions::hashing(4096) : VectoriserOptions::tf_idf();
    options.max_ngram = 2;
    options.idf = true;
    if (!hashed) options.max_features = 5000;
    const auto alone = fit(views, options, 1);
    const auto together = fit(views, options, 3);
    EXPECT_EQ(alone.rows.row_offsets, together.rows.row_offsets);
    EXPECT_EQ(alone.rows.column_ids, together.rows.column_ids);
    EXPECT_EQ(alone.rows.values, together.rows.values);
    base::ThreadPool pool(2);
    const auto again = alone.vectoriser.transform(views, pool);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->column_ids, alone.rows.column_ids)
        << "transform() of what was fitted is what fit_transform() gave";
    EXPECT_EQ(again->values, alone.rows.values);
  }
}

TEST(Vectoriser, RefusesWhatContradictsItself) {
  VectoriserOptions options;
  options.min_ngram = 3;
  EXPECT_THAT(error_of({"aa"}, options), HasSubstr("ngram_range"));
  options = {};
  options.analyser = Analyser::kChar;
  options.stop_language = "en";
  EXPECT_THAT(error_of({"aa"}, options), HasSubstr("stop_words"));
  options = {};
  options.stop_language = "tlh";
  EXPECT_THAT(error_of({"aa"}, options), HasSubstr("one of en, de"));
  options = VectoriserOptions::hashing(8);
  options.max_features = 3;
  EXPECT_THAT(error_of({"aa"}, options), HasSubstr("hash_columns"));
  options = VectoriserOptions::hashing(8);
  options.sublinear_tf = true;
  EXPECT_THAT(error_of({"aa"}, options), HasSubstr("alternate_sign"));
  EXPECT_THAT(error_of({"", "a !"}, {}), HasSubstr("no term"));
  const std::string huge(TermAnalyser::kMaxDocumentBytes + 1, 'x');
  EXPECT_THAT(error_of({"aa", huge}, {}), AllOf(HasSubstr("document 1"), HasSubstr("cut it")));
}

TEST(Vectoriser, LocatesTermsInTheText) {
  VectoriserOptions options;
  options.max_ngram = 2;
  options.strip_accents = StripAccents::kUnicode;
  const std::string text = "Ünï: e\u0301t\u00E9, x ünï été";
  const auto fitted = fit({text}, options);
  const auto located = fitted.vectoriser.locate(text);
  ASSERT_TRUE(located);
  const auto row = fitted.rows.row(0);
  EXPECT_EQ(located->columns, std::vector<std::uint32_t>(row.columns.begin(), row.columns.end()));
  std::vector<std::string> words;
  for (const auto& unit : located->sources.units) words.push_back(text.substr(unit.begin, unit.end - unit.begin));
  EXPECT_THAT(words, ElementsAre("Ünï", "e\u0301t\u00E9", "ünï", "été"));
  std::vector<double> sums(located->columns.size());
  for (const auto& term : located->terms) sums[term.column] += term.share;
  for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_DOUBLE_EQ(sums[i], located->values[i]);
}

TEST(VectoriserOptions, ReadsWhatItWrites) {
  VectoriserOptions options = VectoriserOptions::tf_idf();
  options.analyser = Analyser::kCharWordBoundary;
  options.min_ngram = 2;
  options.max_ngram = 5;
  options.min_df = {0.25, true};
  options.max_df = {1.0, true};
  options.max_features = 77;
  options.strip_accents = StripAccents::kAscii;
  const auto json = options.to_json();
  const auto parsed = base::parse_json(base::json::serialize(json), "options");
  ASSERT_TRUE(parsed);
  const auto read = VectoriserOptions::from_json(parsed->as_object(), "options");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->to_json(), json);
  EXPECT_TRUE(read->max_df.is_fraction) << "1.0 is all documents, 1 is one";
}

TEST(VectoriserOptions, NamesTheFieldThatIsWrong) {
  for (const auto& [text, field] :
       std::vector<std::pair<std::string, std::string>>{{R"({"ngram_rage": [1, 2]})", "ngram_rage"},
                                                        {R"({"ngram_range": [2, 1]})", "ngram_range"},
                                                        {R"({"ngram_range": [1, 1e9]})", "ngram_range"},
                                                        {R"({"min_df": -1})", "min_df"},
                                                        {R"({"max_df": 1.5})", "max_df"},
                                                        {R"({"norm": "l3"})", "norm"},
                                                        {R"({"analyser": 4})", "analyser"},
                                                        {R"({"stop_words": [1]})", "stop_words"},
                                                        {R"({"hash_columns": 4294967296})", "hash_columns"}}) {
    const auto parsed = base::parse_json(text, "options");
    ASSERT_TRUE(parsed) << text;
    const auto read = VectoriserOptions::from_json(parsed->as_object(), "settings.json");
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, AllOf(HasSubstr("settings.json"), HasSubstr(field)));
  }
}

}  // namespace
}  // namespace marquee::text::bags
