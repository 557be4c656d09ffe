#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace marquee::apps {

/// Lines from the person: edited and remembered on a terminal (libedit), read plainly from a pipe.
class LineReader {
 public:
  /// @param history where lines are remembered (0600); empty for nowhere
  explicit LineReader(std::filesystem::path history, std::FILE* in = stdin, std::FILE* out = stdout);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  static constexpr std::size_t kMaxLineBytes = 1 << 20;

  enum class Outcome { kLine, kInterrupted, kTooLong, kEnd };
  struct Line {
    Outcome outcome;
    std::string text;  ///< without the line feed
  };
  /// Ctrl-C gives kInterrupted if an InterruptFlag exists, Ctrl-D on an empty line kEnd, more than kMaxLineBytes
  /// kTooLong.
  Line read(const std::string& prompt);

 private:
  struct Editor;
  Line read_plainly();

  std::FILE* in_;
  std::FILE* out_;
  std::unique_ptr<Editor> editor_;  ///< null when standard input is no terminal
};

}  // namespace marquee::apps
