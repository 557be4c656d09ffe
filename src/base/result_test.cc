#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/json.h"
#include "base/sha256.h"

namespace marquee::base {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return invalid_argument("odd", "value");
  return value / 2;
}

Result<int> quarter(int value) {
  MARQUEE_ASSIGN(const int first, half(value));
  MARQUEE_ASSIGN(const int second, half(first));
  return second;
}

Result<void> check(int value) {
  MARQUEE_CHECK(half(value));
  return {};
}

TEST(Result, CarriesValuesAndErrorsThroughTheMacros) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().field, "value");
  EXPECT_TRUE(check(2));
  EXPECT_EQ(check(3).error().code, ErrorCode::kInvalidArgument);
}

TEST(Result, HoldsMoveOnlyTypes) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  ASSERT_TRUE(result);
  std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(ParseJson, BoundsDepthAndNamesThePlace) {
  EXPECT_TRUE(parse_json(R"({"a": [1, 2.5, "x"]})", "body"));
  EXPECT_EQ(parse_json(std::string(1000, '['), "body").error().code, ErrorCode::kTooLarge);
  for (const char* bad : {"", "{", "{\"a\":}", "[1,]", "nan", "1 2", "\"\xFF\"", "{\"a\":1}}"}) {
    const auto parsed = parse_json(bad, "body");
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().message.find("body"), std::string::npos);
  }
}

TEST(Sha256, MatchesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace marquee::base
