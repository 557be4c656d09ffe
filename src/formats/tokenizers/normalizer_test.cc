#include "formats/tokenizers/normalizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "formats/tokenizers/charsmap.h"

namespace marquee::formats {
namespace {

std::string normalize(NormalizerStage stage, std::string_view text) {
  return Normalizer({std::move(stage)}).apply(text);
}

TEST(NormalizerTest, UnicodeForms) {
  EXPECT_EQ(normalize(UnicodeForm::kNfc, "e\u0301 \u1100\u1161 \u212b"), "\u00e9 \uac00 \u00c5");
  EXPECT_EQ(normalize(UnicodeForm::kNfd, "\u00e9\uac00"), "e\u0301\u1100\u1161");
  EXPECT_EQ(normalize(UnicodeForm::kNfkc, "\ufb01\u00b2\uff21"), "fi2A");
  EXPECT_EQ(normalize(UnicodeForm::kNfkd, "\u1e9b\u0323"), "s\u0323\u0307");
  // Marks are put in order, also over the border between characters that are looked at together.
  EXPECT_EQ(normalize(UnicodeForm::kNfd, "ab\u0301\u0323c"), "ab\u0323\u0301c");
  EXPECT_EQ(normalize(UnicodeForm::kNfc, "plain ASCII"), "plain ASCII");
}

TEST(NormalizerTest, ManyMarksTakeNoQuadraticTime) {
  std::string text = "a";
  for (int i = 0; i < 200'000; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
  const auto start = std::chrono::steady_clock::now();
  const std::string ordered = normalize(UnicodeForm::kNfc, text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));  // by insertion it takes minutes
  EXPECT_TRUE(ordered.starts_with("\u1ea1\u0323"));
}

TEST(NormalizerTest, Case) { EXPECT_EQ(normalize(Lowercase{}, "ÀΣÅǅ\u0130"), "àσåǆi\u0307"); }

TEST(NormalizerTest, Accents) {
  EXPECT_EQ(normalize(StripAccents{}, "e\u0301 \u00e9"), "e \u00e9");
  EXPECT_EQ(Normalizer({UnicodeForm::kNfd, StripAccents{}}).apply("\u00e9"), "e");
}

TEST(NormalizerTest, Replacements) {
  EXPECT_EQ(normalize(Prepend{"_"}, "a"), "_a");
  EXPECT_EQ(normalize(Prepend{"_"}, ""), "");
  EXPECT_EQ(normalize(ReplaceText{"aa", "b"}, "aaaaa"), "bba");
  EXPECT_EQ(normalize(ReplaceSpaceRuns{2, false, " "}, "a   b c"), "a b c");
  EXPECT_EQ(normalize(ReplaceSpaceRuns{1, true, "_"}, " a\t\n\u3000b"), "_a_b");
  EXPECT_EQ(normalize(StripSpaces{true, true}, "\u3000 a b\n"), "a b");
  EXPECT_EQ(normalize(StripSpaces{true, false}, " a "), "a ");
  EXPECT_EQ(normalize(StripSpaces{false, true}, " "), "");
}

TEST(NormalizerTest, Bert) {
  EXPECT_EQ(normalize(BertCleaning{}, "\u00c9t\u00e9\t\u200d\x01\u6f22 x"), "ete  \u6f22  x");
  BertCleaning cased;
  cased.lowercase = false;
  cased.strip_accents = false;
  EXPECT_EQ(normalize(cased, "\u00c9"), "\u00c9");
}

TEST(NormalizerTest, SentencePieceWithoutAMap) {
  SentencePieceNormalizer stage;
  EXPECT_EQ(normalize(stage, "  a   b "), "▁a▁b");
  stage.remove_extra_spaces = false;
  EXPECT_EQ(normalize(stage, " a  b"), "▁▁a▁▁b");
  stage.add_prefix = false;
  EXPECT_EQ(normalize(stage, "a b"), "a▁b");
  EXPECT_EQ(normalize(stage, ""), "");
}

/// A map with the one entry A -> xy. Units: the root leads with offset 1 to 1 ^ 'A' = 0x40, that with offset 1 to its
/// leaf at 0x41, whose value is the replacement's place.
std::string small_map() {
  std::string blob;
  const auto unit = [&blob](std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) blob += static_cast<char>(value >> shift & 0xFF);
  };
  constexpr std::uint32_t kUnits = 256;
  unit(kUnits * 4);
  for (std::uint32_t i = 0; i < kUnits; ++i) {
    if (i == 0) {
      unit(1U << 10);
    } else if (i == (1U ^ 'A')) {
      unit((1U << 10) | (1U << 8) | 'A');
    } else if (i == (1U ^ 'A' ^ 1U)) {
      unit(0x80000000U | 2U);
    } else {
      unit(0);
    }
  }
  return blob + std::string("\0\0xy\0", 5);
}

TEST(CharsmapTest, Replaces) {
  auto map = Charsmap::parse(small_map());
  ASSERT_TRUE(map) << map.error().message;
  const auto shared = std::make_shared<const Charsmap>(std::move(*map));
  EXPECT_EQ(shared->longest_replacement(), 2);
  EXPECT_EQ(normalize(CharsmapNormalizer{shared}, "aAb"), "axyb");
  EXPECT_EQ(normalize(SentencePieceNormalizer{shared, true, true}, "A A"), "▁xy▁xy");
}

TEST(CharsmapTest, RefusesWhatContradictsItself) {
  const std::string whole = small_map();
  EXPECT_FALSE(Charsmap::parse(""));
  for (std::size_t size = 0; size <= 4 + 256 * 4 - 1; ++size) EXPECT_FALSE(Charsmap::parse(whole.substr(0, size)));
  EXPECT_FALSE(Charsmap::parse(whole + "no end"));
  EXPECT_FALSE(Charsmap::parse(whole + std::string(65, 'x') + '\0'));
  // Any unit may be anything: looking things up stays inside the table.
  for (std::size_t at = 4; at < whole.size(); ++at) {
    for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      if (const auto map = Charsmap::parse(changed)) {
        (void)map->longest("AAA");
        (void)map->shortest("A\xff");
      }
    }
  }
}

}  // namespace
}  // namespace marquee::formats
