#include "base/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace marquee::base {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write_whole(OutputFile& file, std::string_view text) {
    ASSERT_TRUE(file.write(std::as_bytes(std::span(text))));
    ASSERT_TRUE(file.finish());
  }

  fs::path folder_ = fs::temp_directory_path() / ("marquee_output_file_" + std::to_string(::getpid()));
};

TEST_F(OutputFileTest, ReplacesAFileAndSaysHowLongItIs) {
  const fs::path path = folder_ / "a";
  std::ofstream(path) << "what was there before, longer";
  auto file = OutputFile::create(path);
  ASSERT_TRUE(file);
  write_whole(*file, "new");
  EXPECT_EQ(file->size(), 3U);
  EXPECT_EQ(content(path), "new");
}

TEST_F(OutputFileTest, ReplacesASymbolicLinkAndLeavesWhatItPointsTo) {
  const fs::path target = folder_ / "target";
  const fs::path link = folder_ / "link";
  std::ofstream(target) << "kept";
  fs::create_symlink(target, link);
  auto file = OutputFile::create(link);
  ASSERT_TRUE(file);
  write_whole(*file, "new");
  EXPECT_EQ(content(target), "kept");
  EXPECT_FALSE(fs::is_symlink(link));
  EXPECT_EQ(content(link), "new");
}

// A path like /dev/null or a named pipe is somebody else's: making a file in its place breaks the machine.
TEST_F(OutputFileTest, LeavesDevicesPipesAndFoldersAlone) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const fs::path inner = folder_ / "folder";
  fs::create_directory(inner);
  for (const fs::path& path : {pipe, inner}) {
    const auto refused = OutputFile::create(path);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code, ErrorCode::kIo);
    EXPECT_NE(refused.error().message.find(path.string()), std::string::npos);
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_TRUE(fs::is_directory(inner));
}

TEST_F(OutputFileTest, GoesOnAtTheEnd) {
  const fs::path path = folder_ / "a";
  std::ofstream(path) << "one";
  auto file = OutputFile::append(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 3U);
  write_whole(*file, "two");
  EXPECT_EQ(content(path), "onetwo");
}

TEST_F(OutputFileTest, ADiskThatIsTooFullIsSaidBeforehand) {
  EXPECT_FALSE(check_free_space(folder_, ~std::uint64_t{0} / 2));
}

}  // namespace
}  // namespace marquee::base
