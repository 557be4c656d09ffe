#include "store/data_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace marquee::store {
namespace {

class DataFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquee_folder_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
    folder_ = parent_ / "a" / "data";
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }
  static unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777U;
  }
  std::filesystem::path parent_;
  std::filesystem::path folder_;
};

TEST_F(DataFolderTest, OneHolderAtATime) {
  auto first = DataFolderLock::try_acquire(folder_);
  ASSERT_TRUE(first && first->has_value());
  EXPECT_EQ(mode_of(folder_), 0700U);
  EXPECT_EQ(lock_holder(folder_), ::getpid());
  auto second = DataFolderLock::try_acquire(folder_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->has_value());
  first->reset();
  EXPECT_EQ(lock_holder(folder_), std::nullopt);
  auto third = DataFolderLock::try_acquire(folder_);
  EXPECT_TRUE(third && third->has_value());
}

TEST_F(DataFolderTest, KilledHolderLeavesItFree) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto lock = DataFolderLock::try_acquire(folder_);
    const char answer = lock && lock->has_value() ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(lock_holder(folder_), child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto lock = DataFolderLock::try_acquire(folder_);
  EXPECT_TRUE(lock && lock->has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(DataFolderTest, FolderThatIsAFileIsRefused) {
  std::filesystem::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "x";
  auto lock = DataFolderLock::try_acquire(folder_);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, base::ErrorCode::kIo);
}

TEST_F(DataFolderTest, PrivateFileReplacesAndStaysPrivate) {
  std::filesystem::create_directories(folder_);
  const auto path = folder_ / "secret";
  std::ofstream(path) << "an older and longer content";
  std::filesystem::permissions(path, std::filesystem::perms::all);
  ASSERT_TRUE(write_private_file(path, "new"));
  EXPECT_EQ(mode_of(path), 0600U);
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "no temporary file is left";
  EXPECT_FALSE(write_private_file(folder_ / "missing" / "secret", "x"));
}

}  // namespace
}  // namespace marquee::store
