#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "base/json.h"
#include "formats/byte_cursor.h"
#include "formats/safetensors_header.h"
#include "formats/small_file.h"
#include "formats/tensor_layout.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxIndexBytes = 64 << 20;
constexpr std::size_t kMaxShards = 4096;

/// Compares what the header says with the bytes that are there.
/// @error kCorrupt naming the tensor
Result<std::vector<tensor::StoredTensor>> place_tensors(std::vector<SafetensorsEntry> entries,
                                                        std::span<const std::byte> data, std::string_view file_name) {
  const auto corrupt = [&](const SafetensorsEntry& entry, const std::string& problem) {
    return base::corrupt(std::string(file_name) + ": tensor '" + printable_name(entry.name) + "': " + problem);
  };
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::uint64_t expected = 0;
  std::vector<tensor::StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (auto& entry : entries) {
    const std::uint64_t size = entry.end - entry.begin;
    if (entry.end > data.size()) {
      return corrupt(entry, "ends at byte " + std::to_string(entry.end) + " of the data, which has " +
                                std::to_string(data.size()) + "; the file is truncated");
    }
    if (entry.begin != expected) {
      return corrupt(entry, "begins at byte " + std::to_string(entry.begin) + " of the data where byte " +
                                std::to_string(expected) + " must follow: a gap or an overlap");
    }
    const auto bytes = tensor_bytes(entry.dtype, entry.shape);
    if (!bytes) return corrupt(entry, bytes.error().message);
    if (*bytes != size) {
      return corrupt(entry,
                     "its shape takes " + std::to_string(*bytes) + " bytes, its data_offsets " + std::to_string(size));
    }
    expected = entry.end;
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                       data.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(size))});
  }
  if (expected != data.size()) {
    return base::corrupt(std::string(file_name) + ": the tensors end at byte " + std::to_string(expected) +
                         " of the data, which has " + std::to_string(data.size()));
  }
  return tensors;
}

/// A shard must be a plain name of a regular file in the same folder.
Result<std::filesystem::path> shard_path(const std::filesystem::path& folder, std::string_view name) {
  const bool plain = !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                     name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
  if (!plain || !name.ends_with(".safetensors")) {
    return base::corrupt((folder / "model.safetensors.index.json").string() + ": '" + printable_name(name) +
                         "' is not the plain name of a .safetensors file beside it");
  }
  return folder / name;
}

Result<SafetensorsFiles> open_sharded(const std::filesystem::path& folder, const std::filesystem::path& index_path) {
  MARQUEE_ASSIGN(const std::string text, read_small_file(index_path, kMaxIndexBytes));
  MARQUEE_ASSIGN(const auto index, parse_json_file(text, index_path));
  const auto* map = index.is_object() ? index.get_object().if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object() || map->get_object().empty()) {
    return base::corrupt(index_path.string() + ": 'weight_map' is missing or empty");
  }
  std::map<std::string, std::vector<std::string>> tensors_of_shard;
  for (const auto& member : map->get_object()) {
    const auto* shard = member.value().if_string();
    if (shard == nullptr) return base::corrupt(index_path.string() + ": 'weight_map' holds something other than names");
    tensors_of_shard[std::string(*shard)].emplace_back(member.key());
  }
  if (tensors_of_shard.size() > kMaxShards) return base::corrupt(index_path.string() + ": more than 4,096 shards");
  SafetensorsFiles files;
  for (auto& [shard, promised] : tensors_of_shard) {
    MARQUEE_ASSIGN(const auto path, shard_path(folder, shard));
    MARQUEE_CHECK(refuse_symlink(path));
    MARQUEE_ASSIGN(auto mapping, base::MappedFile::open(path));
    MARQUEE_ASSIGN(auto tensors, parse_safetensors(mapping.bytes(), path.string()));
    std::vector<std::string_view> present;
    for (const auto& tensor : tensors) present.push_back(tensor.name);
    std::sort(present.begin(), present.end());
    for (const auto& name : promised) {
      if (!std::binary_search(present.begin(), present.end(), std::string_view(name))) {
        return base::corrupt(path.string() + ": lacks tensor '" + printable_name(name) +
                             "' that the index places there");
      }
    }
    files.mappings.push_back(std::move(mapping));
    std::move(tensors.begin(), tensors.end(), std::back_inserter(files.tensors));
  }
  return files;
}

}  // namespace

Result<std::vector<tensor::StoredTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                            std::string_view file_name) {
  const std::string name(file_name);
  std::uint64_t header_bytes = 0;
  if (bytes.size() < sizeof(header_bytes)) {
    return base::corrupt(name + ": " + std::to_string(bytes.size()) + " bytes are too few for a safetensors file");
  }
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  if (header_bytes > bytes.size() - sizeof(header_bytes)) {
    return base::corrupt(name + ": a header of " + std::to_string(header_bytes) +
                         " bytes (at byte 0) does not fit in a file of " + std::to_string(bytes.size()) +
                         " bytes: it is truncated or no safetensors file");
  }
  if (header_bytes > kMaxHeaderBytes) {
    return Error{ErrorCode::kTooLarge,
                 name + ": a header of " + std::to_string(header_bytes) + " bytes; the most is 100 MB"};
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof(header_bytes),
                              static_cast<std::size_t>(header_bytes));
  MARQUEE_ASSIGN(auto entries, parse_safetensors_header(text, name));
  return place_tensors(std::move(entries), bytes.subspan(sizeof(header_bytes) + text.size()), name);
}

Result<SafetensorsFiles> open_safetensors(const std::filesystem::path& folder) {
  const auto single = folder / "model.safetensors";
  const auto index = folder / "model.safetensors.index.json";
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(single, ignored))) {
    MARQUEE_CHECK(refuse_symlink(single));
    SafetensorsFiles files;
    MARQUEE_ASSIGN(auto mapping, base::MappedFile::open(single));
    MARQUEE_ASSIGN(files.tensors, parse_safetensors(mapping.bytes(), single.string()));
    files.mappings.push_back(std::move(mapping));
    return files;
  }
  if (std::filesystem::exists(std::filesystem::symlink_status(index, ignored))) return open_sharded(folder, index);
  return base::not_found(folder.string() + ": neither model.safetensors nor model.safetensors.index.json is there");
}

}  // namespace marquee::formats
