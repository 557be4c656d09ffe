#include "text/bags/term_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "text/bags/term_table.h"

namespace marquee::text::bags {
namespace {

TEST(TermHash, Murmur3GivesThePublishedValues) {
  EXPECT_EQ(murmur3(""), 0U);
  EXPECT_EQ(murmur3("", 1), 0x514E28B7U);
  EXPECT_EQ(murmur3("test"), 0xBA6BD213U);
  EXPECT_EQ(murmur3("Hello, world!"), 0xC0363E43U);
  EXPECT_EQ(murmur3("The quick brown fox jumps over the lazy dog"), 0x2E4FF723U);
}

TEST(TermHash, EveryByteOfATermCounts) {
  for (std::size_t length = 1; length <= 70; ++length) {
    const std::string term(length, 'x');
    for (std::size_t i = 0; i < length; ++i) {
      std::string other = term;
      other[i] = 'y';
      EXPECT_NE(hash_term(term, 7), hash_term(other, 7)) << "byte " << i << " of " << length;
    }
    EXPECT_NE(hash_term(term, 7), hash_term(term + 'x', 7));
  }
}

TEST(TermTable, KeepsThousandsOfTermsApartAndMerges) {
  const auto term_of = [](int i) { return "term" + std::to_string(i * 7919); };
  const auto hash = [](const std::string& term) { return hash_term(term, term_hash_seed()); };
  TermTable first;
  TermTable second;
  for (int i = 0; i < 20000; ++i) {
    const std::string term = term_of(i);
    EXPECT_EQ(first.find(term, hash(term)), TermTable::kNone);
    ASSERT_EQ(first.find_or_add(term, hash(term)), static_cast<std::uint32_t>(i));
    first.term(static_cast<std::uint32_t>(i)).documents = 1;
  }
  for (int i = 10000; i < 30000; ++i) {
    const std::string term = term_of(i);
    second.term(second.find_or_add(term, hash(term))).documents = 2;
  }
  const auto numbers = first.merge(std::move(second));
  ASSERT_EQ(first.size(), 30000U);
  ASSERT_EQ(numbers.size(), 20000U);
  for (int i = 0; i < 30000; ++i) {
    const std::string term = term_of(i);
    const std::uint32_t number = first.find(term, hash(term));
    ASSERT_NE(number, TermTable::kNone);
    EXPECT_EQ(first.term(number).view(), term);
    EXPECT_EQ(first.term(number).documents, (i < 20000 ? 1U : 0U) + (i >= 10000 ? 2U : 0U));
    if (i >= 10000) {
      EXPECT_EQ(numbers[static_cast<std::size_t>(i - 10000)], number);
    }
  }
}

}  // namespace
}  // namespace marquee::text::bags
