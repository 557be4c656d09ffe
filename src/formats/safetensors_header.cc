#include "formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "formats/byte_cursor.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;
using kernels::DType;

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxTensors = 1 << 18;
constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxMetadataBytes = 16 << 20;  // one key or text; it is not kept

std::optional<DType> dtype_by_name(std::string_view name) {
  constexpr std::array kTypes = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8,
                                 DType::kI16, DType::kI32, DType::kI64,  DType::kU8,  DType::kBool};
  for (const auto dtype : kTypes) {
    if (kernels::dtype_info(dtype).name == name) return dtype;
  }
  return std::nullopt;
}

/// What Boost.JSON's parser calls for each piece of the header. A false return ends the parse with error().
class HeaderEvents {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = kMaxMetadataBytes;
  static constexpr std::size_t max_string_size = kMaxMetadataBytes;

  explicit HeaderEvents(std::string_view file_name) : file_name_(file_name) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& code);
  bool on_object_end(std::size_t, json::error_code& code);
  bool on_array_begin(json::error_code& code);
  bool on_array_end(std::size_t, json::error_code& code);
  bool on_key_part(json::string_view text, std::size_t, json::error_code&) { return append(text); }
  bool on_key(json::string_view text, std::size_t, json::error_code& code);
  bool on_string_part(json::string_view text, std::size_t, json::error_code&) { return append(text); }
  bool on_string(json::string_view text, std::size_t, json::error_code& code);
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code& code);
  bool on_uint64(std::uint64_t, json::string_view, json::error_code& code) { return unexpected(code); }
  bool on_double(double, json::string_view, json::error_code& code) { return unexpected(code); }
  bool on_bool(bool, json::error_code& code) { return unexpected(code); }
  bool on_null(json::error_code& code) { return unexpected(code); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  [[nodiscard]] std::optional<Error>& error() { return error_; }
  std::vector<SafetensorsEntry>& entries() { return entries_; }

 private:
  enum class Place : std::uint8_t { kOutside, kTop, kMetadata, kTensor, kShape, kOffsets };
  enum Field : std::uint8_t { kNone = 0, kDType = 1, kShapeField = 2, kOffsetsField = 4, kAll = 7 };

  bool append(json::string_view text) {
    text_.append(text.data(), text.size());
    return true;
  }
  std::string take(json::string_view text) {
    append(text);
    return std::exchange(text_, {});
  }
  bool refuse(json::error_code& code, ErrorCode kind, std::string_view problem);
  bool unexpected(json::error_code& code);
  bool begin_entry(std::string name, json::error_code& code);
  bool begin_field(std::string_view name, json::error_code& code);
  bool set_dtype(const std::string& name, json::error_code& code);

  std::string file_name_;
  std::string text_;  // of a key or string that comes in parts
  Place place_ = Place::kOutside;
  bool metadata_next_ = false;  // the key just read was __metadata__
  bool value_next_ = false;     // a top-level key has been read, its object not yet begun
  Field field_ = kNone;
  std::uint8_t fields_seen_ = 0;
  std::size_t offsets_seen_ = 0;
  SafetensorsEntry entry_;
  std::vector<SafetensorsEntry> entries_;
  std::optional<Error> error_;
};

bool HeaderEvents::refuse(json::error_code& code, ErrorCode kind, std::string_view problem) {
  const bool in_header = place_ == Place::kOutside || (place_ == Place::kTop && !value_next_);
  const std::string where = in_header        ? "the header"
                            : metadata_next_ ? "the header's __metadata__"
                                             : "tensor '" + printable_name(entry_.name) + "'";
  error_ = Error{kind, file_name_ + ": " + where + ": " + std::string(problem)};
  code = make_error_code(boost::system::errc::invalid_argument);
  return false;
}

bool HeaderEvents::unexpected(json::error_code& code) {
  switch (place_) {
    case Place::kOutside: return refuse(code, ErrorCode::kCorrupt, "is not a JSON object");
    case Place::kTop: return refuse(code, ErrorCode::kCorrupt, "its description is not an object");
    case Place::kMetadata: return refuse(code, ErrorCode::kCorrupt, "holds something other than texts");
    case Place::kShape:
      return refuse(code, ErrorCode::kCorrupt, "'shape' holds something other than positive whole numbers");
    case Place::kOffsets: return refuse(code, ErrorCode::kCorrupt, "'data_offsets' is not a pair of whole numbers");
    case Place::kTensor: break;
  }
  switch (field_) {
    case kDType: return refuse(code, ErrorCode::kCorrupt, "'dtype' is not a text");
    case kShapeField: return refuse(code, ErrorCode::kCorrupt, "'shape' is not an array");
    default: return refuse(code, ErrorCode::kCorrupt, "'data_offsets' is not an array");
  }
}

bool HeaderEvents::on_object_begin(json::error_code& code) {
  if (place_ == Place::kOutside) {
    place_ = Place::kTop;
  } else if (place_ == Place::kTop && value_next_) {
    place_ = metadata_next_ ? Place::kMetadata : Place::kTensor;
    fields_seen_ = 0;
  } else {
    return unexpected(code);
  }
  return true;
}

bool HeaderEvents::on_object_end(std::size_t, json::error_code& code) {
  if (place_ == Place::kTensor) {
    if (fields_seen_ != kAll) return refuse(code, ErrorCode::kCorrupt, "lacks 'dtype', 'shape' or 'data_offsets'");
    entries_.push_back(std::move(entry_));
    entry_ = {};
  }
  place_ = place_ == Place::kTop ? Place::kOutside : Place::kTop;
  value_next_ = false;
  return true;
}

bool HeaderEvents::on_array_begin(json::error_code& code) {
  if (place_ != Place::kTensor || (field_ != kShapeField && field_ != kOffsetsField)) return unexpected(code);
  place_ = field_ == kShapeField ? Place::kShape : Place::kOffsets;
  offsets_seen_ = 0;
  return true;
}

bool HeaderEvents::on_array_end(std::size_t, json::error_code& code) {
  if (place_ == Place::kOffsets && (offsets_seen_ != 2 || entry_.begin > entry_.end)) {
    return refuse(code, ErrorCode::kCorrupt, "'data_offsets' is not an ascending pair");
  }
  place_ = Place::kTensor;
  return true;
}

bool HeaderEvents::on_key(json::string_view text, std::size_t, json::error_code& code) {
  std::string key = take(text);
  if (place_ == Place::kTop) return begin_entry(std::move(key), code);
  if (place_ == Place::kTensor) return begin_field(key, code);
  return true;  // in __metadata__
}

bool HeaderEvents::begin_entry(std::string name, json::error_code& code) {
  value_next_ = true;
  metadata_next_ = name == "__metadata__";
  if (metadata_next_) return true;
  const bool fits = !name.empty() && name.size() <= kMaxNameBytes;
  entry_ = {};
  entry_.name = std::move(name);
  if (!fits) return refuse(code, ErrorCode::kCorrupt, "the name must be 1 to 1,024 bytes");
  if (entries_.size() >= kMaxTensors) return refuse(code, ErrorCode::kCorrupt, "is one too many: the most is 262,144");
  return true;
}

bool HeaderEvents::begin_field(std::string_view name, json::error_code& code) {
  field_ = name == "dtype" ? kDType : name == "shape" ? kShapeField : name == "data_offsets" ? kOffsetsField : kNone;
  if (field_ == kNone) return refuse(code, ErrorCode::kCorrupt, "unknown field '" + printable_name(name) + "'");
  if ((fields_seen_ & field_) != 0)
    return refuse(code, ErrorCode::kCorrupt, "'" + std::string(name) + "' is there twice");
  fields_seen_ |= field_;
  return true;
}

bool HeaderEvents::on_string(json::string_view text, std::size_t, json::error_code& code) {
  const std::string value = take(text);
  if (place_ == Place::kMetadata) return true;
  if (place_ == Place::kTensor && field_ == kDType) return set_dtype(value, code);
  return unexpected(code);
}

bool HeaderEvents::set_dtype(const std::string& name, json::error_code& code) {
  const auto dtype = dtype_by_name(name);
  if (!dtype) {
    return refuse(
        code, ErrorCode::kUnsupported,
        "dtype '" + printable_name(name) + "' is not supported; F32, F16, BF16, F64, I8 to I64, U8 and BOOL are");
  }
  entry_.dtype = *dtype;
  return true;
}

bool HeaderEvents::on_int64(std::int64_t value, json::string_view, json::error_code& code) {
  if (place_ == Place::kShape && value > 0) {
    if (entry_.shape.size() == kMaxDimensions)
      return refuse(code, ErrorCode::kCorrupt, "'shape' has more than 8 extents");
    entry_.shape.push_back(value);
    return true;
  }
  if (place_ == Place::kOffsets && value >= 0 && offsets_seen_ < 2) {
    (offsets_seen_++ == 0 ? entry_.begin : entry_.end) = static_cast<std::uint64_t>(value);
    return true;
  }
  return unexpected(code);
}

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view text, std::string_view file_name) {
  json::parse_options options;
  options.max_depth = 4;
  json::basic_parser<HeaderEvents> parser(options, file_name);
  json::error_code code;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), code);
  if (parser.handler().error()) return *std::move(parser.handler().error());
  const std::string where = std::string(file_name) + ": the header: ";
  if (code) {
    return base::corrupt(where + "not valid JSON at byte " + std::to_string(8 + consumed) + ": " + code.message());
  }
  // Writers pad the header with spaces.
  if (!parser.done() || text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) {
    return base::corrupt(where + "extra text after the JSON object, at byte " + std::to_string(8 + consumed));
  }
  return std::move(parser.handler().entries());
}

}  // namespace marquee::formats
