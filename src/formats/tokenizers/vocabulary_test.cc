#include "formats/tokenizers/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizers/base64.h"
#include "formats/tokenizers/byte_alphabet.h"
#include "formats/tokenizers/merge_table.h"
#include "formats/tokenizers/neighbour_set.h"
#include "formats/tokenizers/prefix_trie.h"

namespace marquee::formats {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(VocabularyTest, FindsTextsAndIds) {
  Vocabulary vocabulary;
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(vocabulary.add(i, "token" + std::to_string(i)));
  ASSERT_TRUE(vocabulary.add(9000, "token7"));  // keeps the id it was given first
  EXPECT_EQ(vocabulary.size(), 9001);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(vocabulary.find("token" + std::to_string(i)), i);
  EXPECT_EQ(vocabulary.text(9000), "token7");
  EXPECT_EQ(vocabulary.text(6000), "");
  EXPECT_FALSE(vocabulary.has(6000));
  EXPECT_FALSE(vocabulary.has(-1));
  EXPECT_EQ(vocabulary.find("token"), std::nullopt);
  EXPECT_EQ(Vocabulary().find("x"), std::nullopt);
}

TEST(VocabularyTest, RefusesWhatIsTooMuch) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add(0, "a"));
  EXPECT_THAT(vocabulary.add(0, "b").error().message, HasSubstr("token 'b' has the id 0, which belongs to 'a'"));
  EXPECT_EQ(vocabulary.add(1, std::string(kMaxTokenBytes + 1, 'x')).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(vocabulary.add(1 << 22, "x").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(vocabulary.add(-1, "x").error().code, ErrorCode::kTooLarge);
  base::Result<void> added;
  for (int i = 1; added; ++i) added = vocabulary.add(i, std::string(kMaxTokenBytes, 'x'));
  EXPECT_EQ(added.error().code, ErrorCode::kTooLarge);
  EXPECT_LE(vocabulary.size(), kMaxVocabularyBytes / kMaxTokenBytes + 2);
}

TEST(PrefixTrieTest, FindsEveryPrefix) {
  const PrefixTrie trie({{"a", 1}, {"abc", 2}, {"ab", 3}, {"abc", 4}, {"", 5}, {"\xff", 6}});
  std::vector<std::pair<std::size_t, TokenId>> found;
  trie.for_each_prefix("abcd", [&](std::size_t length, TokenId id) { found.emplace_back(length, id); });
  EXPECT_THAT(found, ElementsAre(Pair(1, 1), Pair(2, 3), Pair(3, 4)));
  EXPECT_EQ(trie.longest("abx").id, 3);
  EXPECT_EQ(trie.longest("\xff\xff").id, 6);
  EXPECT_EQ(trie.longest("b").length, 0);
  EXPECT_EQ(trie.longest("").length, 0);
  EXPECT_TRUE(PrefixTrie().empty());
  EXPECT_EQ(PrefixTrie().longest("a").length, 0);
}

TEST(MergeTableTest, TheLastOfAPairCounts) {
  const MergeTable table({{1, 2, 3, 0}, {2, 1, 4, 1}, {1, 2, 5, 2}});
  EXPECT_EQ(table.find(1, 2).result, 5);
  EXPECT_EQ(table.find(1, 2).rank, 2);
  EXPECT_EQ(table.find(2, 1).result, 4);
  EXPECT_EQ(table.find(3, 1).rank, kNoRank);
  EXPECT_EQ(MergeTable().find(0, 0).rank, kNoRank);
}

TEST(NeighbourSetTest, KnowsWhatStandsSideBySide) {
  NeighbourSet chars(false);
  chars.add("abé漢");
  EXPECT_TRUE(chars.contains('a', 'b'));
  EXPECT_TRUE(chars.contains('b', U'é'));
  EXPECT_TRUE(chars.contains(U'é', U'漢'));
  EXPECT_FALSE(chars.contains('b', 'a'));
  EXPECT_FALSE(chars.contains('a', U'漢'));
  NeighbourSet bytes(true);
  bytes.add("é");
  EXPECT_TRUE(bytes.contains(0xC3, 0xA9));
  EXPECT_FALSE(bytes.contains(0xA9, 0xC3));
}

TEST(ByteAlphabetTest, EveryByteHasItsSymbol) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto symbols = bytes_to_symbols(all);
  EXPECT_EQ(symbols_to_bytes(symbols), all);
  EXPECT_EQ(bytes_to_symbols(" \n!"), "ĠĊ!");
  EXPECT_EQ(symbols_to_bytes("漢"), std::nullopt);
  EXPECT_EQ(symbols_to_bytes(" "), std::nullopt);  // a space has the symbol Ġ
}

TEST(Base64Test, Decodes) {
  EXPECT_EQ(*decode_base64("TWFycXVlZQ=="), "Marquee");
  EXPECT_EQ(*decode_base64("AP+/"), std::string("\x00\xff\xbf", 3));
  EXPECT_EQ(*decode_base64(""), "");
  for (const auto* wrong : {"A", "AA", "AAA", "A===", "AA=A", "A=AA", "AAA\n", "AA-_", "====", "AAAA="}) {
    EXPECT_FALSE(decode_base64(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace marquee::formats
