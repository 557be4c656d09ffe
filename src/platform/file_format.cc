#include "platform/file_format.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace marquee::platform {
namespace {

using base::Result;

constexpr std::string_view kParquetMagic = "PAR1";
/// Magic, metadata's length, magic: nothing shorter is a Parquet file.
constexpr std::uint64_t kMinParquetBytes = 12;
constexpr int kComparedLines = 5;

constexpr std::pair<std::string_view, FileFormat> kExtensions[] = {
    {".jsonl", FileFormat::kJsonl}, {".ndjson", FileFormat::kJsonl},    {".csv", FileFormat::kCsv},
    {".tsv", FileFormat::kCsv},     {".parquet", FileFormat::kParquet}, {".txt", FileFormat::kText},
};

base::Error refuse(const std::string& why) { return base::invalid_argument("'file': " + why, "file"); }

/// Where the first byte stands that is no UTF-8.
std::size_t first_fault(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto point = base::decode_utf8(text.substr(at));
    if (!point.valid) return at;
    at += point.length;
  }
  return at;
}

Result<void> check_text(std::string_view head, bool whole) {
  if (head.starts_with("\x1F\x8B") || head.starts_with("PK\x03\x04") || head.starts_with("\x28\xB5\x2F\xFD")) {
    return refuse("it is compressed; send it unpacked");
  }
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) return refuse("it is UTF-16; save it as UTF-8");
  if (const std::size_t nul = head.find('\0'); nul != std::string_view::npos) {
    return refuse("byte " + std::to_string(nul) + " is NUL, so it is neither UTF-8 text nor Parquet");
  }
  if (!whole) head = head.substr(0, base::complete_utf8_prefix(head));
  if (base::is_valid_utf8(head)) return {};
  return refuse("byte " + std::to_string(first_fault(head)) + " is not UTF-8; save the file as UTF-8");
}

/// Whether the first lines have the same number of commas.
bool looks_like_csv(std::string_view head, bool whole) {
  int lines = 0;
  std::ptrdiff_t commas = 0;
  while (!head.empty() && lines < kComparedLines) {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos && !whole) break;  // the line goes on beyond what is known
    const std::string_view line = head.substr(0, end);
    const std::ptrdiff_t here = std::count(line.begin(), line.end(), ',');
    if (here == 0 || (lines > 0 && here != commas)) return false;
    commas = here;
    ++lines;
    head.remove_prefix(std::min(line.size() + 1, head.size()));
  }
  return lines >= 2;
}

FileFormat guess(std::string_view head, bool whole) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && head[first] == '{') return FileFormat::kJsonl;
  return looks_like_csv(head, whole) ? FileFormat::kCsv : FileFormat::kText;
}

}  // namespace

std::string_view to_string(FileFormat format) {
  switch (format) {
    case FileFormat::kJsonl: return "jsonl";
    case FileFormat::kCsv: return "csv";
    case FileFormat::kParquet: return "parquet";
    case FileFormat::kText: return "text";
  }
  return "";
}

std::optional<FileFormat> parse_file_format(std::string_view name) {
  for (const FileFormat format : {FileFormat::kJsonl, FileFormat::kCsv, FileFormat::kParquet, FileFormat::kText}) {
    if (to_string(format) == name) return format;
  }
  return std::nullopt;
}

std::optional<FileFormat> format_of_name(std::string_view filename) {
  std::string name(filename);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const auto& [extension, format] : kExtensions) {
    if (name.ends_with(extension)) return format;
  }
  return std::nullopt;
}

Result<void> FormatCheck::update(std::string_view bytes) {
  bytes_ += bytes.size();
  if (found_ == FileFormat::kParquet || !found_) {
    tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kParquetMagic.size())));
    if (tail_.size() > kParquetMagic.size()) tail_.erase(0, tail_.size() - kParquetMagic.size());
  }
  if (found_) return {};
  head_.append(bytes.substr(0, kHeadBytes - head_.size()));
  return head_.size() == kHeadBytes ? look(false) : Result<void>{};
}

Result<void> FormatCheck::look(bool whole) {
  const std::string_view head(head_);
  if (head.starts_with(kParquetMagic)) {
    if (named_ && named_ != FileFormat::kParquet) {
      return refuse("it is a Parquet file, but its name says " + std::string(to_string(*named_)));
    }
    found_ = FileFormat::kParquet;
  } else if (named_ == FileFormat::kParquet) {
    return refuse("its name says Parquet, but it does not begin with 'PAR1'");
  } else {
    MARQUEE_CHECK(check_text(head, whole));
    found_ = named_.value_or(guess(head, whole));
  }
  head_ = {};
  return {};
}

Result<FileFormat> FormatCheck::finish() {
  if (bytes_ == 0) return refuse("it is empty");
  if (!found_) MARQUEE_CHECK(look(true));
  if (found_ == FileFormat::kParquet && (bytes_ < kMinParquetBytes || tail_ != kParquetMagic)) {
    return refuse("the Parquet file does not end with 'PAR1': it is cut off");
  }
  return *found_;
}

}  // namespace marquee::platform
