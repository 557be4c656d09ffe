#include "apps/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "apps/exit_code.h"
#include "apps/signals.h"
#include "base/utf8.h"

namespace marquee::apps {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(80);

std::string format(const char* pattern, double value, const char* unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, value, unit);
  return text.data();
}

/// How many columns a text takes, counting each code point as one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

bool shows_colour(std::FILE* stream) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return is_terminal(stream) && kind != nullptr && std::string_view(kind) != "dumb";
}

int terminal_columns(std::FILE* stream) {
  winsize size{};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string Paint::wrap(const char* code, std::string_view text) const {
  if (!on_) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string without_controls(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  while (!text.empty()) {
    const base::DecodedCodePoint decoded = base::decode_utf8(text);
    const char32_t c = decoded.code_point;
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c <= 0x9F);
    if (!control) decoded.valid ? void(kept.append(text.substr(0, decoded.length))) : base::append_utf8(kept, c);
    text.remove_prefix(decoded.length);
  }
  return kept;
}

void write_answer(std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) != 0 || !whole) InterruptFlag::raise();
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t right_from) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      if (i > 0) line += "  ";
      line += i >= right_from ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return format(value < 99.5 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
}

std::string human_time(std::int64_t unix_s) {
  if (unix_s == 0) return "-";
  const std::time_t time = unix_s;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "-";
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts);
  return {text.data(), size};
}

ProgressBar::ProgressBar(std::string label, std::FILE* stream)
    : label_(std::move(label)), stream_(stream), on_(is_terminal(stream)), started_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_) std::fputs("\r\x1b[K", stream_);
  drawn_ = false;
}

void ProgressBar::show(std::string_view stage, std::uint64_t done_bytes, std::uint64_t total_bytes) {
  if (!on_) return;
  const auto now = std::chrono::steady_clock::now();
  if (stage != last_stage_) {
    last_stage_ = stage;
    started_ = now;
    first_bytes_ = done_bytes;
  } else if (now - drawn_at_ < kRedraw && done_bytes != total_bytes) {
    return;
  }
  drawn_at_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  std::string line = label_ + "  " + last_stage_;
  if (total_bytes > 0) {
    constexpr std::size_t kCells = 24;
    const double part = std::min(1.0, static_cast<double>(done_bytes) / static_cast<double>(total_bytes));
    const auto filled = static_cast<std::size_t>(part * kCells);
    line += "  [" + std::string(filled, '=') + std::string(kCells - filled, ' ') + "]" +
            format("%4.0f%%%s", part * 100, "");
    line += "  " + human_bytes(done_bytes) + " of " + human_bytes(total_bytes);
  } else if (done_bytes > 0) {
    line += "  " + human_bytes(done_bytes);
  }
  if (done_bytes > first_bytes_ && seconds > 0.5) {
    line +=
        "  " + human_bytes(static_cast<std::uint64_t>(static_cast<double>(done_bytes - first_bytes_) / seconds)) + "/s";
  } else if (done_bytes == 0) {
    line += format("  %.1f %s", seconds, "s");
  }
  const auto columns = static_cast<std::size_t>(terminal_columns(stream_));
  if (line.size() >= columns) line.resize(base::complete_utf8_prefix(std::string_view(line).substr(0, columns - 1)));
  std::fprintf(stream_, "\r%s\x1b[K", line.c_str());
  std::fflush(stream_);
}

ExitCode exit_code_of(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kInvalidArgument: return ExitCode::kUsage;
    case base::ErrorCode::kNotFound: return ExitCode::kNotFound;
    case base::ErrorCode::kUnauthenticated:
    case base::ErrorCode::kPermissionDenied: return ExitCode::kRefused;
    case base::ErrorCode::kFailedPrecondition:
    case base::ErrorCode::kResourceExhausted:
    case base::ErrorCode::kUnavailable: return ExitCode::kBusy;
    case base::ErrorCode::kCancelled: return ExitCode::kInterrupted;
    case base::ErrorCode::kAlreadyExists:
    case base::ErrorCode::kTooLarge:
    case base::ErrorCode::kCorrupt:
    case base::ErrorCode::kUnsupported:
    case base::ErrorCode::kDeadlineExceeded:
    case base::ErrorCode::kIo:
    case base::ErrorCode::kInternal: return ExitCode::kFailure;
  }
  return ExitCode::kFailure;
}

ExitCode fail(const base::Error& error) {
  const std::string message = without_controls(error.message);
  std::fprintf(stderr, "%s %s\n", Paint(stderr).red("marquee:").c_str(), message.c_str());
  return exit_code_of(error.code);
}

}  // namespace marquee::apps
