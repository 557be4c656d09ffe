#include "apps/spelling.h"

#include <gtest/gtest.h>

#include <array>

namespace marquee::apps {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"serve", "pull", "smollm2-135m-instruct", "usage"};

TEST(NearestName, FindsWhatWasProbablyMeant) {
  EXPECT_EQ(nearest_name("serv", kNames), "serve");
  EXPECT_EQ(nearest_name("pul", kNames), "pull");
  EXPECT_EQ(nearest_name("usgae", kNames), "usage");
  EXPECT_EQ(nearest_name("smollm2-135-instruct", kNames), "smollm2-135m-instruct");
  EXPECT_EQ(nearest_name("smollm2", kNames), "smollm2-135m-instruct") << "the beginning of one name only";
}

TEST(NearestName, GuessesNothingFarOff) {
  EXPECT_EQ(nearest_name("xyzzy", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("p", kNames), std::nullopt) << "too short to mean one";
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), kNames), std::nullopt);
  EXPECT_EQ(nearest_name("serve", {}), std::nullopt);
}

TEST(NearestName, ABeginningOfSeveralMeansNone) {
  constexpr std::array<std::string_view, 2> kTwo = {"marian-en-pt-model", "marian-pt-en-model"};
  EXPECT_EQ(nearest_name("marian", kTwo), std::nullopt);
}

}  // namespace
}  // namespace marquee::apps
