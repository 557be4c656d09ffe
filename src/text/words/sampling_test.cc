#include "text/words/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "text/words/huffman.h"
#include "text/words/subwords.h"

namespace marquee::text::words {
namespace {

TEST(AliasTable, DrawsByWeight) {
  const double weights[] = {1.0, 0.0, 5.0, 2.5, 0.1, 91.4};
  const double total = std::accumulate(std::begin(weights), std::end(weights), 0.0);
  const AliasTable table(weights);
  SplitMix64 random(7, 1);
  constexpr int kDraws = 400'000;
  double drawn[6] = {};
  for (int i = 0; i < kDraws; ++i) ++drawn[table.draw(random)];
  for (int i = 0; i < 6; ++i) {
    const double share = weights[i] / total;
    EXPECT_NEAR(drawn[i] / kDraws, share, 5.0 * std::sqrt(share / kDraws) + 1e-9) << i;
  }
}

TEST(AliasTable, OfOneWordAndOfEqualOnes) {
  SplitMix64 random(7, 1);
  const double one[] = {3.0};
  EXPECT_EQ(AliasTable(one).draw(random), 0);
  const std::vector<double> equal(1000, 2.0);
  const AliasTable table(equal);
  std::set<std::int32_t> seen;
  for (int i = 0; i < 20'000; ++i) seen.insert(table.draw(random));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(KeepThresholds, AreThoseOfWord2Vec) {
  const std::uint64_t counts[] = {90'000, 9'000, 900, 100};
  const auto keep = keep_thresholds(counts, 1e-2);
  // (sqrt(f/t) + 1) t/f with f = 0.9, 0.09
  EXPECT_NEAR(keep[0] / 4294967295.0, (std::sqrt(90.0) + 1.0) / 90.0, 1e-6);
  EXPECT_NEAR(keep[1] / 4294967295.0, (std::sqrt(9.0) + 1.0) / 9.0, 1e-6);
  EXPECT_EQ(keep[2], 0xFFFFFFFFU);
  EXPECT_EQ(keep_thresholds(counts, 0.0)[0], 0xFFFFFFFFU);
}

TEST(HuffmanTree, IsShortestAndHasNoPrefixes) {
  const std::uint64_t counts[] = {50, 20, 15, 8, 5, 1, 1};
  const HuffmanTree tree(counts);
  EXPECT_EQ(tree.inner_nodes(), 6U);
  std::uint64_t bits = 0;
  std::set<std::string> codes;
  for (std::int32_t word = 0; word < 7; ++word) {
    const auto path = tree.path(word);
    ASSERT_EQ(path.nodes.size(), path.labels.size());
    EXPECT_EQ(path.nodes.front(), 5) << "the root";
    std::string code;
    for (const float label : path.labels) code += label > 0.5F ? '1' : '0';
    codes.insert(code);
    bits += counts[word] * code.size();
  }
  EXPECT_EQ(bits, 50U * 1 + 20 * 2 + 15 * 3 + 8 * 4 + 5 * 5 + 1 * 6 + 1 * 6);
  ASSERT_EQ(codes.size(), 7U);
  for (auto code = codes.begin(); std::next(code) != codes.end(); ++code) {
    EXPECT_FALSE(std::next(code)->starts_with(*code));
  }
}

TEST(HuffmanTree, StopsAtItsLongestPath) {
  std::vector<std::uint64_t> counts = {1, 1};
  while (counts.size() < 90) counts.push_back(counts.back() + counts[counts.size() - 2]);
  std::reverse(counts.begin(), counts.end());
  const HuffmanTree tree(counts);
  EXPECT_EQ(tree.path(89).nodes.size(), HuffmanTree::kMaxPath);
}

TEST(Subwords, HashIsThatOfFastText) {
  // FNV-1a's published values for ASCII; beyond it fastText's bytes are signed.
  EXPECT_EQ(ngram_hash(""), 0x811C9DC5U);
  EXPECT_EQ(ngram_hash("a"), 0xE40C292CU);
  EXPECT_EQ(ngram_hash("foobar"), 0xBF9CF968U);
  EXPECT_EQ(ngram_hash("\xc3"), (0x811C9DC5U ^ 0xFFFFFFC3U) * 16777619U);
}

TEST(Subwords, AreThoseOfFastText) {
  const auto buckets_of = [](std::initializer_list<const char*> ngrams) {
    std::vector<std::uint32_t> buckets;
    for (const char* ngram : ngrams) buckets.push_back(ngram_hash(ngram) % 1000);
    return buckets;
  };
  std::vector<std::uint32_t> found;
  append_ngram_buckets("h\u00e9o", {3, 4, 1000}, found);
  EXPECT_EQ(found, buckets_of({"<h\u00e9", "<h\u00e9o", "h\u00e9o", "h\u00e9o>", "\u00e9o>"}));
  found.clear();
  append_ngram_buckets("ab", {1, 2, 1000}, found);
  EXPECT_EQ(found, buckets_of({"<a", "a", "ab", "b", "b>"})) << "not < and > by themselves";
}

}  // namespace
}  // namespace marquee::text::words
