#include "base/utf8.h"

#include <gtest/gtest.h>

namespace marquee::base {
namespace {

TEST(Utf8, DecodesEveryLength) {
  EXPECT_EQ(decode_utf8("a").code_point, U'a');
  EXPECT_EQ(decode_utf8("é").code_point, U'é');
  EXPECT_EQ(decode_utf8("日").code_point, U'日');
  EXPECT_EQ(decode_utf8("🎬").code_point, U'🎬');
  EXPECT_EQ(decode_utf8("🎬").length, 4U);
}

TEST(Utf8, RejectsOverlongSurrogatesAndTooLarge) {
  for (const char* bad :
       {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xE6\x97"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << bad;
    EXPECT_TRUE(is_valid_utf8(sanitize_utf8(bad)));
  }
}

TEST(Utf8, AppendRoundTripsEveryScalarValue) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    const auto decoded = decode_utf8(text);
    ASSERT_TRUE(decoded.valid);
    ASSERT_EQ(decoded.code_point, c);
    ASSERT_EQ(decoded.length, text.size());
  }
}

TEST(Utf8, CompletePrefixHoldsBackOnlyWhatCanStillBeCompleted) {
  EXPECT_EQ(complete_utf8_prefix("ab\xE6\x97"), 2U);
  EXPECT_EQ(complete_utf8_prefix("ab\xE6\x97\xA5"), 5U);
  EXPECT_EQ(complete_utf8_prefix("ab\xF0\x9F\x8E"), 2U);
  EXPECT_EQ(complete_utf8_prefix("ab\xE6"), 2U);
  EXPECT_EQ(complete_utf8_prefix("ab\xFF"), 3U) << "a byte that can never be completed is not held back";
  EXPECT_EQ(complete_utf8_prefix("ab\xE0\x80"), 4U);
  EXPECT_EQ(complete_utf8_prefix(""), 0U);
}

}  // namespace
}  // namespace marquee::base
