#include "formats/small_file.h"

#include <utility>

#include "base/mapped_file.h"

namespace marquee::formats {

base::Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t max_bytes) {
  MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() > max_bytes) {
    return base::Error{base::ErrorCode::kTooLarge, path.string() + ": " + std::to_string(bytes.size()) +
                                                       " bytes; the most is " + std::to_string(max_bytes)};
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

base::Result<base::json::value> parse_json_file(std::string_view text, const std::filesystem::path& path) {
  auto value = base::parse_json(text, path.string());
  if (!value) return base::corrupt(std::move(value).error().message);
  return value;
}

base::Result<void> refuse_symlink(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored))) {
    return base::unsupported(path.string() + ": is a symbolic link; copy the folder with its files (cp -rL FROM TO)");
  }
  return {};
}

}  // namespace marquee::formats
