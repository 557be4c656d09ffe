#include "platform/records_json.h"

#include <gtest/gtest.h>

namespace marquee::platform {
namespace {

namespace json = base::json;

const KeyInfo kKey = {"key_1", "studio", {"infer", "admin"}, "night \"shift\"", 1'700'000'000, 1'700'000'100};

/// Through text, as over the wire.
json::value sent(const json::object& object) { return *base::parse_json(json::serialize(object), "test"); }

TEST(RecordsJson, KeysComeBackAsTheyWent) {
  KeyInfo valid = kKey;
  valid.revoked_unix_s = 0;
  auto keys = keys_from_json(sent(to_json(std::vector<KeyInfo>{kKey, valid})));
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->at(0).name, kKey.name);
  EXPECT_EQ(keys->at(0).scopes, kKey.scopes);
  EXPECT_EQ(keys->at(0).revoked_unix_s, kKey.revoked_unix_s);
  EXPECT_EQ(keys->at(1).revoked_unix_s, 0);
  EXPECT_TRUE(to_json(valid).at("revoked").is_null());
  EXPECT_FALSE(to_json(kKey).contains("secret"));
  auto created = created_key_from_json(sent(to_json(CreatedKey{valid, "mq_x"})));
  ASSERT_TRUE(created);
  EXPECT_EQ(created->secret, "mq_x");
}

TEST(RecordsJson, UsageComesBackAsItWent) {
  UsageReport report;
  report.sums = {{"2024-10-04", "a", "key_1", "m", 3, 40, 50, 12'345'678}};
  report.total = report.sums[0];
  report.truncated = true;
  auto back = usage_from_json(sent(to_json(report)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->sums.at(0).day, "2024-10-04");
  EXPECT_EQ(back->sums.at(0).compute_us, 12'345'678);
  EXPECT_EQ(back->total.tokens_out, 50);
  EXPECT_TRUE(back->truncated);
}

TEST(RecordsJson, OtherFormsAreRefused) {
  for (const char* text : {"null", "[]", "{}", R"({"data": 1})", R"({"data": [1]})", R"({"data": [{"id": 5}]})"}) {
    const json::value value = *base::parse_json(text, "test");
    EXPECT_FALSE(keys_from_json(value)) << text;
    EXPECT_FALSE(usage_from_json(value)) << text;
    EXPECT_FALSE(created_key_from_json(value)) << text;
  }
}

}  // namespace
}  // namespace marquee::platform
