#pragma once
// A multipart/form-data body taken apart while it comes: nothing but a field's value and a part's headers is kept.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::http {

/// What one body may cost beyond its files' bytes.
struct MultipartLimits {
  std::size_t max_parts = 16;
  std::size_t max_part_headers = 16;
  std::size_t max_part_header_bytes = 8 * 1024;  ///< all headers of one part
  std::size_t max_field_bytes = 64 * 1024;       ///< a value that is no file
  std::size_t max_preamble_bytes = 1024;         ///< before the first boundary; a wrong boundary is found out early
};

/// The head of a part that has a file name.
struct MultipartFile {
  std::string field;
  std::string filename;  ///< as sent, valid UTF-8: it may hold a path, and be empty
  std::string content_type;
};

/// Hears what is in the body, in order. An error that it gives ends the reading.
class MultipartSink {
 public:
  virtual ~MultipartSink() = default;
  /// A part without a file name, whole. @param value valid UTF-8
  virtual base::Result<void> on_field(const std::string& name, std::string value) = 0;
  virtual base::Result<void> on_file(const MultipartFile& file) = 0;
  virtual base::Result<void> on_file_bytes(std::string_view bytes) = 0;
  virtual base::Result<void> on_file_end() = 0;
};

/// The boundary that a request's Content-Type names: 1 to 70 characters.
/// @error kInvalidArgument if the type is another one or the boundary is missing or malformed
/// @source RFC 2046, 5.1.1
base::Result<std::string> multipart_boundary(std::string_view content_type);

/// Feed it the body in pieces of any size. Once an error has been given, feed it nothing more.
/// @source RFC 7578 (form-data), RFC 2046 5.1 (boundaries). `filename*` (RFC 5987), which RFC 7578 advises against but
/// clients send, is understood; a transfer encoding is not.
class MultipartReader {
 public:
  /// @param boundary as multipart_boundary gives it
  /// @param sink must outlive the reader
  MultipartReader(std::string_view boundary, MultipartSink& sink, const MultipartLimits& limits = {});

  /// @error kInvalidArgument saying which part is malformed and how; kTooLarge for a field over its cap; the sink's own
  base::Result<void> read(std::string_view bytes);
  /// After the last byte. @error kInvalidArgument if the last boundary has not come
  base::Result<void> finish();

 private:
  enum class State : std::uint8_t {
    kPreamble,
    kBoundaryLine,  ///< behind a boundary: "--" or the end of the line
    kHeaders,
    kField,
    kFile,
    kEpilogue,
  };

  base::Result<void> read_content(std::string_view& bytes);
  base::Result<void> read_boundary_line(std::string_view& bytes);
  base::Result<void> read_headers(std::string_view& bytes);
  base::Result<void> take(std::string_view content);
  base::Result<void> end_part();
  base::Result<void> begin_part();
  base::Result<void> check_header(std::string_view line, std::optional<std::string>& disposition);
  [[nodiscard]] base::Error fault(const std::string& what) const;

  const std::string delimiter_;  ///< CRLF, "--", the boundary
  MultipartSink& sink_;
  const MultipartLimits limits_;
  State state_ = State::kPreamble;
  std::size_t
      matched_;  ///< of the delimiter, by the last bytes that came; they are taken once it is clear what they are
  std::size_t imagined_;  ///< of those: the first boundary may stand at the beginning, without a line's end before it
  std::size_t preamble_bytes_ = 0;
  std::size_t parts_ = 0;
  std::string buffer_;  ///< the boundary's line, the headers or the field's value so far
  MultipartFile part_;
};

}  // namespace marquee::http
