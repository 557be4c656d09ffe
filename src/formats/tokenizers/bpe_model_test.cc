#include "formats/tokenizers/bpe_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Tokens in the order of their ids and merges in the order of their ranks.
struct Definition {
  std::vector<std::string> tokens;
  std::vector<std::pair<std::string, std::string>> merges;

  [[nodiscard]] TokenId id(const std::string& token) const {
    return static_cast<TokenId>(std::find(tokens.begin(), tokens.end(), token) - tokens.begin());
  }
  [[nodiscard]] BpeModel model(BpeOptions options = {}) const {
    Vocabulary vocabulary;
    for (std::size_t i = 0; i < tokens.size(); ++i) EXPECT_TRUE(vocabulary.add(static_cast<TokenId>(i), tokens[i]));
    std::vector<Merge> made;
    for (const auto& [left, right] : merges) {
      made.push_back({id(left), id(right), id(left + right), static_cast<std::uint32_t>(made.size())});
    }
    return BpeModel(std::move(options), std::move(vocabulary), made);
  }
};

std::vector<TokenId> encode(const SubwordModel& model, std::string_view text) {
  SubwordScratch scratch;
  std::vector<TokenId> ids;
  model.encode(text, scratch, ids);
  return ids;
}

/// The definition of byte-pair encoding, as slow as it reads.
std::vector<TokenId> encode_naively(const Definition& definition, const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  for (;;) {
    std::size_t best_rank = definition.merges.size();
    std::size_t best_at = 0;
    for (std::size_t at = 0; at + 1 < parts.size(); ++at) {
      const auto merge = std::pair(parts[at], parts[at + 1]);
      const auto rank = static_cast<std::size_t>(std::find(definition.merges.begin(), definition.merges.end(), merge) -
                                                 definition.merges.begin());
      if (rank < best_rank) {
        best_rank = rank;
        best_at = at;
      }
    }
    if (best_rank == definition.merges.size()) break;
    parts[best_at] += parts[best_at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
  std::vector<TokenId> ids;
  for (const auto& part : parts) ids.push_back(definition.id(part));
  return ids;
}

Definition random_definition(std::mt19937& random) {
  Definition definition;
  for (char c = 'a'; c <= 'd'; ++c) definition.tokens.emplace_back(1, c);
  for (int i = 0; i < 25; ++i) {
    const std::string left = definition.tokens[random() % definition.tokens.size()];
    const std::string right = definition.tokens[random() % definition.tokens.size()];
    if (left.size() + right.size() > 9) continue;
    const auto merge = std::pair(left, right);
    if (std::find(definition.merges.begin(), definition.merges.end(), merge) != definition.merges.end()) continue;
    definition.merges.push_back(merge);
    if (definition.id(left + right) == static_cast<TokenId>(definition.tokens.size())) {
      definition.tokens.push_back(left + right);
    }
  }
  return definition;
}

TEST(BpeModelTest, MergesAsTheDefinitionDoesWhateverTheLength) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    const Definition definition = random_definition(random);
    BpeOptions bytes;
    bytes.byte_level = true;
    const BpeModel by_bytes = definition.model(bytes);
    const BpeModel by_chars = definition.model();
    for (const std::size_t length : {1, 2, 3, 7, 23, 24, 30, 48, 49, 60, 150}) {
      std::string text;
      while (text.size() < length) text += static_cast<char>('a' + random() % 4);
      const auto expected = encode_naively(definition, text);
      EXPECT_EQ(encode(by_bytes, text), expected) << text;
      EXPECT_EQ(encode(by_chars, text), expected) << text;
    }
  }
}

TEST(BpeModelTest, EqualRanksMergeFromLeftToRight) {
  const Definition definition{{"a", "aa", "aaaa"}, {{"a", "a"}, {"aa", "aa"}}};
  EXPECT_THAT(encode(definition.model(), "aaaaa"), ElementsAre(2, 0));
  EXPECT_THAT(encode(definition.model(), std::string(61, 'a')).back(), 0);
}

TEST(BpeModelTest, UnknownCharacters) {
  const Definition definition{{"<unk>", "a", "é"}, {}};
  EXPECT_THAT(encode(definition.model(), "a漢字é"), ElementsAre(1, 2));  // dropped
  BpeOptions options;
  options.unknown = 0;
  EXPECT_THAT(encode(definition.model(options), "a漢字é"), ElementsAre(1, 0, 0, 2));
  options.fuse_unknown = true;
  EXPECT_THAT(encode(definition.model(options), "a漢字é漢"), ElementsAre(1, 0, 2, 0));
}

TEST(BpeModelTest, FallsBackToBytes) {
  BpeOptions options;
  options.unknown = 0;
  options.byte_tokens.emplace();
  for (std::size_t byte = 0; byte < 256; ++byte) (*options.byte_tokens)[byte] = static_cast<TokenId>(1000 + byte);
  const Definition definition{{"<unk>", "a"}, {}};
  EXPECT_THAT(encode(definition.model(options), "aé"), ElementsAre(1, 1000 + 0xC3, 1000 + 0xA9));
}

TEST(BpeModelTest, MayIgnoreMerges) {
  const Definition definition{{"a", "b", "ab", "bab"}, {{"a", "b"}}};
  BpeOptions options;
  options.byte_level = true;
  EXPECT_THAT(encode(definition.model(options), "bab"), ElementsAre(1, 2));
  options.ignore_merges = true;
  EXPECT_THAT(encode(definition.model(options), "bab"), ElementsAre(3));
  EXPECT_THAT(encode(definition.model(options), "babb"), ElementsAre(1, 2, 1));  // only a whole piece
}

TEST(BpeModelTest, AffixesOfWords) {
  const Definition definition{{"a", "##b", "##b</w>", "a</w>"}, {}};
  BpeOptions options;
  options.continuing_prefix = "##";
  options.word_end_suffix = "</w>";
  EXPECT_THAT(encode(definition.model(options), "abb"), ElementsAre(0, 1, 2));
  EXPECT_THAT(encode(definition.model(options), "a"), ElementsAre(3));
}

TEST(BpeModelTest, NothingGivesNothing) { EXPECT_THAT(encode(Definition{{"a"}, {}}.model(), ""), IsEmpty()); }

}  // namespace
}  // namespace marquee::formats
