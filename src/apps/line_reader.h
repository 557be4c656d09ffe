#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace marquee::apps {

/// Lines from the person: edited and remembered on a terminal (libedit), read plainly from a pipe.
class LineReader {
 public:
  /// @param history where lines are remembered (0600); empty for nowhere
  explicit LineReader(std::filesystem::path history);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  enum class Outcome { kLine, kInterrupted, kEnd };
  struct Line {
    Outcome outcome;
    std::string text;  ///< without the line feed
  };
  /// Ctrl-C gives kInterrupted if an InterruptFlag is set, Ctrl-D on an empty line kEnd.
  Line read(const std::string& prompt);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;  ///< null when standard input is no terminal
};

}  // namespace marquee::apps
