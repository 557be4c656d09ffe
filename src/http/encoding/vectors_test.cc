#include "http/encoding/vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace marquee::http {
namespace {

using ::testing::ElementsAre;

TEST(Vectors, CosineIsOfTheAngleAlone) {
  const std::vector<float> a = {3.0F, 0.0F};
  const std::vector<float> b = {0.5F, 0.5F};
  EXPECT_FLOAT_EQ(cosine_similarity(a, b), 0.70710677F);
  EXPECT_EQ(cosine_similarity(a, a), 1.0F);
  const std::vector<float> opposite = {-1.0F, 0.0F};
  EXPECT_EQ(cosine_similarity(a, opposite), -1.0F);
  const std::vector<float> zero = {0.0F, 0.0F};
  EXPECT_EQ(cosine_similarity(a, zero), 0.0F);
}

std::string base64_of(const std::vector<float>& values) {
  std::string body;
  append_base64_floats(body, values);
  return body;
}

// As Python's base64.b64encode(struct.pack("<…f", …)) writes them: 4, 8 and 12 bytes end in each of the three ways.
TEST(Vectors, Base64) {
  EXPECT_EQ(base64_of({}), R"("")");
  EXPECT_EQ(base64_of({1.0F}), R"("AACAPw==")");
  EXPECT_EQ(base64_of({1.0F, -2.5F}), R"("AACAPwAAIMA=")");
  EXPECT_EQ(base64_of({1.0F, -2.5F, 0.1F}), R"("AACAPwAAIMDNzMw9")");
}

TEST(Vectors, LargestFirst) {
  const std::vector<float> scores = {0.5F, 2.0F, 0.5F, -1.0F};
  EXPECT_THAT(largest_first(scores, 9), ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(largest_first(scores, 2), ElementsAre(1, 0));
  EXPECT_TRUE(largest_first({}, 2).empty());
}

TEST(Vectors, Json) {
  std::string body;
  append_json_floats(body, std::vector<float>{0.5F, -1.0F});
  EXPECT_EQ(body, "[0.5,-1]");
}

}  // namespace
}  // namespace marquee::http
