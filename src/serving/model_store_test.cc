#include "serving/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "serving/scratch_folder_test.h"

namespace marquee::serving {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ModelStoreTest : public ::testing::Test {
 protected:
  ModelStore open() {
    auto store = ModelStore::open(scratch_.path());
    EXPECT_TRUE(store) << store.error().message;
    return std::move(store).value();
  }

  static InstalledModel model(const std::string& name, const std::string& content) {
    InstalledModel model;
    model.name = name;
    model.task = "text-generation";
    model.family = "llama";
    model.source = "file:/x";
    model.installed_unix_s = 1'700'000'000;
    model.files = {{"model.gguf", content.size(), base::sha256_hex(content)}};
    return model;
  }

  base::Result<InstalledModel> install(ModelStore& store, const std::string& name, const std::string& content) {
    MARQUEE_ASSIGN(auto staging, store.stage(name));
    std::ofstream(staging.files() / "model.gguf") << content;
    return store.install(std::move(staging), model(name, content));
  }

  ScratchFolder scratch_;
};

TEST(ModelNameTest, AcceptsOnlySafeNames) {
  for (const auto* name : {"a", "smollm2-135m-instruct", "0.x_y-z", "a..b"}) EXPECT_TRUE(is_model_name(name)) << name;
  for (const auto* name : {"", ".", "..", "-x", "_x", ".x", "A", "a/b", "../a", "a\\b", "a b", "a\n", "é", "a%2f"}) {
    EXPECT_FALSE(is_model_name(name)) << name;
  }
  EXPECT_TRUE(is_model_name(std::string(64, 'a')));
  EXPECT_FALSE(is_model_name(std::string(65, 'a')));
  EXPECT_FALSE(is_model_name(std::string_view("a\0b", 3)));
  for (const auto* name : {"model.gguf", "config.json", "A-b_c.1"}) EXPECT_TRUE(is_plain_file_name(name)) << name;
  for (const auto* name : {"", ".", "..", ".hidden", "a/b", "/a", "a\\b", "a b", "a\x7f"}) {
    EXPECT_FALSE(is_plain_file_name(name)) << name;
  }
}

TEST_F(ModelStoreTest, InstallsFindsListsAndRemoves) {
  auto store = open();
  ASSERT_TRUE(install(store, "b-model", "12345"));
  const auto installed = install(store, "a-model", "123");
  ASSERT_TRUE(installed) << installed.error().message;
  EXPECT_EQ(installed->path(), scratch_.path() / "models/a-model/model.gguf");

  const auto found = store.find("a-model");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->task, "text-generation");
  EXPECT_EQ(found->family, "llama");
  EXPECT_EQ(found->source, "file:/x");
  EXPECT_FALSE(found->hash_known);
  EXPECT_EQ(found->installed_unix_s, 1'700'000'000);
  EXPECT_EQ(found->bytes(), 3);
  EXPECT_EQ(found->files[0].sha256, base::sha256_hex("123"));
  EXPECT_EQ(read_all(found->path()), "123");
  EXPECT_THAT(read_all(found->folder / "manifest.json"), HasSubstr("\"installed\":\"2023-11-14T22:13:20Z\""));

  auto listing = store.list();
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->models.size(), 2);
  EXPECT_EQ(listing->models[0].name, "a-model");
  EXPECT_EQ(listing->models[1].name, "b-model");
  EXPECT_TRUE(listing->broken.empty());

  ASSERT_TRUE(store.remove("a-model"));
  EXPECT_EQ(store.find("a-model").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.remove("a-model").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.list()->models.size(), 1);
}

TEST_F(ModelStoreTest, InstallingAgainReplaces) {
  auto store = open();
  ASSERT_TRUE(install(store, "m", "old"));
  ASSERT_TRUE(install(store, "m", "newer"));
  EXPECT_EQ(read_all(store.find("m")->path()), "newer");
  EXPECT_TRUE(fs::is_empty(store.folder() / ".partial"));
}

TEST_F(ModelStoreTest, RefusesNamesWithPathTricks) {
  auto store = open();
  scratch_.write("outside/keep", "x");
  for (const auto* name : {"..", "../outside", "/etc", ".partial", "a/../../outside", ""}) {
    EXPECT_EQ(store.remove(name).error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(store.find(name).error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(store.stage(name).error().code, ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(fs::exists(scratch_.path() / "outside/keep"));
}

TEST_F(ModelStoreTest, RefusesASymbolicLinkInPlaceOfAModel) {
  auto store = open();
  ASSERT_TRUE(install(store, "real", "123"));
  fs::create_directory_symlink(store.folder() / "real", store.folder() / "link");
  EXPECT_EQ(store.find("link").error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(store.remove("link"));
  EXPECT_TRUE(store.find("real")) << "removing a link must leave what it leads to";
}

TEST_F(ModelStoreTest, OnePullOfANameAtATime) {
  auto store = open();
  std::optional<Staging> first(std::move(store.stage("m")).value());
  EXPECT_EQ(store.stage("m").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(store.stage("other"));
  first.reset();
  EXPECT_TRUE(store.stage("m"));
}

TEST_F(ModelStoreTest, StagingKeepsDownloadsButNotFiles) {
  auto store = open();
  {
    const auto staging = store.stage("m");
    ASSERT_TRUE(staging);
    std::ofstream(staging->downloads() / "x.partial") << "half";
    std::ofstream(staging->files() / "model.gguf") << "half";
  }
  const auto again = store.stage("m");
  ASSERT_TRUE(again);
  EXPECT_EQ(read_all(again->downloads() / "x.partial"), "half");
  EXPECT_TRUE(fs::is_empty(again->files()));
}

TEST_F(ModelStoreTest, OpeningClearsLeftovers) {
  {
    auto store = open();
    ASSERT_TRUE(store.stage("fresh"));
    ASSERT_TRUE(store.stage("old"));
    ASSERT_TRUE(store.stage("held"));
  }
  const auto partial = scratch_.path() / "models/.partial";
  scratch_.write("models/.trash/m-1-2/model.gguf", "x");
  const auto week_ago = fs::file_time_type::clock::now() - std::chrono::hours(24 * 8);
  fs::last_write_time(partial / "old", week_ago);
  auto other = open();
  EXPECT_FALSE(fs::exists(scratch_.path() / "models/.trash"));
  EXPECT_FALSE(fs::exists(partial / "old"));
  EXPECT_FALSE(fs::exists(partial / "old.lock"));
  EXPECT_TRUE(fs::exists(partial / "fresh"));
  const auto held = other.stage("held");
  ASSERT_TRUE(held);
  fs::last_write_time(partial / "held", week_ago);
  open();
  EXPECT_TRUE(fs::exists(partial / "held")) << "another process is using it";
}

TEST_F(ModelStoreTest, BrokenModelsAreReportedNotServed) {
  auto store = open();
  ASSERT_TRUE(install(store, "good", "123"));
  const std::vector<std::pair<std::string, std::string>> manifests = {
      {"{", "not valid JSON"},
      {"[]", "not a JSON object"},
      {R"({"manifest":2})", "manifest version 2"},
      {R"({"manifest":1})", "field 'name'"},
      {R"({"manifest":1,"name":"good"})", "field 'task'"},
  };
  for (const auto& [text, message] : manifests) {
    scratch_.write("models/bad/manifest.json", text);
    const auto listing = store.list();
    ASSERT_TRUE(listing);
    ASSERT_EQ(listing->models.size(), 1);
    ASSERT_EQ(listing->broken.size(), 1);
    EXPECT_THAT(listing->broken[0], HasSubstr(message));
  }
  fs::remove_all(store.folder() / "bad");
  ASSERT_TRUE(install(store, "short", "12345"));
  scratch_.write("models/short/model.gguf", "1234");
  EXPECT_EQ(store.find("short").error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(store.find("short").error().message, HasSubstr("5 bytes"));
  fs::remove(store.folder() / "short/model.gguf");
  EXPECT_EQ(store.find("short").error().code, ErrorCode::kCorrupt);
}

TEST_F(ModelStoreTest, AManifestCannotPointOutside) {
  auto store = open();
  ASSERT_TRUE(install(store, "m", "123"));
  auto text = read_all(store.folder() / "m/manifest.json");
  text.replace(text.find("model.gguf"), 10, "../../x.gg");
  scratch_.write("models/m/manifest.json", text);
  EXPECT_THAT(store.find("m").error().message, HasSubstr("is not a plain file name"));
}

TEST_F(ModelStoreTest, VerifyFindsAChangedByte) {
  auto store = open();
  ASSERT_TRUE(install(store, "m", "12345"));
  const auto model = store.find("m");
  EXPECT_TRUE(store.verify(*model));
  scratch_.write("models/m/model.gguf", "12346");
  const auto verified = store.verify(*model);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(verified.error().message, HasSubstr(base::sha256_hex("12346")));
}

TEST_F(ModelStoreTest, AKillAtAnyMomentLeavesAWholeModel) {
  auto store = open();
  ASSERT_TRUE(install(store, "m", "0"));
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto own = ModelStore::open(scratch_.path());
      for (int i = 0; own; ++i) (void)install(*own, "m", std::string(1 + static_cast<std::size_t>(i) % 1000, 'x'));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random() % 8000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto after = open();
    const auto found = after.find("m");
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(after.verify(*found)) << "round " << round;
    ASSERT_TRUE(after.list()->broken.empty());
  }
}

}  // namespace
}  // namespace marquee::serving
