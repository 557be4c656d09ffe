#include "serving/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tensor/kv_cache.h"

namespace marquee::serving {
namespace {

using formats::TokenId;
using TokenList = std::vector<TokenId>;
constexpr std::int32_t kTokensOfPage = tensor::kKvPageTokens;

std::unique_ptr<tensor::KvPool> small_pool(std::int32_t pages) {
  return tensor::KvPool::create({1, 1, 1, kernels::DType::kF32}, pages).value();
}

/// `count` tokens that begin with those of shorter lists of the same variant.
TokenList tokens_of(std::int32_t count, TokenId variant = 0) {
  TokenList tokens;
  for (std::int32_t i = 0; i < count; ++i) tokens.push_back(variant * 1000 + i * 7 % 501);
  return tokens;
}

/// Pages as a sequence that computed `tokens` would hold them.
std::vector<std::int32_t> computed_pages(tensor::KvPool& pool, const TokenList& tokens) {
  std::vector<std::int32_t> pages;
  for (std::size_t i = 0; i < tokens.size(); i += kTokensOfPage) pages.push_back(pool.allocate().value());
  return pages;
}

void release_all(tensor::KvPool& pool, const std::vector<std::int32_t>& pages) {
  for (const std::int32_t page : pages) pool.release(page);
}

void compute_and_leave(PrefixCache& cache, tensor::KvPool& pool, const std::string& tenant, const TokenList& tokens) {
  auto pages = computed_pages(pool, tokens);
  cache.offer(tenant, tokens, pages);
  release_all(pool, pages);
}

TEST(PrefixCache, FindsTheLongestBeginningButNeverTheLastToken) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  const TokenList tokens = tokens_of(40);
  auto pages = computed_pages(*pool, tokens);
  cache.offer("a", tokens, pages);
  EXPECT_EQ(cache.pages_held(), 2) << "the half-filled page is not kept";
  const auto tokens_found = [&](const TokenList& wanted) { return cache.find("a", wanted).tokens; };
  EXPECT_EQ(tokens_found(tokens_of(40)), 32);
  EXPECT_EQ(tokens_found(tokens_of(33)), 32);
  EXPECT_EQ(tokens_found(tokens_of(32)), 31) << "the second page in part";
  EXPECT_EQ(tokens_found(tokens_of(17)), 16);
  EXPECT_EQ(tokens_found(tokens_of(16)), 15);
  EXPECT_EQ(tokens_found(tokens_of(1)), 0);
  EXPECT_EQ(tokens_found({}), 0);
  EXPECT_EQ(tokens_found(tokens_of(40, 3)), 0);
  TokenList other = tokens_of(40);
  other[20] = 999;
  EXPECT_EQ(tokens_found(other), 20);
  other[0] = 999;
  EXPECT_EQ(tokens_found(other), 0);
  const auto match = cache.find("a", tokens_of(30));
  EXPECT_EQ(match.pages, std::vector<std::int32_t>(pages.begin(), pages.begin() + 2));
  EXPECT_EQ(match.tokens, 29);
  release_all(*pool, pages);
}

TEST(PrefixCache, OfSeveralPagesTakesTheOneThatSharesMost) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  for (const TokenId last : {5, 100, 200, 300}) {
    TokenList tokens = tokens_of(16);
    for (std::size_t i = static_cast<std::size_t>(last % 16); i < tokens.size(); ++i) tokens[i] = last;
    compute_and_leave(cache, *pool, "a", tokens);
  }
  EXPECT_EQ(cache.pages_held(), 4);
  EXPECT_EQ(cache.find("a", tokens_of(20)).tokens, 300 % 16);
}

TEST(PrefixCache, ATenantNeverFindsAnothersPages) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  compute_and_leave(cache, *pool, "a", tokens_of(32));
  EXPECT_EQ(cache.find("b", tokens_of(40)).tokens, 0);
  compute_and_leave(cache, *pool, "b", tokens_of(32));
  EXPECT_EQ(cache.pages_held(), 4) << "each has pages of its own";
  EXPECT_NE(cache.find("a", tokens_of(40)).pages, cache.find("b", tokens_of(40)).pages);
  EXPECT_EQ(cache.clear("a"), 2);
  EXPECT_EQ(cache.clear("a"), 0);
  EXPECT_EQ(cache.find("b", tokens_of(40)).tokens, 32);
}

TEST(PrefixCache, TheSamePagesComputedTwiceAreKeptOnce) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  const TokenList tokens = tokens_of(40);
  auto first = computed_pages(*pool, tokens);
  auto second = computed_pages(*pool, tokens);
  EXPECT_EQ(pool->free_pages(), 10);
  cache.offer("a", tokens, first);
  cache.offer("a", tokens, second);
  EXPECT_EQ(pool->free_pages(), 12) << "the second one shares the first one's whole pages";
  EXPECT_EQ(second[0], first[0]);
  EXPECT_EQ(second[1], first[1]);
  EXPECT_NE(second[2], first[2]);
  EXPECT_EQ(pool->users(first[0]), 2);
  release_all(*pool, first);
  release_all(*pool, second);
  EXPECT_EQ(pool->idle_pages(), 2);
  cache.clear();
  EXPECT_EQ(pool->free_pages(), 16);
}

TEST(PrefixCache, GivesBackTheLeastRecentlyUsedAndNothingInUse) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  compute_and_leave(cache, *pool, "a", tokens_of(32, 1));
  compute_and_leave(cache, *pool, "a", tokens_of(32, 2));
  TokenList in_use = tokens_of(32, 3);
  auto pages = computed_pages(*pool, in_use);
  cache.offer("a", in_use, pages);
  EXPECT_EQ(cache.find("a", tokens_of(40, 1)).tokens, 32);
  EXPECT_EQ(cache.evict(1), 1);
  EXPECT_EQ(cache.find("a", tokens_of(40, 2)).tokens, 16) << "the later page first";
  EXPECT_EQ(cache.evict(1), 1) << "the other variant's last page";
  EXPECT_EQ(cache.find("a", tokens_of(40, 1)).tokens, 16);
  EXPECT_EQ(cache.evict(100), 2);
  EXPECT_EQ(cache.evict(100), 0);
  EXPECT_EQ(cache.find("a", tokens_of(40, 3)).tokens, 32);
  EXPECT_EQ(cache.evictions(), 4);
  release_all(*pool, pages);
  EXPECT_EQ(cache.evict(100), 2);
  EXPECT_EQ(pool->free_pages(), 16);
  EXPECT_TRUE(cache.pages_by_tenant().empty()) << "a tenant without pages is forgotten";
}

TEST(PrefixCache, WhoHoldsMostGivesFirst) {
  const auto pool = small_pool(64);
  PrefixCache cache(*pool, 64);
  compute_and_leave(cache, *pool, "small", tokens_of(4 * kTokensOfPage));  // the least recently used of all
  for (TokenId variant = 0; variant < 10; ++variant) {
    compute_and_leave(cache, *pool, "large", tokens_of(4 * kTokensOfPage, variant));
  }
  EXPECT_EQ(cache.evict(36), 36);
  using Held = std::vector<std::pair<std::string, std::int32_t>>;
  EXPECT_EQ(cache.pages_by_tenant(), (Held{{"large", 4}, {"small", 4}}));
  EXPECT_EQ(cache.find("large", tokens_of(100, 9)).tokens, 64);
  EXPECT_EQ(cache.evict(4), 4);
  EXPECT_EQ(cache.pages_by_tenant(), (Held{{"large", 2}, {"small", 2}}));
}

TEST(PrefixCache, WhoHasNotAskedForLongGivesBeforeTheOthers) {
  const auto pool = small_pool(64);
  PrefixCache cache(*pool, 64);
  compute_and_leave(cache, *pool, "gone", tokens_of(2 * kTokensOfPage));
  compute_and_leave(cache, *pool, "there", tokens_of(4 * kTokensOfPage));
  for (std::uint64_t i = 0; i <= PrefixCache::kGoneAfterLookups; ++i) (void)cache.find("there", tokens_of(2));
  EXPECT_EQ(cache.evict(2), 2);
  EXPECT_EQ(cache.find("gone", tokens_of(100)).tokens, 0);
  EXPECT_EQ(cache.find("there", tokens_of(100)).tokens, 64);
}

TEST(PrefixCache, HoldsNoMoreThanItMay) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 3);
  compute_and_leave(cache, *pool, "a", tokens_of(32, 1));
  compute_and_leave(cache, *pool, "a", tokens_of(32, 2));
  EXPECT_EQ(cache.pages_held(), 3);
  EXPECT_EQ(cache.find("a", tokens_of(40, 2)).tokens, 32);
  EXPECT_EQ(cache.find("a", tokens_of(40, 1)).tokens, 16);
  compute_and_leave(cache, *pool, "b", tokens_of(80, 1));
  EXPECT_EQ(cache.pages_held(), 3) << "what cannot be kept is left out";
  EXPECT_EQ(cache.find("b", tokens_of(80, 1)).tokens, 48);
  PrefixCache off(*pool, 0);
  compute_and_leave(off, *pool, "a", tokens_of(32, 1));
  EXPECT_EQ(off.pages_held(), 0);
  EXPECT_FALSE(off.enabled());
}

TEST(PrefixCache, SurrendersAPageWithAllThatComesAfterIt) {
  const auto pool = small_pool(16);
  PrefixCache cache(*pool, 16);
  const TokenList tokens = tokens_of(64);
  auto pages = computed_pages(*pool, tokens);
  cache.offer("a", tokens, pages);
  cache.surrender(pages[1]);
  EXPECT_EQ(cache.pages_held(), 1);
  EXPECT_EQ(pool->references(pages[1]), 1) << "its user keeps it";
  EXPECT_EQ(pool->references(pages[3]), 1);
  cache.surrender(pages[1]);
  EXPECT_EQ(cache.find("a", tokens_of(70)).tokens, 16);
  release_all(*pool, pages);
  cache.surrender(pages[0]);
  EXPECT_EQ(pool->free_pages(), 16);
}

/// What the cache should say, kept as plain lists: every run of whole pages that was offered and the page each had.
class PlainModel {
 public:
  void offered(const std::string& tenant, const TokenList& tokens, const std::vector<std::int32_t>& pages) {
    for (std::size_t i = 1; i * kTokensOfPage <= tokens.size(); ++i) {
      pages_[{tenant, TokenList(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i) * kTokensOfPage)}] =
          pages[i - 1];
    }
  }
  /// Everything that is in the match was offered once by this tenant, in this page.
  void check(const std::string& tenant, const TokenList& tokens, const PrefixCache::Match& match) const {
    EXPECT_LT(match.tokens, static_cast<std::int32_t>(std::max<std::size_t>(tokens.size(), 1)));
    ASSERT_EQ(match.pages.size(), static_cast<std::size_t>((match.tokens + kTokensOfPage - 1) / kTokensOfPage));
    for (std::size_t i = 0; i < match.pages.size(); ++i) {
      const auto shared = std::min((i + 1) * kTokensOfPage, static_cast<std::size_t>(match.tokens));
      const bool offered = std::any_of(pages_.begin(), pages_.end(), [&](const auto& entry) {
        return entry.first.first == tenant && entry.second == match.pages[i] &&
               entry.first.second.size() == (i + 1) * kTokensOfPage &&
               std::equal(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(shared),
                          entry.first.second.begin());
      });
      EXPECT_TRUE(offered) << "page " << i << " of a match never held these tokens";
    }
  }
  /// A page got new contents: what it held before does not count any more.
  void reused(std::int32_t page) {
    std::erase_if(pages_, [&](const auto& entry) { return entry.second == page; });
  }
  /// Tokens of the longest beginning that is there, by a search through all.
  [[nodiscard]] std::int32_t longest(const std::string& tenant, const TokenList& tokens,
                                     const tensor::KvPool& pool) const {
    std::int32_t best = 0;
    for (const auto& [key, page] : pages_) {
      if (key.first != tenant || !pool.kept(page)) continue;
      const auto end = std::mismatch(key.second.begin(), key.second.end(), tokens.begin(), tokens.end()).first;
      const auto shared = static_cast<std::int32_t>(end - key.second.begin());
      best = std::max(best, std::min(shared, static_cast<std::int32_t>(tokens.size()) - 1));
    }
    return best;
  }

 private:
  std::map<std::pair<std::string, TokenList>, std::int32_t> pages_;
};

// Sequences of three tenants come, take what is cached, compute the rest, offer it and leave, in any order.
TEST(PrefixCache, AgreesWithAPlainModelOverRandomHistories) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int limit) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(limit)); };
    const auto pool = small_pool(40);
    PrefixCache cache(*pool, seed % 4 == 3 ? 11 : 40);
    PlainModel model;
    struct Running {
      std::string tenant;
      TokenList tokens;
      std::vector<std::int32_t> pages;
    };
    std::vector<Running> running;
    const auto leave = [&](std::size_t which) {
      release_all(*pool, running[which].pages);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
    };
    for (int step = 0; step < 400; ++step) {
      const int what = below(20);
      if (what == 0) cache.evict(below(6));
      if (what == 1) cache.surrender(below(40));
      if (what == 2 && step % 50 == 0) cache.clear("tenant" + std::to_string(below(3)));
      if (what < 8 && !running.empty()) leave(static_cast<std::size_t>(below(static_cast<int>(running.size()))));
      if (what < 8) continue;
      Running one{"tenant" + std::to_string(below(3)), {}, {}};
      for (int i = below(90) + 1; i > 0; --i) one.tokens.push_back(static_cast<TokenId>(below(40) == 0 ? 1 : 0));
      auto match = cache.find(one.tenant, one.tokens);
      model.check(one.tenant, one.tokens, match);
      ASSERT_EQ(match.tokens, model.longest(one.tenant, one.tokens, *pool)) << "seed " << seed << " step " << step;
      const auto whole = static_cast<std::size_t>(match.tokens / kTokensOfPage);
      one.pages.assign(match.pages.begin(), match.pages.begin() + static_cast<std::ptrdiff_t>(whole));
      for (const std::int32_t page : one.pages) pool->add_reference(page);
      const auto needed = (one.tokens.size() + kTokensOfPage - 1) / kTokensOfPage;
      while (one.pages.size() < needed) {
        if (auto page = pool->allocate()) {
          model.reused(*page);
          one.pages.push_back(*page);
        } else if (cache.evict(1) == 0) {
          if (running.empty()) break;
          leave(0);
        }
      }
      ASSERT_EQ(one.pages.size(), needed) << "every page that no sequence uses can be had";
      cache.offer(one.tenant, one.tokens, one.pages);
      for (std::size_t i = 0; i * kTokensOfPage + kTokensOfPage <= one.tokens.size(); ++i) {
        if (!pool->kept(one.pages[i])) break;
        model.offered(
            one.tenant,
            TokenList(one.tokens.begin(), one.tokens.begin() + static_cast<std::ptrdiff_t>((i + 1) * kTokensOfPage)),
            one.pages);
      }
      running.push_back(std::move(one));
    }
    while (!running.empty()) leave(0);
    EXPECT_EQ(pool->idle_pages(), cache.pages_held());
    EXPECT_EQ(pool->free_pages() + pool->idle_pages(), pool->total_pages());
    const std::int32_t held = cache.pages_held();
    EXPECT_EQ(cache.evict(1000), held);
    EXPECT_EQ(pool->free_pages(), pool->total_pages());
  }
}

}  // namespace
}  // namespace marquee::serving
