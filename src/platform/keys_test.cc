#include "platform/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/open_store_test.h"

namespace marquee::platform {
namespace {

using base::ErrorCode;

class KeysTest : public OpenStoreTest {
 protected:
  void SetUp() override {
    OpenStoreTest::SetUp();
    reopen();
  }
  void reopen() {
    keys_.reset();
    open_store();
    auto keys = KeyService::open(*database_, folder_);
    ASSERT_TRUE(keys) << keys.error().message;
    keys_ = std::move(*keys);
  }
  CreatedKey make(const std::string& tenant, std::vector<std::string> scopes) {
    auto created = keys_->create(local_operator(), {tenant, std::move(scopes), "for a test"});
    EXPECT_TRUE(created) << created.error().message;
    return created ? *created : CreatedKey{};
  }
  std::string content(const std::string& name) {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  unsigned mode_of(const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat((folder_ / name).c_str(), &status), 0) << name;
    return status.st_mode & 0777U;
  }
  std::unique_ptr<KeyService> keys_;
};

TEST_F(KeysTest, CreatedKeyAuthenticatesAlsoAfterARestart) {
  const CreatedKey created = make("studio-1", {"infer"});
  EXPECT_EQ(created.secret.size(), 46U);
  EXPECT_TRUE(created.secret.starts_with("mq_"));
  for (int round = 0; round < 2; ++round) {
    auto who = keys_->authenticate(created.secret);
    ASSERT_TRUE(who);
    EXPECT_EQ(who->tenant, "studio-1");
    EXPECT_EQ(who->key_id, created.info.id);
    EXPECT_TRUE(who->has(Scope::kInfer));
    EXPECT_FALSE(who->has(Scope::kAdmin));
    reopen();
  }
}

TEST_F(KeysTest, SecretsDifferAndAreStoredNowhere) {
  std::set<std::string> secrets;
  for (int i = 0; i < 50; ++i) secrets.insert(make("t", {"infer", "admin"}).secret);
  EXPECT_EQ(secrets.size(), 50U);
  keys_.reset();
  close_store();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    const std::string bytes = content(entry.path().filename());
    for (const std::string& secret : secrets) {
      EXPECT_EQ(bytes.find(secret.substr(3)), std::string::npos) << entry.path();
    }
  }
}

TEST_F(KeysTest, EveryOtherSecretIsRefused) {
  const std::string secret = make("t", {"infer"}).secret;
  std::vector<std::string> wrong = {"",
                                    "mq_",
                                    secret + "A",
                                    secret.substr(0, 45),
                                    "nq_" + secret.substr(3),
                                    " " + secret,
                                    std::string(46, '\0'),
                                    std::string(1 << 20, 'a')};
  for (std::size_t i = 3; i < secret.size(); ++i) {
    wrong.push_back(secret);
    wrong.back()[i] = wrong.back()[i] == 'A' ? 'B' : 'A';
  }
  for (const std::string& text : wrong) {
    auto who = keys_->authenticate(text);
    ASSERT_FALSE(who) << text.substr(0, 60);
    EXPECT_EQ(who.error().code, ErrorCode::kUnauthenticated);
  }
}

TEST_F(KeysTest, RevokedKeyIsShutAtOnceAndForGood) {
  const CreatedKey key = make("t", {"infer"});
  const CreatedKey other = make("t", {"infer"});
  const auto started = std::chrono::steady_clock::now();
  auto revoked = keys_->revoke(local_operator(), key.info.id);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(100));
  ASSERT_TRUE(revoked);
  EXPECT_GT(revoked->revoked_unix_s, 0);
  EXPECT_FALSE(keys_->authenticate(key.secret));
  EXPECT_TRUE(keys_->authenticate(other.secret));
  reopen();
  EXPECT_FALSE(keys_->authenticate(key.secret));
  EXPECT_TRUE(keys_->authenticate(other.secret));
  auto again = keys_->revoke(local_operator(), key.info.id);
  ASSERT_TRUE(again) << "twice is no error";
  EXPECT_EQ(again->revoked_unix_s, revoked->revoked_unix_s);
}

TEST_F(KeysTest, AdminsManageTheirOwnTenantAndOperatorsAll) {
  const Principal operator_key = *keys_->authenticate(make("default", {"admin"}).secret);
  const Principal tenant_admin = *keys_->authenticate(make("a", {"infer", "admin"}).secret);
  const CreatedKey reader_key = make("a", {"infer"});
  const Principal reader = *keys_->authenticate(reader_key.secret);
  const CreatedKey foreign = make("b", {"infer"});

  EXPECT_EQ(keys_->list(operator_key)->size(), 4U);
  EXPECT_EQ(keys_->list(operator_key, "b")->size(), 1U);
  EXPECT_EQ(keys_->list(tenant_admin)->size(), 2U);
  EXPECT_EQ(keys_->list(tenant_admin, "b").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(keys_->list(reader).error().code, ErrorCode::kPermissionDenied);

  EXPECT_TRUE(keys_->create(operator_key, {"b", {"infer"}}));
  EXPECT_TRUE(keys_->create(tenant_admin, {"a", {"infer"}}));
  EXPECT_EQ(keys_->create(tenant_admin, {"b", {"infer"}}).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(keys_->create(reader, {"a", {"infer"}}).error().code, ErrorCode::kPermissionDenied);

  EXPECT_EQ(keys_->revoke(tenant_admin, foreign.info.id).error().code, ErrorCode::kNotFound)
      << "as if it did not exist";
  EXPECT_EQ(keys_->revoke(tenant_admin, "key_none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys_->revoke(reader, reader.key_id).error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(keys_->authenticate(foreign.secret));
  EXPECT_TRUE(keys_->revoke(tenant_admin, reader_key.info.id));
}

TEST_F(KeysTest, NamesAndScopesAreChecked) {
  for (const std::string& tenant : {std::string(), std::string("A"), std::string("-a"), std::string("a b"),
                                    std::string("ä"), std::string(65, 'a'), std::string("a\n")}) {
    auto refused = keys_->create(local_operator(), {tenant, {"infer"}});
    ASSERT_FALSE(refused) << tenant;
    EXPECT_EQ(refused.error().field, "tenant");
  }
  EXPECT_TRUE(validate_tenant(std::string(64, 'a')));
  EXPECT_TRUE(validate_tenant("0_-"));
  for (const std::vector<std::string>& scopes :
       {std::vector<std::string>{}, {"root"}, {"infer", "infer"}, {"infer", ""}, {"Infer"}}) {
    auto refused = keys_->create(local_operator(), {"t", scopes});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "scopes");
  }
  for (const std::string& name : {std::string(201, 'n'), std::string("a\x1b[31m"), std::string("\xFF")}) {
    auto refused = keys_->create(local_operator(), {"t", {"infer"}, name});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "name");
  }
}

TEST_F(KeysTest, FirstStartMakesOneAdminKeyInAPrivateFile) {
  auto first = keys_->ensure_first_key();
  ASSERT_TRUE(first && first->has_value());
  EXPECT_EQ(content("admin.key"), (*first)->secret + "\n");
  EXPECT_EQ(mode_of("admin.key"), 0600U);
  EXPECT_EQ(mode_of("pepper.key"), 0600U);
  auto who = keys_->authenticate((*first)->secret);
  ASSERT_TRUE(who);
  EXPECT_TRUE(who->is_operator());
  EXPECT_TRUE(who->has(Scope::kInfer));
  reopen();
  auto second = keys_->ensure_first_key();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->has_value());
  EXPECT_TRUE(keys_->authenticate((*first)->secret));
}

TEST_F(KeysTest, LostOrForeignPepperIsRefused) {
  make("t", {"infer"});
  keys_.reset();
  const std::string pepper = content("pepper.key");
  ASSERT_EQ(pepper.size(), 32U);
  for (const std::string& wrong : {std::string(), std::string(31, 'x'), std::string(32, 'x'), pepper + "x"}) {
    std::ofstream(folder_ / "pepper.key", std::ios::binary) << wrong;
    auto refused = KeyService::open(*database_, folder_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  }
  std::filesystem::remove(folder_ / "pepper.key");
  EXPECT_FALSE(KeyService::open(*database_, folder_));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pepper.key")) << "a new one would lock everyone out";
  std::ofstream(folder_ / "pepper.key", std::ios::binary) << pepper;
  EXPECT_TRUE(KeyService::open(*database_, folder_));
}

TEST_F(KeysTest, ManyThreadsAuthenticateWhileKeysComeAndGo) {
  const std::string steady = make("t", {"infer"}).secret;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!stop) wrong += keys_->authenticate(steady) ? 0 : 1;
    });
  }
  for (int i = 0; i < 20; ++i) {
    const CreatedKey key = make("t", {"infer"});
    wrong += keys_->authenticate(key.secret) ? 0 : 1;
    wrong += keys_->revoke(local_operator(), key.info.id) ? 0 : 1;
    wrong += keys_->authenticate(key.secret) ? 1 : 0;
    wrong += keys_->list(local_operator()) ? 0 : 1;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace marquee::platform
