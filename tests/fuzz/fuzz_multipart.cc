// A form's Content-Type (the first line) and its body, all at once and in pieces whose size the first byte gives. Both
// ways must hear the same.
// Links: marquee::http_wire
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "http/wire/multipart_reader.h"
#include "tests/fuzz/check.h"

namespace {

using marquee::base::Result;
using marquee::fuzz::check;
using marquee::http::MultipartFile;

constexpr marquee::http::MultipartLimits kLimits{.max_parts = 4,
                                                 .max_part_headers = 4,
                                                 .max_part_header_bytes = 256,
                                                 .max_field_bytes = 64,
                                                 .max_preamble_bytes = 64};

/// Writes down what it hears, with lengths, so that no two things look alike.
class Recorder final : public marquee::http::MultipartSink {
 public:
  Result<void> on_field(const std::string& name, std::string value) override {
    check(!in_file_, "a part ends before the next begins");
    check(!name.empty() && value.size() <= kLimits.max_field_bytes, "fields are bounded");
    check(marquee::base::is_valid_utf8(name) && marquee::base::is_valid_utf8(value), "fields are UTF-8");
    note("field", name + "=" + value);
    return {};
  }
  Result<void> on_file(const MultipartFile& file) override {
    check(!in_file_, "a part ends before the next begins");
    check(!file.field.empty() && file.filename.size() <= 1'024, "names are bounded");
    check(marquee::base::is_valid_utf8(file.filename), "file names are UTF-8");
    in_file_ = true;
    note("file", file.field + "/" + file.filename + "/" + file.content_type);
    return {};
  }
  Result<void> on_file_bytes(std::string_view bytes) override {
    check(in_file_ && !bytes.empty(), "bytes belong to a file");
    content_.append(bytes);
    return {};
  }
  Result<void> on_file_end() override {
    check(in_file_, "a file ends once");
    in_file_ = false;
    note("end", content_);
    content_.clear();
    return {};
  }
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  void note(const char* what, const std::string& text) {
    check(++notes_ <= 2 * kLimits.max_parts, "parts are few");
    log_ += std::string(what) + " " + std::to_string(text.size()) + " " + text + "\n";
  }
  std::string log_;
  std::string content_;
  std::size_t notes_ = 0;
  bool in_file_ = false;
};

std::string read_all(std::string_view boundary, std::string_view body, std::size_t piece) {
  Recorder sink;
  marquee::http::MultipartReader reader(boundary, sink, kLimits);
  for (std::size_t at = 0; at < body.size(); at += piece) {
    const auto read = reader.read(body.substr(at, piece));
    if (read) continue;
    check(!read.error().message.empty(), "a refusal says why");
    return sink.log() + "refused: " + read.error().message;
  }
  const auto whole = reader.finish();
  return sink.log() + (whole ? "whole" : "refused: " + whole.error().message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view type = bytes.substr(0, bytes.find('\n'));
  bytes.remove_prefix(std::min(bytes.size(), type.size() + 1));
  const auto boundary = marquee::http::multipart_boundary(type);
  if (boundary) check(!boundary->empty() && boundary->size() <= 70, "a boundary is bounded");
  const std::string_view used = boundary ? std::string_view(*boundary) : std::string_view("b");
  const std::string whole = read_all(used, bytes, std::max<std::size_t>(bytes.size(), 1));
  const std::string pieces = read_all(used, bytes, 1 + data[0] % 32);
  check(whole == pieces, "how the bytes come makes no difference");
  return 0;
}
