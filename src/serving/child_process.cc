#include "serving/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/utf8.h"

extern char** environ;  // NOLINT: POSIX's name

namespace marquee::serving {

using base::Result;

namespace {

constexpr std::size_t kMaxErrorOutput = 4096;
constexpr int kPollMs = 50;
constexpr auto kGraceBeforeKill = std::chrono::seconds(2);

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : added) replaced = replaced || key == name;
    if (!replaced) merged.emplace_back(text);
  }
  for (const auto& [key, value] : added) merged.push_back(key + "=" + value);
  return merged;
}

/// A child in its own process group, whose standard error is read here.
class Child {
 public:
  ~Child() {
    if (error_fd_ >= 0) ::close(error_fd_);
  }

  Result<void> start(const ChildRequest& request);
  /// Reads what has come and waits a little. @return true once the child has closed its standard error
  bool read_some(std::string& output);
  int wait();
  void end();

 private:
  pid_t pid_ = -1;
  int error_fd_ = -1;
};

Result<void> Child::start(const ChildRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return base::io_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  error_fd_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  auto arguments = request.arguments;
  auto environment = merged_environment(request.environment);
  const int status = ::posix_spawnp(&pid_, arguments[0].c_str(), &actions, &attributes, pointers(arguments).data(),
                                    pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  if (status == ENOENT) return base::not_found("the program '" + arguments[0] + "' is not installed");
  if (status != 0) return base::io_error("cannot run '" + arguments[0] + "': " + std::strerror(status));
  return {};
}

bool Child::read_some(std::string& output) {
  pollfd waiting{error_fd_, POLLIN, 0};
  if (::poll(&waiting, 1, kPollMs) <= 0) return false;
  std::array<char, 1024> buffer;
  const auto got = ::read(error_fd_, buffer.data(), buffer.size());
  if (got < 0) return errno != EINTR;
  output.append(buffer.data(), static_cast<std::size_t>(got));
  if (output.size() > 2 * kMaxErrorOutput) output.erase(0, output.size() - kMaxErrorOutput);
  return got == 0;
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Child::end() {
  ::kill(-pid_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + kGraceBeforeKill;
  while (std::chrono::steady_clock::now() < until) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ::kill(-pid_, SIGKILL);
  wait();
}

}  // namespace

Result<ChildOutcome> run_child(const ChildRequest& request, PullMonitor& monitor) {
  Child child;
  MARQUEE_CHECK(child.start(request));
  std::string output;
  while (!child.read_some(output)) {
    if (auto going_on = monitor.advance(request.done_bytes ? request.done_bytes() : 0); !going_on) {
      child.end();
      return std::move(going_on).error();
    }
  }
  ChildOutcome outcome;
  outcome.exit_code = child.wait();
  if (output.size() > kMaxErrorOutput) output.erase(0, output.size() - kMaxErrorOutput);
  outcome.error_output = base::sanitize_utf8(output);
  return outcome;
}

}  // namespace marquee::serving
