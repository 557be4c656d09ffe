#pragma once

#include <cstdint>
#include <string>

#include "http/message.h"

namespace marquee::http {

enum class Framing : std::uint8_t {
  kLength,   ///< Content-Length of Response::body, or a stream's known one
  kChunked,  ///< HTTP/1.1 streams
  kClose,    ///< HTTP/1.0 streams: the end of the connection ends the body
};

struct HeadOptions {
  Framing framing = Framing::kLength;
  bool keep_alive = true;
  int minor_version = 1;        ///< the request's
  std::string request_id = {};  ///< sent as x-request-id unless empty
};

/// Status line and headers, up to and with the empty line. Every answer carries the security headers.
std::string response_head(const Response& response, const HeadOptions& options);

}  // namespace marquee::http
