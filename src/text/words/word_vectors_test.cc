#include "text/words/word_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "text/words/vector_archive.h"
#include "text/words/vector_files.h"
#include "text/words/words_fixture_test.h"

namespace marquee::text::words {
namespace {

WordVectors vectors_of(const std::vector<std::pair<std::string, std::vector<float>>>& rows) {
  WordTable table;
  auto matrix = RowMatrix::create(rows.size(), rows.front().second.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    table.add(rows[i].first);
    std::copy(rows[i].second.begin(), rows[i].second.end(), matrix->row(i));
  }
  return std::move(*WordVectors::create(std::move(table), std::move(*matrix)));
}

WordVectors random_vectors(std::size_t words, std::size_t dimensions) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  std::vector<std::pair<std::string, std::vector<float>>> rows;
  for (std::size_t i = 0; i < words; ++i) {
    rows.emplace_back("w" + std::to_string(i), std::vector<float>(dimensions));
    for (float& value : rows.back().second) value = normal(random);
  }
  return vectors_of(rows);
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

TEST(WordVectors, NearestAreThoseOfASimpleSearch) {
  const WordVectors vectors = random_vectors(7000, 37);
  for (const unsigned threads : {1U, 2U}) {
    base::ThreadPool pool(threads);
    const std::int32_t excluded[] = {5, 17};
    const auto found = vectors.nearest(vectors.vector(5), {.top_k = 12, .excluded = excluded}, pool);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 12U);
    std::vector<std::pair<double, std::int32_t>> all;
    for (std::int32_t id = 0; id < 7000; ++id) {
      if (id != 5 && id != 17) all.emplace_back(-cosine(vectors.vector(5), vectors.vector(id)), id);
    }
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].word, all[i].second);
      EXPECT_NEAR((*found)[i].score, -all[i].first, 1e-5);
    }
  }
}

TEST(WordVectors, AmongTheMostFrequentOnly) {
  const WordVectors vectors = random_vectors(100, 8);
  base::ThreadPool pool(1);
  const auto found = vectors.nearest(vectors.vector(70), {.top_k = 500, .most_frequent = 20}, pool);
  ASSERT_EQ(found->size(), 20U);
  for (const Neighbour& one : *found) EXPECT_LT(one.word, 20);
}

// Two directions: what it is (king, film) and for whom (man, woman).
WordVectors royal_vectors() {
  return vectors_of({{"man", {1, 0, 0, 3}},
                     {"woman", {0, 1, 0, 3}},
                     {"king", {1, 0, 4, 3}},
                     {"queen", {0, 1, 4, 3}},
                     {"film", {-2, -2, 0, -1}},
                     {"nothing", {0, 0, 0, 0}}});
}

TEST(WordVectors, SolvesAnalogies) {
  const WordVectors vectors = royal_vectors();
  base::ThreadPool pool(1);
  const std::int32_t positive[] = {vectors.find("king"), vectors.find("woman")};
  const std::int32_t negative[] = {vectors.find("man")};
  for (const auto method : {AnalogyMethod::kAdd, AnalogyMethod::kMultiply}) {
    const auto found = vectors.solve({positive, negative, method}, {.top_k = 10}, pool);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 3U) << "its own words are no answer";
    EXPECT_EQ(vectors.word(found->front().word), "queen");
  }
}

TEST(WordVectors, MultiplyingIsThatOfLevyAndGoldberg) {
  const WordVectors vectors = random_vectors(50, 9);
  base::ThreadPool pool(1);
  const std::int32_t positive[] = {1, 2};
  const std::int32_t negative[] = {3};
  const auto found = vectors.solve({positive, negative, AnalogyMethod::kMultiply}, {.top_k = 47}, pool);
  ASSERT_EQ(found->size(), 47U);
  for (const Neighbour& one : *found) {
    const auto shifted = [&](std::int32_t id) {
      return (1.0 + cosine(vectors.vector(one.word), vectors.vector(id))) / 2.0;
    };
    EXPECT_NEAR(one.score, shifted(1) * shifted(2) / (shifted(3) + 1e-6), 1e-4);
  }
}

TEST(WordVectors, SimilarityAndOddOneOutAndMean) {
  const WordVectors vectors = royal_vectors();
  const auto id = [&](const char* word) { return vectors.find(word); };
  EXPECT_NEAR(vectors.similarity(id("king"), id("queen")), 25.0F / 26.0F, 1e-6F);
  EXPECT_EQ(vectors.similarity(id("king"), id("nothing")), 0.0F);
  const std::int32_t words[] = {id("king"), id("film"), id("queen"), id("woman")};
  EXPECT_EQ(vectors.odd_one_out(words), id("film"));
  const std::string_view text[] = {"king", "unheard", "queen"};
  const auto mean = vectors.mean(text);
  ASSERT_TRUE(mean);
  EXPECT_NEAR((*mean)[2], 4.0F / std::sqrt(26.0F), 1e-6F);
  const std::string_view unknown[] = {"unheard"};
  EXPECT_FALSE(vectors.mean(unknown));
}

TEST(WordVectors, RefusesWhatCannotBeAsked) {
  const WordVectors vectors = royal_vectors();
  base::ThreadPool pool(1);
  const std::int32_t missing[] = {99};
  EXPECT_FALSE(vectors.solve({missing, {}, AnalogyMethod::kAdd}, {}, pool));
  EXPECT_FALSE(vectors.solve({{}, {}, AnalogyMethod::kAdd}, {}, pool));
  EXPECT_FALSE(vectors.nearest(vectors.vector(0).subspan(1), {}, pool));
  EXPECT_FALSE(vectors.nearest(vectors.vector(0), {.top_k = 0}, pool));
  const float endless[] = {1.0F, std::numeric_limits<float>::infinity(), 0.0F, 0.0F};
  EXPECT_FALSE(vectors.nearest(endless, {}, pool));
  const float huge[] = {3e38F, 3e38F, 0.0F, 0.0F};
  EXPECT_FALSE(vectors.nearest(huge, {}, pool));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(VectorFiles, AreReadBackTheSame) {
  const WordsFolder folder;
  const WordVectors vectors = random_vectors(300, 21);
  const auto path = folder.path() / "vectors";
  for (const char* name : {"word2vec_text", "word2vec_binary", "glove_text"}) {
    const auto format = *vector_format_of(name);
    ASSERT_TRUE(save_vectors(vectors, path, format));
    const auto read = load_vectors(path, format);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(are_same(vectors, *read)) << name;
  }
  EXPECT_FALSE(vector_format_of("excel"));
  EXPECT_EQ(load_vectors(folder.path() / "none", VectorFormat::kGloveText).error().code, base::ErrorCode::kNotFound);
}

TEST(VectorFiles, TakeWhatOtherProgramsWrite) {
  const auto text =
      parse_vectors(bytes_of("2 2\r\nfilm 0.5 -1e-3 \r\nsong\t+1 1e-60\r\n"), VectorFormat::kWord2VecText, "f");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->vector(0)[1], -1e-3F);
  EXPECT_EQ(text->vector(1)[1], 0.0F) << "smaller than f32 can be";
  const auto glove = parse_vectors(bytes_of("the 1 2\n. . . 3 4\nthe 5 6"), VectorFormat::kGloveText, "f");
  ASSERT_TRUE(glove) << glove.error().message;
  ASSERT_EQ(glove->size(), 2U) << "a word that is there twice counts once";
  EXPECT_EQ(glove->word(1), ". . .");
  EXPECT_EQ(glove->vector(0)[0], 1.0F);
  const auto binary = parse_vectors(bytes_of(std::string_view("2 1\nfilm \0\0\x80?song \0\0\0@", 22)),
                                    VectorFormat::kWord2VecBinary, "f");
  ASSERT_TRUE(binary) << binary.error().message << "; without lines' ends";
  EXPECT_EQ(binary->vector(0)[0], 1.0F);
  EXPECT_EQ(binary->vector(1)[0], 2.0F);
}

struct Damaged {
  const char* text;
  VectorFormat format;
  const char* message;
};

TEST(VectorFiles, DamagedOnesAreRefusedWithTheirLine) {
  const Damaged all[] = {
      {"", VectorFormat::kWord2VecText, "f:1: not the two numbers"},
      {"film 1 2\n", VectorFormat::kWord2VecText, "f:1: not the two numbers"},
      {"-2 3\n", VectorFormat::kWord2VecText, "f:1: not the two numbers"},
      {"2 3 4\n", VectorFormat::kWord2VecText, "f:1: not the two numbers"},
      {"99999999999999999999 3\n", VectorFormat::kWord2VecText, "f:1: not the two numbers"},
      {"0 3\n", VectorFormat::kWord2VecText, "f:1: 0 words"},
      {"1 0\nfilm\n", VectorFormat::kWord2VecText, "f:1: 0 dimensions"},
      {"1 5000\nfilm\n", VectorFormat::kWord2VecText, "f:1: 5000 dimensions"},
      {"1000000000 300\nfilm 1 2\n", VectorFormat::kWord2VecText, "do not fit into a file"},
      {"1000000000 300\nfilm 1 2\n", VectorFormat::kWord2VecBinary, "do not fit into a file"},
      {"2 2\nfilm 1 2\nsong 1\n        ", VectorFormat::kWord2VecText, "f:3: fewer fields"},
      {"2 2\nfilm 1 2\nsong 1 x\n", VectorFormat::kWord2VecText, "f:3: a field is not a number"},
      {"2 2\nfilm 1 2\nsong 1 2x\n", VectorFormat::kWord2VecText, "f:3: a field is not a number"},
      {"2 2\nfilm 1 2\nsong 1 nan\n", VectorFormat::kWord2VecText, "f:3: a number is not finite"},
      {"2 2\nfilm 1 2\nsong 1 1e99\n", VectorFormat::kWord2VecText, "f:3: a number is not finite"},
      {"2 2\nfilm 1 2.000000000\n", VectorFormat::kWord2VecText, "f:2: the file ends here"},
      {"1 2\nfilm 1 2\nsong 1 2\n", VectorFormat::kWord2VecText, "f:3: more words"},
      {"film\n", VectorFormat::kGloveText, "f:1: not a word and its numbers"},
      {"film 1 2\nsong 1\n", VectorFormat::kGloveText, "f:2: fewer fields"},
      {"film 1.000 2\n\n", VectorFormat::kGloveText, "f:2: fewer fields"},
      {"1 1\nfilmfilmfilm", VectorFormat::kWord2VecBinary, "f: word 1: no blank"},
      {"1 1\nfilmfilm abc", VectorFormat::kWord2VecBinary, "f: word 1: the file ends"},
      {"1 1\nfilm abcdefg", VectorFormat::kWord2VecBinary, "more bytes"},
      {"1 1\n abcd", VectorFormat::kWord2VecBinary, "f: word 1: a vector without a word"},
  };
  for (const Damaged& one : all) {
    const auto result = parse_vectors(bytes_of(one.text), one.format, "f");
    ASSERT_FALSE(result) << one.text;
    EXPECT_EQ(result.error().code, base::ErrorCode::kCorrupt) << one.text;
    EXPECT_NE(result.error().message.find(one.message), std::string::npos)
        << one.text << ": " << result.error().message;
  }
}

WordVectors vectors_with_subwords() {
  WordTable table;
  table.add("film");
  table.add("song with blanks");
  auto rows = RowMatrix::create(2, 3);
  auto ngrams = RowMatrix::create(4, 3);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      if (i < 2) rows->row(i)[k] = static_cast<float>(1 + i + k);
      ngrams->row(i)[k] = static_cast<float>(10 * i + k);
    }
  }
  std::vector<std::uint32_t> buckets;
  append_ngram_buckets("film", {3, 3, 1000}, buckets);
  std::sort(buckets.begin(), buckets.end());
  auto subwords = SubwordVectors::create({3, 3, 1000}, buckets, std::move(*ngrams));
  EXPECT_TRUE(subwords) << subwords.error().message;
  return std::move(*WordVectors::create(std::move(table), std::move(*rows), std::move(*subwords)));
}

TEST(VectorArchive, KeepsWordsAndNgrams) {
  const WordsFolder folder;
  const auto path = folder.path() / "archive";
  const WordVectors vectors = vectors_with_subwords();
  ASSERT_TRUE(save_archive(vectors, path));
  const auto read = load_archive(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(are_same(vectors, *read));
  std::vector<float> first(3);
  std::vector<float> second(3);
  ASSERT_TRUE(vectors.look_up("films", first));  // <fi fil ilm of it are known
  ASSERT_TRUE(read->look_up("films", second));
  EXPECT_EQ(first, second);
  ASSERT_TRUE(save_archive(royal_vectors(), path));
  EXPECT_FALSE(load_archive(path)->subwords());
}

TEST(VectorArchive, IsRefusedWhenDamaged) {
  const WordsFolder folder;
  const auto path = folder.path() / "archive";
  ASSERT_TRUE(save_archive(vectors_with_subwords(), path));
  std::ifstream file(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  ASSERT_TRUE(parse_archive(bytes_of(whole), "f"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_EQ(parse_archive(bytes_of(whole.substr(0, length)), "f").error().code, base::ErrorCode::kCorrupt) << length;
  }
  EXPECT_FALSE(parse_archive(bytes_of(whole + "x"), "f"));
  for (std::size_t at = 0; at < 64; ++at) {  // every byte of the header counts
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x80);
    const auto result = parse_archive(bytes_of(changed), "f");
    // Only what n-grams are like can change to something possible.
    ASSERT_TRUE(at >= 40 || !result) << at;
    ASSERT_TRUE(result || result.error().code == base::ErrorCode::kCorrupt) << at;
  }
}

TEST(VectorFiles, AWordWithABlankCannotBeWritten) {
  const WordsFolder folder;
  const WordVectors vectors = vectors_of({{"new york", {1.0F}}});
  EXPECT_FALSE(save_vectors(vectors, folder.path() / "v", VectorFormat::kWord2VecText));
}

}  // namespace
}  // namespace marquee::text::words
