#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "formats/byte_cursor.h"
#include "formats/small_file.h"
#include "formats/tensor_layout.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;
using kernels::DType;

namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxHeaderDepth = 4;              // {"tensor": {"shape": [ … ]}}
constexpr std::size_t kMaxTensors = 1 << 18;
constexpr std::size_t kMaxTensorNameBytes = 1024;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxIndexBytes = 64 << 20;
constexpr std::size_t kMaxShards = 4096;

std::optional<DType> dtype_by_name(std::string_view name) {
  constexpr std::array kTypes = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8,
                                 DType::kI16, DType::kI32, DType::kI64,  DType::kU8,  DType::kBool};
  for (const auto dtype : kTypes) {
    if (kernels::dtype_info(dtype).name == name) return dtype;
  }
  return std::nullopt;
}

/// A non-negative whole number that fits std::int64_t.
std::optional<std::int64_t> whole_number(const base::json::value& value) {
  if (const auto* number = value.if_int64(); number != nullptr && *number >= 0) return *number;
  return std::nullopt;  // Boost.JSON stores larger ones as uint64
}

struct Entry {
  tensor::StoredTensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class HeaderReader {
 public:
  HeaderReader(std::string_view file_name, std::span<const std::byte> data) : file_name_(file_name), data_(data) {}

  Result<std::vector<tensor::StoredTensor>> read(const base::json::object& header);

 private:
  [[nodiscard]] Error error(ErrorCode code, std::string_view tensor, std::string_view problem) const {
    return {code, file_name_ + ": tensor '" + printable_name(tensor) + "': " + std::string(problem)};
  }
  [[nodiscard]] Error corrupt(std::string_view tensor, std::string_view problem) const {
    return error(ErrorCode::kCorrupt, tensor, problem);
  }
  Result<Entry> read_entry(std::string_view name, const base::json::value& value) const;
  Result<std::vector<std::int64_t>> read_shape(std::string_view name, const base::json::value* value) const;

  std::string file_name_;
  std::span<const std::byte> data_;
};

Result<std::vector<std::int64_t>> HeaderReader::read_shape(std::string_view name,
                                                           const base::json::value* value) const {
  const auto* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr || array->size() > kMaxDimensions) return corrupt(name, "'shape' is not an array of at most 8");
  std::vector<std::int64_t> shape;
  shape.reserve(array->size());
  for (const auto& item : *array) {
    const auto extent = whole_number(item);
    if (!extent || *extent == 0) return corrupt(name, "'shape' holds something other than positive whole numbers");
    shape.push_back(*extent);
  }
  return shape;
}

Result<Entry> HeaderReader::read_entry(std::string_view name, const base::json::value& value) const {
  if (name.empty() || name.size() > kMaxTensorNameBytes) return corrupt(name, "the name must be 1 to 1,024 bytes");
  const auto* object = value.if_object();
  if (object == nullptr) return corrupt(name, "its description is not an object");
  const auto* dtype_name = object->if_contains("dtype");
  if (dtype_name == nullptr || !dtype_name->is_string()) return corrupt(name, "'dtype' is not a string");
  const auto dtype = dtype_by_name(dtype_name->get_string());
  if (!dtype) {
    return error(ErrorCode::kUnsupported, name,
                 "dtype " + printable_name(dtype_name->get_string()) +
                     " is not supported; F32, F16, BF16, F64, I8 to I64, U8 and BOOL are");
  }
  Entry entry;
  entry.tensor.name = name;
  entry.tensor.dtype = *dtype;
  MARQUEE_ASSIGN(entry.tensor.shape, read_shape(name, object->if_contains("shape")));
  const auto* offsets = object->if_contains("data_offsets");
  const auto* pair = offsets == nullptr ? nullptr : offsets->if_array();
  if (pair == nullptr || pair->size() != 2) return corrupt(name, "'data_offsets' is not a pair");
  const auto begin = whole_number((*pair)[0]);
  const auto end = whole_number((*pair)[1]);
  if (!begin || !end || *begin > *end) return corrupt(name, "'data_offsets' is not an ascending pair of whole numbers");
  entry.begin = static_cast<std::uint64_t>(*begin);
  entry.end = static_cast<std::uint64_t>(*end);
  if (entry.end > data_.size()) {
    return corrupt(name, "ends at byte " + std::to_string(entry.end) + " of the data, which has " +
                             std::to_string(data_.size()) + "; the file is truncated");
  }
  const auto bytes = tensor_bytes(*dtype, entry.tensor.shape);
  if (!bytes) return corrupt(name, bytes.error().message);
  if (*bytes != entry.end - entry.begin) {
    return corrupt(name, "its shape takes " + std::to_string(*bytes) + " bytes, its data_offsets " +
                             std::to_string(entry.end - entry.begin));
  }
  entry.tensor.bytes = data_.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(*bytes));
  return entry;
}

Result<std::vector<tensor::StoredTensor>> HeaderReader::read(const base::json::object& header) {
  if (header.size() > kMaxTensors) return base::corrupt(file_name_ + ": more than 262,144 tensors");
  std::vector<Entry> entries;
  entries.reserve(header.size());
  for (const auto& member : header) {
    if (member.key() == "__metadata__") continue;
    MARQUEE_ASSIGN(auto entry, read_entry(member.key(), member.value()));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  std::uint64_t expected = 0;
  std::vector<tensor::StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (auto& entry : entries) {
    if (entry.begin != expected) {
      return corrupt(entry.tensor.name, "begins at byte " + std::to_string(entry.begin) + " of the data where byte " +
                                            std::to_string(expected) + " must follow: a gap or an overlap");
    }
    expected = entry.end;
    tensors.push_back(std::move(entry.tensor));
  }
  if (expected != data_.size()) {
    return base::corrupt(file_name_ + ": the tensors end at byte " + std::to_string(expected) +
                         " of the data, which has " + std::to_string(data_.size()));
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
  auto header = base::parse_json(text, name + ": header", kMaxHeaderDepth);
  if (!header) return Error{ErrorCode::kCorrupt, std::move(header).error().message};
  if (!header->is_object()) return base::corrupt(name + ": the header is not a JSON object");
  return HeaderReader(file_name, bytes.subspan(sizeof(header_bytes) + text.size())).read(header->get_object());
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
