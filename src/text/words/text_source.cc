#include "text/words/text_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace marquee::text::words {

namespace {

using base::Result;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// A read of a text counts at the least this much, or system calls cost more than the text.
constexpr std::size_t kReadBytes = std::size_t{1} << 18U;

}  // namespace

TextFiles::TextFiles(std::vector<std::filesystem::path> paths, std::size_t max_line_bytes)
    : paths_(std::move(paths)), max_line_bytes_(max_line_bytes), buffer_(max_line_bytes + kReadBytes) {}

TextFiles::TextFiles(TextFiles&& other) noexcept
    : paths_(std::move(other.paths_)),
      max_line_bytes_(other.max_line_bytes_),
      file_(other.file_),
      fd_(std::exchange(other.fd_, -1)),
      at_end_(other.at_end_),
      inside_line_(other.inside_line_),
      line_(other.line_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_) {}

TextFiles::~TextFiles() { close_file(); }

Result<TextFiles> TextFiles::open(std::vector<std::filesystem::path> paths, std::size_t max_line_bytes) {
  if (paths.empty()) return base::invalid_argument("no text file is named; name at least one", "files");
  if (max_line_bytes < 4096 || max_line_bytes > (std::size_t{1} << 30U)) {
    return base::invalid_argument("max_line_bytes must lie between 4096 and 2^30", "max_line_bytes");
  }
  TextFiles files(std::move(paths), max_line_bytes);
  for (std::size_t i = files.paths_.size(); i-- > 0;) MARQUEE_CHECK(files.open_file(i));
  return files;
}

void TextFiles::close_file() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<void> TextFiles::open_file(std::size_t index) {
  close_file();
  const auto& path = paths_[index];
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    const auto code = errno == ENOENT ? base::ErrorCode::kNotFound : base::ErrorCode::kIo;
    return base::Error{code, path.string() + ": " + std::strerror(errno)};
  }
  struct stat info {};
  if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) return base::io_error(path.string() + ": not a regular file");
  file_ = index;
  at_end_ = inside_line_ = false;
  line_ = 0;
  begin_ = end_ = 0;
  return {};
}

Result<void> TextFiles::rewind() { return open_file(0); }

Result<void> TextFiles::fill() {
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  while (end_ < buffer_.size()) {
    const auto got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0) {
      if (errno == EINTR) continue;
      return base::io_error(paths_[file_].string() + ": cannot read: " + std::strerror(errno));
    }
    at_end_ = got == 0;
    end_ += static_cast<std::size_t>(got);
    break;
  }
  return {};
}

/// The end of a piece of a line that is too long: after its last blank, or not inside a character.
std::size_t TextFiles::piece_end() const {
  const std::size_t most = begin_ + max_line_bytes_;
  for (std::size_t at = most; at > begin_ + max_line_bytes_ / 2; --at) {
    if (is_blank(buffer_[at - 1])) return at;
  }
  std::size_t at = most;
  while (at > most - 4 && (static_cast<unsigned char>(buffer_[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

Result<std::optional<SourceLine>> TextFiles::next() {
  std::size_t looked_at = 0;
  while (true) {
    const char* begin = buffer_.data() + begin_;
    const std::size_t available = end_ - begin_;
    const auto* found =
        static_cast<const char*>(std::memchr(begin + looked_at, '\n', available - std::min(looked_at, available)));
    std::size_t length = found != nullptr ? static_cast<std::size_t>(found - begin) : available;
    const bool is_whole = found != nullptr || at_end_;
    if (length > max_line_bytes_) {
      length = piece_end() - begin_;
    } else if (!is_whole) {
      looked_at = available;
      MARQUEE_CHECK(fill());
      continue;
    } else if (found == nullptr && available == 0) {
      if (file_ + 1 == paths_.size()) return std::optional<SourceLine>();
      MARQUEE_CHECK(open_file(file_ + 1));
      looked_at = 0;
      continue;
    }
    const bool ends_line = found != nullptr && begin + length == found;
    if (!inside_line_) ++line_;
    inside_line_ = !ends_line;
    begin_ += length + (ends_line ? 1 : 0);
    if (ends_line && length > 0 && begin[length - 1] == '\r') --length;
    return std::optional<SourceLine>(SourceLine{{begin, length}, line_});
  }
}

std::string TextFiles::position() const { return paths_[file_].string() + ":" + std::to_string(line_); }

}  // namespace marquee::text::words
