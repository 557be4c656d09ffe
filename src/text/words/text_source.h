#pragma once
// Texts to learn words from, a line at a time.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::text::words {

struct SourceLine {
  std::string_view text;     ///< without its end; valid until the next call
  std::uint64_t number = 0;  ///< from 1, in its file
};

/// Something that gives texts one after another, as often as asked. Training reads it twice: to count words, and to
/// turn them into numbers.
class TextSource {
 public:
  virtual ~TextSource() = default;
  /// Begins again. @error kIo
  virtual base::Result<void> rewind() = 0;
  /// Nothing after the last. @error kIo, kCorrupt
  virtual base::Result<std::optional<SourceLine>> next() = 0;
  /// Where the line just given stands, for errors ("reviews.txt:17").
  [[nodiscard]] virtual std::string position() const = 0;
};

/// The lines of text files, read in blocks. A line longer than the limit is given in pieces that end at a blank, so
/// that a corpus which is one endless line (text8) works and takes no memory.
class TextFiles final : public TextSource {
 public:
  static constexpr std::size_t kDefaultMaxLineBytes = std::size_t{1} << 20U;

  /// @param max_line_bytes in [4096, 2^30]
  /// @error kNotFound, kIo if one of them cannot be read; kInvalidArgument if there are none
  static base::Result<TextFiles> open(std::vector<std::filesystem::path> paths,
                                      std::size_t max_line_bytes = kDefaultMaxLineBytes);
  TextFiles(TextFiles&& other) noexcept;
  TextFiles& operator=(TextFiles&&) = delete;
  TextFiles(const TextFiles&) = delete;
  TextFiles& operator=(const TextFiles&) = delete;
  ~TextFiles() override;

  base::Result<void> rewind() override;
  base::Result<std::optional<SourceLine>> next() override;
  [[nodiscard]] std::string position() const override;

 private:
  TextFiles(std::vector<std::filesystem::path> paths, std::size_t max_line_bytes);
  base::Result<void> open_file(std::size_t index);
  void close_file();
  base::Result<void> fill();
  [[nodiscard]] std::size_t piece_end() const;

  std::vector<std::filesystem::path> paths_;
  std::size_t max_line_bytes_;
  std::size_t file_ = 0;
  int fd_ = -1;
  bool at_end_ = false;       ///< of the file: nothing is left to read
  bool inside_line_ = false;  ///< the last piece did not end its line
  std::uint64_t line_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< of what was not given yet, in buffer_
  std::size_t end_ = 0;
};

}  // namespace marquee::text::words
