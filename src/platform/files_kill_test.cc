// kill -9 at random moments of a process that stores files: each that was acknowledged is there whole, and nothing else
// is left in the folder. MARQUEE_KILLS sets how many times (tests/faults runs it long).

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/files.h"

namespace marquee::platform {
namespace {

using base::Result;
namespace fs = std::filesystem;

/// What goes through the pipe for each file: its id and its digest.
constexpr std::size_t kNoteBytes = 29 + 64;

/// The process that is killed: three threads store and delete files.
[[noreturn]] void store_until_killed(const fs::path& folder, unsigned seed, int pipe) {
  auto database = store::Database::open(folder / "marquee.db");
  if (!database) ::_exit(1);
  auto files = FileService::open(**database, folder / "files");
  if (!files) ::_exit(1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&files, seed, t, pipe] {
      std::mt19937 random(seed * 3 + t);
      for (;;) {
        auto upload = (*files)->begin("tenant", 0);
        if (!upload || !(*upload)->set_name("a.txt")) ::_exit(1);
        for (unsigned pieces = 1 + random() % 20; pieces > 0; --pieces) {
          if (!(*upload)->write(std::string(1 + random() % 5'000, static_cast<char>('a' + random() % 26)))) ::_exit(1);
        }
        if (random() % 5 == 0) continue;  // given up
        const auto stored = (*upload)->commit("user_data");
        if (!stored) ::_exit(1);
        if (random() % 4 == 0) {
          if (!(*files)->remove("tenant", stored->id)) ::_exit(1);
          continue;
        }
        const std::string note = stored->id + stored->sha256;
        if (::write(pipe, note.data(), note.size()) != static_cast<ssize_t>(note.size())) ::_exit(1);
      }
    });
  }
  for (;;) ::pause();
}

/// Reads what was acknowledged until the process is gone.
/// @param wait_for_first whether its `lifetime` begins with the first acknowledgement: a machine may be slow
std::map<std::string, std::string> acknowledged_files(pid_t writer, int pipe, std::chrono::microseconds lifetime,
                                                      bool wait_for_first) {
  std::string bytes;
  std::array<char, 65'536> buffer{};
  const auto read_some = [&] {
    const ssize_t size = ::read(pipe, buffer.data(), buffer.size());
    if (size > 0) bytes.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
  };
  if (wait_for_first) read_some();
  std::thread killer([&] {
    std::this_thread::sleep_for(lifetime);
    ::kill(writer, SIGKILL);
  });
  while (read_some()) {
  }
  killer.join();
  std::map<std::string, std::string> files;
  for (std::size_t at = 0; at + kNoteBytes <= bytes.size(); at += kNoteBytes) {
    files[bytes.substr(at, 29)] = bytes.substr(at + 29, 64);
  }
  return files;
}

void check_files(const fs::path& folder, const std::map<std::string, std::string>& acknowledged) {
  auto database = store::Database::open(folder / "marquee.db");
  ASSERT_TRUE(database) << database.error().message;
  auto files = FileService::open(**database, folder / "files");
  ASSERT_TRUE(files) << files.error().message;
  std::set<std::string> listed;
  const auto page = (*files)->list("tenant", {});
  ASSERT_TRUE(page) << page.error().message;
  for (const FileInfo& file : page->files) {
    listed.insert(file.id);
    EXPECT_TRUE((*files)->open_content("tenant", file.id)) << file.id << " is listed, but not whole";
  }
  for (const auto& [id, sha256] : acknowledged) {
    EXPECT_TRUE(listed.contains(id)) << id << " was acknowledged and is lost";
    const auto digest = base::sha256_file(folder / "files" / id);
    ASSERT_TRUE(digest) << digest.error().message;
    EXPECT_EQ(*digest, sha256);
  }
  std::set<std::string> on_disk;
  for (const auto& entry : fs::directory_iterator(folder / "files")) on_disk.insert(entry.path().filename().string());
  EXPECT_EQ(on_disk, listed) << "nothing is left of uploads that did not finish";
}

TEST(FilesKill, NoAcknowledgedFileIsLostAndNothingIsLeft) {
  const char* wanted = std::getenv("MARQUEE_KILLS");
  const int kills = wanted == nullptr ? 10 : std::atoi(wanted);
  std::string folder = (fs::temp_directory_path() / "marquee_files_kill_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::mt19937 random(20'261'128);
  std::uniform_int_distribution<int> lifetime_us(1'000, 150'000);
  std::size_t acknowledged_files_count = 0;
  for (int round = 0; round < kills && !::testing::Test::HasFailure(); ++round) {
    const auto path = fs::path(folder) / std::to_string(round / 10);  // a new folder now and then
    fs::create_directories(path);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t writer = ::fork();
    if (writer == 0) store_until_killed(path, static_cast<unsigned>(round), pipe[1]);
    ::close(pipe[1]);
    const auto files =
        acknowledged_files(writer, pipe[0], std::chrono::microseconds(lifetime_us(random)), round % 2 == 1);
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(writer, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the process must not end by itself";
    acknowledged_files_count += files.size();
    check_files(path, files);
  }
  fs::remove_all(folder);
  std::printf("%d kills, %zu acknowledged files\n", kills, acknowledged_files_count);
  EXPECT_GT(acknowledged_files_count, 0U);
}

}  // namespace
}  // namespace marquee::platform
