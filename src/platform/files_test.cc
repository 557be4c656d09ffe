#include "platform/files.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/open_store_test.h"

namespace marquee::platform {
namespace {

using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;

class FilesTest : public OpenStoreTest {
 protected:
  void SetUp() override {
    OpenStoreTest::SetUp();
    open_files();
  }
  void TearDown() override {
    files_.reset();
    OpenStoreTest::TearDown();
  }
  void open_files(const FileLimits& limits = {}) {
    files_.reset();
    auto files = FileService::open(*database_, files_folder(), limits);
    ASSERT_TRUE(files) << files.error().message;
    files_ = std::move(*files);
  }
  [[nodiscard]] fs::path files_folder() const { return folder_ / "files"; }

  Result<FileInfo> send(const std::string& content, const std::string& name = "a.txt", const std::string& tenant = "t",
                        const std::string& purpose = "user_data") {
    MARQUEE_ASSIGN(auto upload, files_->begin(tenant, content.size()));
    MARQUEE_CHECK(upload->set_name(name));
    for (std::size_t at = 0; at < content.size(); at += 1000) {
      MARQUEE_CHECK(upload->write(std::string_view(content).substr(at, 1000)));
    }
    return upload->commit(purpose);
  }
  std::string read(const std::string& tenant, const std::string& id) {
    auto content = files_->open_content(tenant, id);
    if (!content) return "(" + content.error().message + ")";
    std::string all;
    std::string piece(7, '\0');
    for (;;) {
      const auto size = content->read(piece);
      if (!size) return size.error().message;
      if (*size == 0) return all;
      all.append(piece, 0, *size);
    }
  }
  [[nodiscard]] std::set<std::string> on_disk() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_folder())) names.insert(entry.path().filename().string());
    return names;
  }
  std::string refusal(const std::string& content, const std::string& name) {
    const auto sent = send(content, name);
    EXPECT_TRUE(on_disk().empty() || sent) << "a refused file leaves nothing";
    if (sent) return "(none)";
    EXPECT_EQ(sent.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(sent.error().field, "file");
    return sent.error().message;
  }

  std::unique_ptr<FileService> files_;
};

TEST_F(FilesTest, WhatWasSentIsThereAlsoAfterARestart) {
  const std::string content(5'000, 'x');
  const auto sent = send(content, "notes.txt", "studio-a", "fine-tune");
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->id.size(), 29U);
  EXPECT_EQ(sent->bytes, 5'000U);
  EXPECT_EQ(sent->sha256, base::sha256_hex(content));
  EXPECT_EQ(sent->format, FileFormat::kText);
  for (int restart = 0; restart < 2; ++restart) {
    const auto found = files_->find("studio-a", sent->id);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->filename, "notes.txt");
    EXPECT_EQ(found->purpose, "fine-tune");
    EXPECT_EQ(found->sha256, sent->sha256);
    EXPECT_EQ(found->created_unix_s, sent->created_unix_s);
    EXPECT_EQ(read("studio-a", sent->id), content);
    EXPECT_EQ(on_disk(), std::set<std::string>{sent->id});
    files_.reset();
    open_store();
    open_files();
  }
  struct stat state {};
  ASSERT_EQ(::stat(files_folder().c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777U, 0700U);
}

TEST_F(FilesTest, TenantsSeeTheirOwn) {
  const auto sent = send("mine", "a.txt", "a");
  ASSERT_TRUE(sent);
  EXPECT_EQ(files_->find("b", sent->id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_->open_content("b", sent->id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_->remove("b", sent->id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(files_->list("b", {})->files.empty());
  EXPECT_EQ(files_->list("b", {.after = sent->id}).error().field, "after") << "as if there were no such id";
  EXPECT_EQ(read("a", sent->id), "mine");
  for (const char* id :
       {"", "file-", "../marquee.db", "file-00000000000000000000000g", "file-000000000000000000000000/"}) {
    EXPECT_EQ(files_->find("a", id).error().code, ErrorCode::kNotFound) << id;
    EXPECT_EQ(files_->open_content("a", id).error().code, ErrorCode::kNotFound) << id;
    EXPECT_EQ(files_->remove("a", id).error().code, ErrorCode::kNotFound) << id;
  }
}

TEST_F(FilesTest, ARemovedFileIsGoneAndItsReaderReadsOn) {
  const auto sent = send("content");
  auto reader = files_->open_content("t", sent->id);
  ASSERT_TRUE(reader);
  ASSERT_TRUE(files_->remove("t", sent->id));
  EXPECT_TRUE(on_disk().empty());
  EXPECT_EQ(files_->remove("t", sent->id).error().code, ErrorCode::kNotFound);
  std::string bytes(100, '\0');
  EXPECT_EQ(reader->read(bytes).value(), 7U);
}

TEST_F(FilesTest, PagesHoldEachFileOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    ids.push_back(send("x", "a.txt", "t", i % 2 == 0 ? "evals" : "user_data")->id);
    ASSERT_TRUE(send("x", "a.txt", "other"));
  }
  for (const bool ascending : {false, true}) {
    std::vector<std::string> seen;
    FileFilter filter{.ascending = ascending, .limit = 3};
    for (bool more = true; more;) {
      const auto page = files_->list("t", filter);
      ASSERT_TRUE(page) << page.error().message;
      for (const FileInfo& file : page->files) seen.push_back(file.id);
      more = page->has_more;
      if (more) filter.after = page->files.back().id;
    }
    if (!ascending) std::reverse(seen.begin(), seen.end());
    EXPECT_EQ(seen, ids);
  }
  EXPECT_EQ(files_->list("t", {.purpose = "evals"})->files.size(), 4U);
  EXPECT_FALSE(files_->list("t", {.limit = 7})->has_more);
  EXPECT_EQ(files_->list("t", {.purpose = "none"}).error().field, "purpose");
  for (const int limit : {0, -1, 10'001}) EXPECT_EQ(files_->list("t", {.limit = limit}).error().field, "limit");
}

TEST_F(FilesTest, AnUploadThatIsGivenUpLeavesNothing) {
  {
    auto upload = files_->begin("t", 0).value();
    ASSERT_TRUE(upload->set_name("a.txt"));
    ASSERT_TRUE(upload->write("some bytes"));
    EXPECT_EQ(on_disk().size(), 1U);
    EXPECT_TRUE(files_->list("t", {})->files.empty()) << "not before it is whole";
  }
  EXPECT_TRUE(on_disk().empty());
  EXPECT_EQ(send("x", "a.txt", "t", "assistants").error().field, "purpose");
  EXPECT_TRUE(on_disk().empty());
}

TEST_F(FilesTest, CapsCountWhatIsOnItsWay) {
  open_files({.max_tenant_bytes = 100, .max_tenant_files = 3});
  const auto kept = send(std::string(40, 'x'));
  ASSERT_TRUE(kept);
  auto first = files_->begin("t", 0).value();
  ASSERT_TRUE(first->set_name("a.txt"));
  ASSERT_TRUE(first->write(std::string(50, 'x')));
  auto second = files_->begin("t", 0).value();
  ASSERT_TRUE(second->set_name("a.txt"));
  EXPECT_TRUE(second->write(std::string(10, 'x'))) << "the last bytes there are";
  EXPECT_TRUE(is_storage_full(second->write("x").error()));
  EXPECT_TRUE(is_storage_full(files_->begin("t", 0).error())) << "three files already";
  EXPECT_TRUE(send(std::string(100, 'x'), "a.txt", "other")) << "others have their own share";
  second.reset();
  EXPECT_TRUE(is_storage_full(files_->begin("t", 11).error())) << "announced, so refused at once";
  ASSERT_TRUE(send(std::string(10, 'x')));
  first.reset();
  ASSERT_TRUE(files_->remove("t", kept->id));
  EXPECT_TRUE(send(std::string(90, 'x')));
  EXPECT_NE(send("x").error().message.find("tenant_files"), std::string::npos);
  open_files({.max_tenant_bytes = 100, .max_tenant_files = 3});
  EXPECT_TRUE(is_storage_full(send("x").error())) << "counted anew at a start";
}

TEST_F(FilesTest, WhatACrashLeftIsSwept) {
  const auto sent = send("kept");
  const auto touch = [&](const std::string& name) { std::ofstream(files_folder() / name) << "x"; };
  touch("file-0123456789abcdef01234567.partial");
  touch("file-0123456789abcdef01234568");
  touch("not ours");
  open_files();
  EXPECT_EQ(on_disk(), (std::set<std::string>{sent->id, "not ours"}));
  EXPECT_EQ(read("t", sent->id), "kept");
}

TEST_F(FilesTest, BytesThatAreNotThoseThatWereSent) {
  const auto cut = send("0123456789");
  fs::resize_file(files_->path_of(*cut), 5);
  EXPECT_EQ(files_->open_content("t", cut->id).error().code, ErrorCode::kCorrupt);
  const auto lost = send("0123456789");
  fs::remove(files_->path_of(*lost));
  EXPECT_EQ(files_->open_content("t", lost->id).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(files_->remove("t", cut->id));
  EXPECT_TRUE(files_->remove("t", lost->id));
}

TEST_F(FilesTest, AFullDiskIsSaidAndLeavesNothing) {
  const auto small = folder_ / "small";
  fs::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs leave to mount a tmpfs";
  {
    auto files = FileService::open(*database_, small, {}).value();
    EXPECT_TRUE(is_storage_full(files->begin("t", 3'000'000).error())) << "announced, so refused at once";
    {
      auto upload = files->begin("t", 0).value();
      ASSERT_TRUE(upload->set_name("a.txt"));
      Result<void> written;
      for (int i = 0; written && i < 100; ++i) written = upload->write(std::string(65'536, 'x'));
      ASSERT_FALSE(written);
      EXPECT_TRUE(is_storage_full(written.error()));
      EXPECT_NE(written.error().message.find("free some disk space"), std::string::npos);
    }
    EXPECT_TRUE(fs::is_empty(small));
    auto upload = files->begin("t", 0).value();
    ASSERT_TRUE(upload->set_name("a.txt"));
    ASSERT_TRUE(upload->write("it goes on when there is room"));
    EXPECT_TRUE(upload->commit("user_data"));
  }
  ::umount(small.c_str());
}

TEST_F(FilesTest, ManyAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string tenant = "t" + std::to_string((t + i) % 2);
        const auto sent = send(std::string(2'500, static_cast<char>('a' + t)), "a.txt", tenant);
        ASSERT_TRUE(sent) << sent.error().message;
        if (i % 3 == 0) {
          EXPECT_TRUE(files_->remove(tenant, sent->id));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(files_->list("t0", {})->files.size() + files_->list("t1", {})->files.size(), 24U);
  EXPECT_EQ(on_disk().size(), 24U);
}

TEST_F(FilesTest, NamesHaveNoPath) {
  EXPECT_EQ(plain_filename("a.csv").value(), "a.csv");
  EXPECT_EQ(plain_filename("/etc/passwd").value(), "passwd");
  EXPECT_EQ(plain_filename("..\\..\\a b.csv").value(), "a b.csv");
  EXPECT_EQ(plain_filename(std::string(255, 'x')).value().size(), 255U);
  for (const std::string& wrong :
       {std::string(), std::string("/"), std::string("a/.."), std::string("."), std::string(256, 'x'),
        std::string("a\nb"), std::string("a\x7F"), std::string("a\xFF"), std::string("a\0b", 3)}) {
    EXPECT_EQ(plain_filename(wrong).error().field, "file") << wrong;
  }
}

TEST_F(FilesTest, FormatsByNameAndContent) {
  const auto format_of = [&](const std::string& content, const std::string& name) {
    const auto sent = send(content, name);
    return sent ? std::string(to_string(sent->format)) : sent.error().message;
  };
  const std::string parquet = "PAR1 some columns " + std::string(1, '\0') + " and a footer PAR1";
  EXPECT_EQ(format_of("{}", "a.jsonl"), "jsonl");
  EXPECT_EQ(format_of("{}", "A.NDJSON"), "jsonl");
  EXPECT_EQ(format_of("hello", "a.csv"), "csv");
  EXPECT_EQ(format_of("{}", "a.txt"), "text");
  EXPECT_EQ(format_of(parquet, "a.parquet"), "parquet");
  EXPECT_EQ(format_of(parquet, "upload"), "parquet");
  EXPECT_EQ(format_of("\xEF\xBB\xBF {\"a\": 1}\n", "upload"), "jsonl");
  EXPECT_EQ(format_of("a,b\n1,2\n3,4", "upload"), "csv");
  EXPECT_EQ(format_of("Hello, world.\nHow are you?\n", "upload"), "text");
  EXPECT_EQ(format_of(std::string(4095, 'x') + "\xC3\xA9", "a.txt"), "text") << "a character at the cut";
}

TEST_F(FilesTest, ContentThatIsNotWhatTheNameSays) {
  const auto has = [&](const std::string& content, const std::string& name, std::string_view why) {
    const std::string message = refusal(content, name);
    EXPECT_NE(message.find(why), std::string::npos) << message;
  };
  has("", "a.csv", "it is empty");
  has(std::string("a,b\0", 4), "a.csv", "byte 3 is NUL");
  has("ab\xFF", "a.jsonl", "byte 2 is not UTF-8");
  has("ab\xC3", "a.jsonl", "byte 2 is not UTF-8");
  has(std::string(5000, 'x').replace(4000, 1, "\xFF"), "a.jsonl", "byte 4000 is not UTF-8");
  has("\x1F\x8B\x08", "a.jsonl", "compressed");
  has("PK\x03\x04", "a.csv", "compressed");
  has("\xFF\xFE"
      "a",
      "a.csv", "UTF-16");
  has("PAR1xxxxPAR1", "a.csv", "its name says csv");
  has("hello", "a.parquet", "does not begin with 'PAR1'");
  has("PAR1xxxxxxxxxxxxPAR", "a.parquet", "cut off");
  has("PAR1PAR1", "a.parquet", "cut off");
  has("PAR1" + std::string(9000, 'x') + "PAR2", "a.parquet", "cut off");
}

}  // namespace
}  // namespace marquee::platform
