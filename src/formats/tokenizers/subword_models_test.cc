#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizers/unigram_model.h"
#include "formats/tokenizers/word_piece_model.h"

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;

std::vector<TokenId> subword_ids(const SubwordModel& model, std::string_view text) {
  SubwordScratch scratch;
  std::vector<TokenId> ids;
  model.encode(text, scratch, ids);
  return ids;
}

PrefixTrie trie_of(const std::vector<std::string>& tokens) {
  std::vector<std::pair<std::string_view, TokenId>> entries;
  for (std::size_t i = 0; i < tokens.size(); ++i) entries.emplace_back(tokens[i], static_cast<TokenId>(i));
  return PrefixTrie(std::move(entries));
}

/// The best sum of scores over all ways to cut `text`.
double best_score(const std::vector<std::string>& tokens, const std::vector<double>& scores, std::string_view text) {
  if (text.empty()) return 0;
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].empty() && text.starts_with(tokens[i])) {
      best = std::max(best, scores[i] + best_score(tokens, scores, text.substr(tokens[i].size())));
    }
  }
  return best;
}

TEST(UnigramModelTest, FindsTheBestOfAllWays) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> tokens = {"", "a", "b", "c"};  // the first is the unknown token
    for (int i = 0; i < 12; ++i) {
      std::string token;
      for (std::size_t length = 2 + random() % 3; length > 0; --length) token += static_cast<char>('a' + random() % 3);
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    }
    std::vector<double> scores;
    for (std::size_t i = 0; i < tokens.size(); ++i) scores.push_back(-1.0 - static_cast<double>(random() % 1000) / 100);
    UnigramOptions options;
    options.unknown_score = -100;
    const UnigramModel model(options, trie_of(tokens), scores);
    std::string text;
    for (std::size_t length = 1 + random() % 12; length > 0; --length) text += static_cast<char>('a' + random() % 3);
    double score = 0;
    std::string joined;
    for (const TokenId id : subword_ids(model, text)) {
      score += scores[id];
      joined += tokens[id];
    }
    EXPECT_EQ(joined, text);
    EXPECT_NEAR(score, best_score(tokens, scores, text), 1e-9) << text;
  }
}

TEST(UnigramModelTest, UnknownCharactersAreOneTokenOrTheirBytes) {
  const std::vector<std::string> tokens = {"", "a"};
  UnigramOptions options;
  options.unknown_score = -20;
  EXPECT_THAT(subword_ids(UnigramModel(options, trie_of(tokens), {0, -1}), "a漢字a"), ElementsAre(1, 0, 1));
  options.byte_tokens.emplace();
  for (std::size_t byte = 0; byte < 256; ++byte) (*options.byte_tokens)[byte] = static_cast<TokenId>(1000 + byte);
  EXPECT_THAT(subword_ids(UnigramModel(options, trie_of(tokens), {0, -1}), "éa"),
              ElementsAre(1000 + 0xC3, 1000 + 0xA9, 1));
}

TEST(UnigramModelTest, OfEqualWaysSinglePrecisionTakesSentencePiecesOne) {
  // -0.1f three times and -0.3 differ in 64 bits, not in 32.
  const std::vector<std::string> tokens = {"", "a", "aaa"};
  const std::vector<double> scores = {0, static_cast<float>(-0.1), static_cast<float>(-0.3) - 1e-9};
  UnigramOptions options;
  options.unknown_score = -20;
  EXPECT_THAT(subword_ids(UnigramModel(options, trie_of(tokens), scores), "aaa"), ElementsAre(1, 1, 1));
  options.single_precision = true;
  EXPECT_THAT(subword_ids(UnigramModel(options, trie_of(tokens), scores), "aaa"), ElementsAre(2));
}

TEST(WordPieceModelTest, TakesTheLongestFromTheLeft) {
  const WordPieceModel model({.unknown = 9, .max_word_chars = 6}, trie_of({"un", "unable", "a"}),
                             trie_of({"able", "a", "ff"}));
  EXPECT_THAT(subword_ids(model, "unaff"), ElementsAre(0, 1, 2));
  EXPECT_THAT(subword_ids(model, "unable"), ElementsAre(1));
  EXPECT_THAT(subword_ids(model, "unax"), ElementsAre(9));     // the whole word
  EXPECT_THAT(subword_ids(model, "unaffff"), ElementsAre(9));  // seven characters
  EXPECT_THAT(subword_ids(model, "aaa"), ElementsAre(2, 1, 1));
}

}  // namespace
}  // namespace marquee::formats
