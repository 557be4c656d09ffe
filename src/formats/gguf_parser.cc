#include "formats/gguf_parser.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/tensor_layout.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;
using kernels::DType;

namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place on little-endian machines");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
// Far above real files (a 61-layer mixture of experts has about 1,100 tensors), so that a count cannot cost time.
constexpr std::uint64_t kMaxTensors = 1 << 18;
constexpr std::uint64_t kMaxKeys = 1 << 12;
constexpr std::uint64_t kMaxInlineElements = 1 << 20;  // of all arrays kept in `metadata` together
constexpr std::size_t kMaxKeyBytes = 1 << 16;
constexpr std::size_t kMaxTensorNameBytes = 255;
constexpr std::size_t kMaxMetadataStringBytes = 16 << 20;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr int kMaxArrayDepth = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1 << 20;

struct TensorType {
  std::string_view name;
  std::optional<DType> dtype;  // none: not supported here
};

// By the number in the file. @source ggml/include/ggml.h, enum ggml_type
constexpr std::array<TensorType, 43> kTensorTypes = {{
    {"F32", DType::kF32},         {"F16", DType::kF16},         {"Q4_0", DType::kQ4_0},
    {"Q4_1", DType::kQ4_1},       {"Q4_2", std::nullopt},       {"Q4_3", std::nullopt},
    {"Q5_0", DType::kQ5_0},       {"Q5_1", DType::kQ5_1},       {"Q8_0", DType::kQ8_0},
    {"Q8_1", std::nullopt},       {"Q2_K", DType::kQ2_K},       {"Q3_K", DType::kQ3_K},
    {"Q4_K", DType::kQ4_K},       {"Q5_K", DType::kQ5_K},       {"Q6_K", DType::kQ6_K},
    {"Q8_K", std::nullopt},       {"IQ2_XXS", std::nullopt},    {"IQ2_XS", std::nullopt},
    {"IQ3_XXS", std::nullopt},    {"IQ1_S", std::nullopt},      {"IQ4_NL", std::nullopt},
    {"IQ3_S", std::nullopt},      {"IQ2_S", std::nullopt},      {"IQ4_XS", std::nullopt},
    {"I8", std::nullopt},         {"I16", std::nullopt},        {"I32", std::nullopt},
    {"I64", std::nullopt},        {"F64", std::nullopt},        {"IQ1_M", std::nullopt},
    {"BF16", DType::kBF16},       {"Q4_0_4_4", std::nullopt},   {"Q4_0_4_8", std::nullopt},
    {"Q4_0_8_8", std::nullopt},   {"TQ1_0", std::nullopt},      {"TQ2_0", std::nullopt},
    {"IQ4_NL_4_4", std::nullopt}, {"IQ4_NL_4_8", std::nullopt}, {"IQ4_NL_8_8", std::nullopt},
    {"MXFP4", std::nullopt},      {"NVFP4", std::nullopt},      {"Q1_0", std::nullopt},
    {"Q2_0", std::nullopt},
}};

/// Encoded bytes of one element, or 0 where that varies.
std::uint64_t fixed_size(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool: return 1;
    case GgufType::kU16:
    case GgufType::kI16: return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32: return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64: return 8;
    case GgufType::kString:
    case GgufType::kArray: return 0;
  }
  return 0;
}

struct TensorInfo {
  tensor::StoredTensor tensor;
  std::uint64_t offset = 0;  // in the data section
  std::uint64_t bytes = 0;
};

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::string_view file_name) : bytes_(bytes), cursor_(bytes, file_name) {}

  Result<GgufContents> parse() {
    MARQUEE_CHECK(read_header());
    MARQUEE_CHECK(read_metadata());
    MARQUEE_CHECK(read_alignment());
    MARQUEE_CHECK(read_tensor_infos());
    MARQUEE_CHECK(place_tensors());
    return std::move(contents_);
  }

 private:
  Result<void> read_header();
  Result<void> read_metadata();
  Result<void> read_alignment();
  Result<void> read_tensor_infos();
  Result<TensorInfo> read_tensor_info();
  Result<void> place_tensors();
  Result<GgufType> read_type();
  Result<base::json::value> read_scalar(GgufType type);
  template <typename T>
  Result<base::json::value> read_float();
  Result<GgufArray> read_array_header();
  /// Reads or, if `keep` is false, only checks an array's elements.
  Result<base::json::value> read_elements(const GgufArray& array, bool keep, int depth);
  Result<void> skip_strings(std::uint64_t count);

  std::span<const std::byte> bytes_;
  ByteCursor cursor_;
  GgufContents contents_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t key_count_ = 0;
  std::uint64_t inline_elements_ = 0;
  std::vector<TensorInfo> infos_;
};

Result<void> Parser::read_header() {
  MARQUEE_ASSIGN(const auto magic, cursor_.number<std::uint32_t>("the magic number"));
  if (magic != kMagic) return cursor_.corrupt("not a GGUF file: it does not begin with \"GGUF\"");
  MARQUEE_ASSIGN(contents_.version, cursor_.number<std::uint32_t>("the version"));
  const std::uint32_t swapped = __builtin_bswap32(contents_.version);
  if (swapped >= 1 && swapped <= 3) {
    return cursor_.error(ErrorCode::kUnsupported,
                         "a big-endian GGUF file; convert it to little-endian "
                         "(gguf_convert_endian.py FILE little)");
  }
  if (contents_.version == 1) {
    return cursor_.error(ErrorCode::kUnsupported,
                         "GGUF version 1, which is obsolete; convert the model again, or download a current file");
  }
  if (contents_.version != 2 && contents_.version != 3) {
    return cursor_.error(ErrorCode::kUnsupported,
                         "GGUF version " + std::to_string(contents_.version) + "; versions 2 and 3 are supported");
  }
  MARQUEE_ASSIGN(tensor_count_, cursor_.number<std::uint64_t>("the number of tensors"));
  MARQUEE_ASSIGN(key_count_, cursor_.number<std::uint64_t>("the number of metadata keys"));
  // The smallest key is a length, a byte, a type and a value of one byte; the smallest tensor has one dimension.
  constexpr std::uint64_t kMinKeyBytes = 8 + 1 + 4 + 1;
  constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
  if (key_count_ > kMaxKeys || key_count_ > cursor_.remaining() / kMinKeyBytes) {
    return cursor_.corrupt(std::to_string(key_count_) + " metadata keys cannot be in a file of " +
                           std::to_string(bytes_.size()) + " bytes (the most is " + std::to_string(kMaxKeys) + ")");
  }
  if (tensor_count_ > kMaxTensors || tensor_count_ > cursor_.remaining() / kMinTensorBytes) {
    return cursor_.corrupt(std::to_string(tensor_count_) + " tensors cannot be in a file of " +
                           std::to_string(bytes_.size()) + " bytes (the most is " + std::to_string(kMaxTensors) + ")");
  }
  return {};
}

Result<void> Parser::read_metadata() {
  for (std::uint64_t index = 0; index < key_count_; ++index) {
    cursor_.set_where("metadata key " + std::to_string(index));
    MARQUEE_ASSIGN(const std::string_view key, cursor_.string("the key's name"));
    if (key.empty() || key.size() > kMaxKeyBytes || !base::is_valid_utf8(key)) {
      return cursor_.corrupt("the name must be 1 to 65,536 bytes of UTF-8");
    }
    cursor_.set_where("metadata key '" + printable_name(key) + "'");
    if (contents_.metadata.contains(key) || contents_.arrays.contains(key)) {
      return cursor_.corrupt("the key is there twice");
    }
    MARQUEE_ASSIGN(const GgufType type, read_type());
    if (type != GgufType::kArray) {
      MARQUEE_ASSIGN(contents_.metadata[key], read_scalar(type));
      continue;
    }
    MARQUEE_ASSIGN(GgufArray array, read_array_header());
    const std::size_t begin = cursor_.offset();
    const bool keep = array.count <= kMaxInlineArray;
    MARQUEE_ASSIGN(auto values, read_elements(array, keep, 1));
    array.bytes = bytes_.subspan(begin, cursor_.offset() - begin);
    if (keep) contents_.metadata[key] = std::move(values);
    contents_.arrays.emplace(key, array);
  }
  return {};
}

Result<GgufType> Parser::read_type() {
  MARQUEE_ASSIGN(const auto type, cursor_.number<std::uint32_t>("the value's type"));
  if (type > static_cast<std::uint32_t>(GgufType::kF64)) {
    return cursor_.corrupt("unknown value type " + std::to_string(type));
  }
  return static_cast<GgufType>(type);
}

template <typename T>
Result<base::json::value> Parser::read_float() {
  MARQUEE_ASSIGN(const T value, cursor_.number<T>("the value"));
  if (!std::isfinite(value)) return cursor_.corrupt("the value is not a finite number");
  return base::json::value(static_cast<double>(value));
}

Result<base::json::value> Parser::read_scalar(GgufType type) {
  const auto integer = [this]<typename T>(T) -> Result<base::json::value> {
    MARQUEE_ASSIGN(const T value, cursor_.number<T>("the value"));
    return base::json::value(value);
  };
  switch (type) {
    case GgufType::kU8: return integer(std::uint8_t{});
    case GgufType::kI8: return integer(std::int8_t{});
    case GgufType::kU16: return integer(std::uint16_t{});
    case GgufType::kI16: return integer(std::int16_t{});
    case GgufType::kU32: return integer(std::uint32_t{});
    case GgufType::kI32: return integer(std::int32_t{});
    case GgufType::kU64: return integer(std::uint64_t{});
    case GgufType::kI64: return integer(std::int64_t{});
    case GgufType::kF32: return read_float<float>();
    case GgufType::kF64: return read_float<double>();
    case GgufType::kBool: {
      MARQUEE_ASSIGN(const auto value, cursor_.number<std::uint8_t>("the value"));
      if (value > 1) return cursor_.corrupt("a boolean is " + std::to_string(value) + ", neither 0 nor 1");
      return base::json::value(value == 1);
    }
    case GgufType::kString: {
      MARQUEE_ASSIGN(const auto value, cursor_.string("the string"));
      if (value.size() > kMaxMetadataStringBytes) {
        return cursor_.error(ErrorCode::kTooLarge, "a string of " + std::to_string(value.size()) +
                                                       " bytes; the most is " +
                                                       std::to_string(kMaxMetadataStringBytes));
      }
      return base::json::value(base::sanitize_utf8(value));
    }
    case GgufType::kArray: break;
  }
  return cursor_.corrupt("an array where a single value belongs");
}

Result<GgufArray> Parser::read_array_header() {
  GgufArray array;
  MARQUEE_ASSIGN(array.element, read_type());
  MARQUEE_ASSIGN(array.count, cursor_.number<std::uint64_t>("the array's length"));
  constexpr std::uint64_t kStringHeader = 8;
  constexpr std::uint64_t kArrayHeader = 12;
  const std::uint64_t least = array.element == GgufType::kString  ? kStringHeader
                              : array.element == GgufType::kArray ? kArrayHeader
                                                                  : fixed_size(array.element);
  if (array.count > cursor_.remaining() / least) {
    return cursor_.corrupt("an array of " + std::to_string(array.count) + " elements does not fit in the " +
                           std::to_string(cursor_.remaining()) + " bytes left");
  }
  return array;
}

Result<base::json::value> Parser::read_elements(const GgufArray& array, bool keep, int depth) {
  if (depth > kMaxArrayDepth) {
    return cursor_.corrupt("arrays nested deeper than " + std::to_string(kMaxArrayDepth) + " levels");
  }
  base::json::array values;
  if (!keep && array.element != GgufType::kArray) {
    if (array.element == GgufType::kString) MARQUEE_CHECK(skip_strings(array.count));
    MARQUEE_CHECK(
        cursor_.take(array.count * fixed_size(array.element), "the array"));  // cannot overflow: see the header
    return base::json::value(nullptr);
  }
  if (keep) {
    inline_elements_ += array.count;
    if (inline_elements_ > kMaxInlineElements) return cursor_.corrupt("too many short arrays in the metadata");
    values.reserve(static_cast<std::size_t>(array.count));
  }
  for (std::uint64_t index = 0; index < array.count; ++index) {
    if (array.element == GgufType::kArray) {
      MARQUEE_ASSIGN(const GgufArray inner, read_array_header());
      MARQUEE_ASSIGN(auto value, read_elements(inner, keep && inner.count <= kMaxInlineArray, depth + 1));
      if (keep) values.push_back(std::move(value));
    } else {
      MARQUEE_ASSIGN(auto value, read_scalar(array.element));
      values.push_back(std::move(value));
    }
  }
  return base::json::value(std::move(values));
}

Result<void> Parser::skip_strings(std::uint64_t count) {
  for (std::uint64_t index = 0; index < count; ++index) {
    if (auto text = cursor_.string("a string"); !text) {
      cursor_.set_where("element " + std::to_string(index) + " of a metadata array");
      return std::move(text).error();
    }
  }
  return {};
}

Result<void> Parser::read_alignment() {
  cursor_.set_where("metadata key 'general.alignment'");
  contents_.alignment = kDefaultAlignment;
  if (const auto* value = contents_.metadata.if_contains("general.alignment")) {
    const auto* number = value->if_uint64();
    const auto* signed_number = value->if_int64();
    contents_.alignment = number != nullptr          ? *number
                          : signed_number != nullptr ? static_cast<std::uint64_t>(*signed_number)
                                                     : 0;
    if (contents_.alignment < 8 || contents_.alignment > kMaxAlignment || !std::has_single_bit(contents_.alignment)) {
      return cursor_.corrupt("the alignment must be a power of two from 8 to " + std::to_string(kMaxAlignment));
    }
  }
  cursor_.set_where("metadata key 'split.count'");
  if (const auto* value = contents_.metadata.if_contains("split.count")) {
    const auto parts = value->is_uint64() ? value->get_uint64() : value->is_int64() ? value->get_int64() : 0;
    if (parts > 1) {
      return cursor_.error(ErrorCode::kUnsupported, "this is one part of a model split into " + std::to_string(parts) +
                                                        " files; join them first (gguf-split --merge FIRST OUTPUT)");
    }
  }
  return {};
}

Result<void> Parser::read_tensor_infos() {
  infos_.reserve(static_cast<std::size_t>(tensor_count_));  // bounded by the file's size: see read_header
  for (std::uint64_t index = 0; index < tensor_count_; ++index) {
    cursor_.set_where("tensor " + std::to_string(index));
    MARQUEE_ASSIGN(auto info, read_tensor_info());
    infos_.push_back(std::move(info));
  }
  return {};
}

Result<TensorInfo> Parser::read_tensor_info() {
  TensorInfo info;
  MARQUEE_ASSIGN(const std::string_view name, cursor_.string("the tensor's name"));
  if (name.empty() || name.size() > kMaxTensorNameBytes || !base::is_valid_utf8(name)) {
    return cursor_.corrupt("the name must be 1 to 255 bytes of UTF-8");
  }
  info.tensor.name = name;
  cursor_.set_where("tensor '" + printable_name(name) + "'");
  MARQUEE_ASSIGN(const auto dimensions, cursor_.number<std::uint32_t>("the number of dimensions"));
  if (dimensions == 0 || dimensions > kMaxDimensions) {
    return cursor_.corrupt(std::to_string(dimensions) + " dimensions; there must be 1 to 4");
  }
  info.tensor.shape.resize(dimensions);
  for (std::uint32_t i = 0; i < dimensions; ++i) {  // innermost first in the file
    MARQUEE_ASSIGN(const auto extent, cursor_.number<std::uint64_t>("a dimension"));
    if (extent == 0 || extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return cursor_.corrupt("dimension " + std::to_string(i) + " is " + std::to_string(extent));
    }
    info.tensor.shape[dimensions - 1 - i] = static_cast<std::int64_t>(extent);
  }
  MARQUEE_ASSIGN(const auto type, cursor_.number<std::uint32_t>("the tensor's type"));
  if (type >= kTensorTypes.size()) return cursor_.corrupt("unknown tensor type " + std::to_string(type));
  if (!kTensorTypes[type].dtype) {
    return cursor_.error(ErrorCode::kUnsupported,
                         "tensor type " + std::string(kTensorTypes[type].name) +
                             " is not supported; use a file in F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K");
  }
  info.tensor.dtype = *kTensorTypes[type].dtype;
  MARQUEE_ASSIGN(info.offset, cursor_.number<std::uint64_t>("the tensor's offset"));
  const auto bytes = tensor_bytes(info.tensor.dtype, info.tensor.shape);
  if (!bytes) return cursor_.corrupt(bytes.error().message);
  info.bytes = *bytes;
  if (info.offset % contents_.alignment != 0) {
    return cursor_.corrupt("offset " + std::to_string(info.offset) + " is not a multiple of the alignment " +
                           std::to_string(contents_.alignment));
  }
  return info;
}

Result<void> Parser::place_tensors() {
  const std::uint64_t padding = (contents_.alignment - cursor_.offset() % contents_.alignment) % contents_.alignment;
  const std::uint64_t data_begin = cursor_.offset() + padding;
  const std::uint64_t data_size = data_begin < bytes_.size() ? bytes_.size() - data_begin : 0;
  std::vector<const TensorInfo*> by_offset;
  by_offset.reserve(infos_.size());
  for (auto& info : infos_) {
    if (info.offset > data_size || info.bytes > data_size - info.offset) {
      cursor_.set_where("tensor '" + printable_name(info.tensor.name) + "'");
      return cursor_.corrupt("its " + std::to_string(info.bytes) + " bytes at offset " + std::to_string(info.offset) +
                             " reach past the end of the file, whose data section has " + std::to_string(data_size) +
                             " bytes; the file is truncated");
    }
    info.tensor.bytes =
        bytes_.subspan(static_cast<std::size_t>(data_begin + info.offset), static_cast<std::size_t>(info.bytes));
    by_offset.push_back(&info);
  }
  std::sort(by_offset.begin(), by_offset.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    if (by_offset[i]->offset - by_offset[i - 1]->offset < by_offset[i - 1]->bytes) {
      cursor_.set_where("tensor '" + printable_name(by_offset[i]->tensor.name) + "'");
      return cursor_.corrupt("overlaps tensor '" + printable_name(by_offset[i - 1]->tensor.name) + "'");
    }
  }
  contents_.tensors.reserve(infos_.size());
  for (auto& info : infos_) contents_.tensors.push_back(std::move(info.tensor));
  return {};
}

}  // namespace

Result<GgufContents> parse_gguf(std::span<const std::byte> bytes, std::string_view file_name) {
  return Parser(bytes, file_name).parse();
}

Result<std::vector<std::string_view>> gguf_strings(const GgufArray& array) {
  if (array.element != GgufType::kString) return base::corrupt("not an array of strings");
  std::vector<std::string_view> strings;
  strings.reserve(static_cast<std::size_t>(array.count));  // parse_gguf found 8 bytes in the file for each
  ByteCursor cursor(array.bytes, "array");
  for (std::uint64_t index = 0; index < array.count; ++index) {
    MARQUEE_ASSIGN(const auto text, cursor.string("a string"));
    strings.push_back(text);
  }
  return strings;
}

}  // namespace marquee::formats
