#pragma once
// Bytes from a connection to a checked request. Beast's parser does the syntax; the checks it leaves out are made here.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace marquee::http {

/// Why a request's bytes were refused. The connection is closed after the answer, because what follows the fault in the
/// stream can no longer be told apart from a request.
struct WireError {
  int status = 400;
  std::string message;
};

struct WireLimits {
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_target_bytes = 4 * 1024;
  std::uint64_t max_body_bytes = 16 * 1024 * 1024;
};

/// Reads one request. Feed it what has come so far; it says how much it used up, the rest belongs to the body or to the
/// next request. @source RFC 9112 (message syntax, smuggling defences of sections 2.2, 5.1, 5.2, 6.1, 6.3), RFC 9110
class RequestReader {
 public:
  explicit RequestReader(const WireLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class Step { kNeedMore, kDone, kError };

  /// Until it gives kDone or kError: looks for the headers at the start of `bytes`, which must grow from call to call.
  /// @param consumed set with kDone: bytes of the request line, headers and the empty line
  Step read_head(std::string_view bytes, std::size_t& consumed);
  /// After the head: the most bytes that the body may have, instead of WireLimits::max_body_bytes.
  void limit_body(std::uint64_t bytes) { limits_.max_body_bytes = bytes; }
  /// After the head: takes body bytes from the start of `bytes`. kDone at once if there is no body.
  Step read_body(std::string_view bytes, std::size_t& consumed);

  /// Valid after read_head gave kDone.
  [[nodiscard]] RequestHead& head() { return head_; }
  /// Body bytes held so far.
  [[nodiscard]] std::size_t body_bytes() const;
  [[nodiscard]] std::string take_body();
  /// Moves what is held into `chunk`, whose memory is used for what comes next: for a body that is not kept whole.
  void take_body(std::string& chunk);
  [[nodiscard]] const WireError& error() const { return error_; }

 private:
  Step fail(int status, std::string message);
  Step check_lines(std::string_view block, std::size_t from);
  Step parse_block(std::string_view block);
  Step check_fields();
  Step read_target(std::string_view target);

  struct Parser;
  WireLimits limits_;
  std::unique_ptr<Parser> parser_;
  RequestHead head_;
  WireError error_;
  std::size_t scanned_ = 0;
  std::size_t checked_ = 0;
};

/// True for what may stand in a Host header: a name, IPv4 or bracketed IPv6 address, and an optional port.
bool is_valid_host(std::string_view host);

}  // namespace marquee::http
