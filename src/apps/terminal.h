#pragma once
// What people see: colours on a terminal only, tables, sizes, and text that cannot command the terminal.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::apps {

/// Whether `stream` is a terminal that shows colours (NO_COLOR and TERM=dumb say no; https://no-color.org).
bool shows_colour(std::FILE* stream);
bool is_terminal(std::FILE* stream);
/// Columns of the terminal behind `stream`, or 80.
int terminal_columns(std::FILE* stream);

/// Paints text when `stream` shows colours and leaves it alone otherwise.
class Paint {
 public:
  explicit Paint(std::FILE* stream) : on_(shows_colour(stream)) {}
  [[nodiscard]] std::string bold(std::string_view text) const { return wrap("1", text); }
  [[nodiscard]] std::string dim(std::string_view text) const { return wrap("2", text); }
  [[nodiscard]] std::string red(std::string_view text) const { return wrap("31", text); }
  [[nodiscard]] std::string green(std::string_view text) const { return wrap("32", text); }
  [[nodiscard]] std::string yellow(std::string_view text) const { return wrap("33", text); }
  [[nodiscard]] std::string cyan(std::string_view text) const { return wrap("36", text); }

 private:
  [[nodiscard]] std::string wrap(const char* code, std::string_view text) const;
  bool on_;
};

/// Without control characters other than line feed and tab: what a model or a server says must not move the cursor or
/// retitle the window. Input is UTF-8; C1 controls go too.
std::string without_controls(std::string_view text);

/// Writes a part of an answer to standard output at once. When nobody can read it any more the answer is ended as by
/// Ctrl-C (an InterruptFlag must exist) and ferror(stdout) says why.
void write_answer(std::string_view text);

/// Rows of cells in columns; the first row is a heading. Cells from `right_from` on stand at the right.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t right_from = SIZE_MAX);

/// "98.1 MB" (powers of 1000)
std::string human_bytes(std::uint64_t bytes);
/// "2026-11-24 09:05" in UTC; "-" for 0
std::string human_time(std::int64_t unix_s);

/// A bar that redraws one line of a terminal; silent if `stream` is none.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label, std::FILE* stream = stderr);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// @param total_bytes 0: unknown
  void show(std::string_view stage, std::uint64_t done_bytes, std::uint64_t total_bytes);
  /// Takes the line away.
  void clear();

 private:
  std::string label_;
  std::FILE* stream_;
  bool on_;
  bool drawn_ = false;
  std::string last_stage_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point drawn_at_{};
  std::uint64_t first_bytes_ = 0;  ///< what was there when this stage began: a resumed download's speed is of the rest
};

}  // namespace marquee::apps
