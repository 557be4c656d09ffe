#include "http/wire/multipart_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace marquee::http {

namespace {

using base::Result;

constexpr std::size_t kMaxBoundaryBytes = 70;
constexpr std::size_t kMaxPaddingBytes = 64;  ///< blanks between a boundary and its line's end
constexpr std::size_t kMaxParameters = 8;
constexpr std::size_t kMaxFieldNameBytes = 128;
constexpr std::size_t kMaxFilenameBytes = 1024;

using Parameters = std::vector<std::pair<std::string, std::string>>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lower_text(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const char small = lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
  });
}

/// Takes a quoted text off the front of `rest`. Only \" and \\ are escapes: a bare backslash is part of a Windows path.
bool take_quoted(std::string_view& rest, std::string& value) {
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return true;
    if (c == '\\' && !rest.empty() && (rest.front() == '"' || rest.front() == '\\')) {
      value.push_back(rest.front());
      rest.remove_prefix(1);
    } else {
      value.push_back(c);
    }
  }
  return false;
}

/// The parameters of "form-data; name=a; filename=\"b\"". False if they are malformed, repeated or too many.
bool parse_parameters(std::string_view text, Parameters& parameters) {
  std::string_view rest = text.substr(std::min(text.find(';'), text.size()));
  while (!rest.empty()) {
    if (rest.front() != ';') return false;
    rest = trim(rest.substr(1));
    if (rest.empty() || rest.front() == ';') continue;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) return false;
    std::string name = lower_text(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::string value;
    if (!rest.empty() && rest.front() == '"') {
      if (!take_quoted(rest, value)) return false;
    } else {
      value = rest.substr(0, rest.find_first_of("; \t"));
      rest.remove_prefix(value.size());
      if (value.empty() || value.find('"') != std::string::npos) return false;
    }
    rest = trim(rest);
    const bool known = std::any_of(parameters.begin(), parameters.end(), [&](auto& one) { return one.first == name; });
    if (known || parameters.size() == kMaxParameters) return false;
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& one) { return one.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

bool is_boundary(std::string_view text) {
  constexpr std::string_view kMarks = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= kMaxBoundaryBytes && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           const char small = lower(c);
           return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
         });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// "UTF-8''na%C3%AFve.csv" of RFC 5987.
bool decode_extended(std::string_view text, std::string& value) {
  const std::size_t quote = text.find('\'');
  if (quote == std::string_view::npos || lower_text(text.substr(0, quote)) != "utf-8") return false;
  const std::size_t second = text.find('\'', quote + 1);
  if (second == std::string_view::npos) return false;
  text.remove_prefix(second + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      value.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
    value.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
    i += 2;
  }
  return true;
}

/// Whether nothing in a header's line would end or hide it: no control characters but the tab.
bool is_plain_line(std::string_view line) {
  return std::none_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  const std::string type = lower_text(trim(content_type.substr(0, content_type.find(';'))));
  if (type != "multipart/form-data") {
    return base::invalid_argument("the body must be a form: send 'Content-Type: multipart/form-data; boundary=…'");
  }
  Parameters parameters;
  const bool whole = parse_parameters(content_type, parameters);
  const std::string* boundary = find_parameter(parameters, "boundary");
  if (whole && boundary != nullptr && is_boundary(*boundary)) return *boundary;
  return base::invalid_argument(
      "the Content-Type of a form names its boundary: 'multipart/form-data; boundary=…', 1 to 70 letters, digits or "
      "'()+_,-./:=? and not a blank at the end");
}

MultipartReader::MultipartReader(std::string_view boundary, MultipartSink& sink, const MultipartLimits& limits)
    : delimiter_("\r\n--" + std::string(boundary)), sink_(sink), limits_(limits), matched_(2), imagined_(2) {}

base::Error MultipartReader::fault(const std::string& what) const {
  return base::invalid_argument("malformed form: " + what +
                                (parts_ > 0 ? " (part " + std::to_string(parts_) + ")" : ""));
}

Result<void> MultipartReader::read(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kPreamble:
      case State::kField:
      case State::kFile: MARQUEE_CHECK(read_content(bytes)); break;
      case State::kBoundaryLine: MARQUEE_CHECK(read_boundary_line(bytes)); break;
      case State::kHeaders: MARQUEE_CHECK(read_headers(bytes)); break;
      case State::kEpilogue: return {};  // RFC 2046: to be ignored
    }
  }
  return {};
}

Result<void> MultipartReader::finish() {
  if (state_ == State::kEpilogue) return {};
  return fault(state_ == State::kPreamble ? "the boundary that Content-Type names is nowhere in it"
                                          : "it ends before its last boundary");
}

/// Takes what lies before the next boundary. A CR stands only at a delimiter's beginning, so a match that fails can
/// only begin anew at the byte that ended it.
Result<void> MultipartReader::read_content(std::string_view& bytes) {
  if (matched_ > 0) {
    const std::string_view wanted = std::string_view(delimiter_).substr(matched_, bytes.size());
    if (bytes.starts_with(wanted)) {
      matched_ += wanted.size();
      bytes.remove_prefix(wanted.size());
      return matched_ == delimiter_.size() ? end_part() : Result<void>{};
    }
    const std::string_view taken = std::string_view(delimiter_).substr(imagined_, matched_ - imagined_);
    matched_ = imagined_ = 0;
    return take(taken);
  }
  const std::size_t found = bytes.find(delimiter_);
  if (found != std::string_view::npos) {
    MARQUEE_CHECK(take(bytes.substr(0, found)));
    bytes.remove_prefix(found + delimiter_.size());
    return end_part();
  }
  // The end of these bytes may be a delimiter's beginning.
  std::size_t content = bytes.size();
  const std::size_t near_end = bytes.size() - std::min(bytes.size(), delimiter_.size() - 1);
  if (const std::size_t cr = bytes.rfind('\r'); cr != std::string_view::npos && cr >= near_end) {
    if (std::string_view(delimiter_).starts_with(bytes.substr(cr))) content = cr;
  }
  MARQUEE_CHECK(take(bytes.substr(0, content)));
  matched_ = bytes.size() - content;
  bytes = {};
  return {};
}

Result<void> MultipartReader::take(std::string_view content) {
  if (state_ == State::kFile) return content.empty() ? Result<void>{} : sink_.on_file_bytes(content);
  if (state_ == State::kField) {
    if (buffer_.size() + content.size() > limits_.max_field_bytes) {
      return base::Error{base::ErrorCode::kTooLarge,
                         "'" + part_.field + "' has more than " + std::to_string(limits_.max_field_bytes) +
                             " bytes; a file is sent with a file name",
                         part_.field};
    }
    buffer_.append(content);
    return {};
  }
  preamble_bytes_ += content.size();
  if (preamble_bytes_ <= limits_.max_preamble_bytes) return {};
  return fault("the boundary that Content-Type names is not in its first " +
               std::to_string(limits_.max_preamble_bytes) + " bytes");
}

/// A whole delimiter has come.
Result<void> MultipartReader::end_part() {
  matched_ = imagined_ = 0;
  const State ended = std::exchange(state_, State::kBoundaryLine);
  const std::string content = std::exchange(buffer_, {});
  if (ended == State::kFile) return sink_.on_file_end();
  if (ended != State::kField) return {};
  if (!base::is_valid_utf8(content)) return fault("the value of '" + part_.field + "' is not UTF-8");
  return sink_.on_field(part_.field, content);
}

Result<void> MultipartReader::read_boundary_line(std::string_view& bytes) {
  while (!bytes.empty()) {
    buffer_.push_back(bytes.front());
    bytes.remove_prefix(1);
    if (buffer_ == "--") {
      state_ = State::kEpilogue;
      return {};
    }
    if (buffer_ == "-") continue;
    const std::string_view line = trim(std::string_view(buffer_).substr(0, buffer_.find('\r')));
    if (!line.empty()) return fault("a boundary's line goes on with other text");
    if (buffer_.ends_with("\r\n")) {
      if (++parts_ > limits_.max_parts) return fault("more than " + std::to_string(limits_.max_parts) + " parts");
      // The line's end stays: headers end with an empty line, also when there are none.
      buffer_ = "\r\n";
      state_ = State::kHeaders;
      return {};
    }
    const std::size_t cr = buffer_.find('\r');
    if (cr != std::string::npos && cr + 1 < buffer_.size()) return fault("a bare CR behind a boundary");
    if (buffer_.size() > kMaxPaddingBytes) return fault("too many blanks behind a boundary");
  }
  return {};
}

Result<void> MultipartReader::read_headers(std::string_view& bytes) {
  const std::size_t from = buffer_.size() < 3 ? 0 : buffer_.size() - 3;
  const std::size_t most = limits_.max_part_header_bytes + 4;
  const std::string_view piece = bytes.substr(0, most - buffer_.size());
  buffer_.append(piece);
  const std::size_t end = buffer_.find("\r\n\r\n", from);
  if (end == std::string::npos) {
    bytes.remove_prefix(piece.size());
    if (buffer_.size() < most) return {};
    return fault("its headers have more than " + std::to_string(limits_.max_part_header_bytes) + " bytes");
  }
  bytes.remove_prefix(piece.size() - (buffer_.size() - (end + 4)));
  buffer_.resize(end);
  return begin_part();
}

/// One header of a part: those that have no meaning here are only checked.
Result<void> MultipartReader::check_header(std::string_view line, std::optional<std::string>& disposition) {
  const std::size_t colon = line.find(':');
  if (!is_plain_line(line)) return fault("a control character in its headers");
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return fault("a header without a name");
  const std::string name = lower_text(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (name == "content-disposition") {
    if (disposition) return fault("two Content-Disposition headers");
    disposition = value;
  } else if (name == "content-type") {
    part_.content_type = value;
  } else if (name == "content-transfer-encoding") {
    const std::string encoding = lower_text(value);
    if (encoding != "binary" && encoding != "8bit" && encoding != "7bit") {
      return fault("its Content-Transfer-Encoding is not 'binary'; send the bytes as they are");
    }
  }
  return {};
}

Result<void> MultipartReader::begin_part() {
  const std::string block = std::exchange(buffer_, {});
  part_ = {};
  std::optional<std::string> disposition;
  std::size_t headers = 0;
  for (std::size_t at = 0; at < block.size();) {
    const std::size_t begin = at + 2;  // behind the CRLF before
    at = std::min(block.find("\r\n", begin), block.size());
    if (++headers > limits_.max_part_headers) {
      return fault("more than " + std::to_string(limits_.max_part_headers) + " headers");
    }
    MARQUEE_CHECK(check_header(std::string_view(block).substr(begin, at - begin), disposition));
  }
  Parameters parameters;
  const std::string kind = lower_text(trim(disposition ? disposition->substr(0, disposition->find(';')) : ""));
  if (kind != "form-data" || !parse_parameters(*disposition, parameters)) {
    return fault("it needs a header 'Content-Disposition: form-data; name=\"…\"'");
  }
  const std::string* name = find_parameter(parameters, "name");
  if (name == nullptr || name->empty() || name->size() > kMaxFieldNameBytes || !base::is_valid_utf8(*name)) {
    return fault("its Content-Disposition needs a name of 1 to 128 bytes of UTF-8");
  }
  part_.field = *name;
  const std::string* filename = find_parameter(parameters, "filename");
  const std::string* extended = find_parameter(parameters, "filename*");
  if (filename == nullptr && extended == nullptr) {
    state_ = State::kField;
    return {};
  }
  if (extended == nullptr) {
    part_.filename = *filename;
  } else if (!decode_extended(*extended, part_.filename)) {
    return fault("its filename* is not UTF-8''… with %XX");
  }
  if (part_.filename.size() > kMaxFilenameBytes || !base::is_valid_utf8(part_.filename)) {
    return fault("its file name must be UTF-8 of at most 1024 bytes");
  }
  state_ = State::kFile;
  return sink_.on_file(part_);
}

}  // namespace marquee::http
