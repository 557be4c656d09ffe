#pragma once
// A terminal for tests: what is written to stream() can be read back, and what is typed comes out of it.

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace marquee::apps {

class PseudoTerminal {
 public:
  explicit PseudoTerminal(unsigned short columns = 80) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = columns;
    int inner = -1;
    if (::openpty(&outer_, &inner, nullptr, nullptr, &size) != 0) return;
    termios mode{};
    ::tcgetattr(inner, &mode);
    ::cfmakeraw(&mode);  // what is written is what is seen
    ::tcsetattr(inner, TCSANOW, &mode);
    stream_ = ::fdopen(inner, "r+");
  }
  ~PseudoTerminal() {
    if (stream_ != nullptr) std::fclose(stream_);
    if (outer_ >= 0) ::close(outer_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  [[nodiscard]] std::FILE* stream() const { return stream_; }

  /// Types when `prompt` has appeared, as a person does: what comes while a program sets its terminal up may be lost.
  void type_after(std::string_view prompt, std::string_view keys) const {
    std::string seen;
    for (int waited = 0; waited < 200 && seen.find(prompt) == std::string::npos; ++waited) seen += read_ready();
    type(keys);
  }

  void type(std::string_view keys) const {
    while (!keys.empty()) {
      const ssize_t written = ::write(outer_, keys.data(), keys.size());
      if (written <= 0) return;
      keys.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  /// From now on as a shell leaves a terminal: lines are edited by the kernel, Ctrl-D ends the input.
  void take_whole_lines() const {
    termios mode{};
    ::tcgetattr(::fileno(stream_), &mode);
    mode.c_lflag |= ICANON | ECHO | ISIG;
    mode.c_iflag |= ICRNL;
    mode.c_cc[VEOF] = 4;
    ::tcsetattr(::fileno(stream_), TCSANOW, &mode);
  }

  /// What was written so far and not yet taken.
  [[nodiscard]] std::string output() const {
    std::fflush(stream_);
    return read_ready();
  }

 private:
  /// What can be read, until nothing comes for 50 ms.
  [[nodiscard]] std::string read_ready() const {
    std::string text;
    char buffer[4096];
    for (;;) {
      pollfd ready{outer_, POLLIN, 0};
      if (::poll(&ready, 1, 50) <= 0) return text;
      const ssize_t size = ::read(outer_, buffer, sizeof buffer);
      if (size <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(size));
    }
  }

  int outer_ = -1;
  std::FILE* stream_ = nullptr;
};

}  // namespace marquee::apps
