#pragma once
// A request and its answer as handlers see them: plain values, no network library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/keys.h"

namespace marquee::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

/// The method's name as it stands in a request line; "" for kOther.
std::string_view to_string(Method method);

using NameValue = std::pair<std::string, std::string>;

/// The part of a request before its body, checked against RFC 9112 and the limits.
struct RequestHead {
  Method method = Method::kGet;
  std::string target;     ///< as sent: path and query
  std::string path;       ///< still percent-encoded, without the query
  std::string query;      ///< still percent-encoded, without the '?'
  std::string host;       ///< the Host header (or the authority of an absolute target), lower case, with port
  int minor_version = 1;  ///< of HTTP/1.x
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::uint64_t content_length = 0;  ///< 0 when chunked or absent
  std::vector<NameValue> headers;    ///< names in lower case

  [[nodiscard]] bool has_body() const { return chunked || content_length > 0; }
  /// The first header of that (lower-case) name, or "".
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Request {
  RequestHead head;
  std::string body;
  std::vector<NameValue> path_params;   ///< decoded: {"id", "smollm2-135m-instruct"}
  std::vector<NameValue> query_params;  ///< decoded, in order
  std::string id;                       ///< "req_…", unique; also the bill's
  platform::Principal principal;        ///< empty on routes that need no key

  [[nodiscard]] std::string_view path_param(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<NameValue> headers = {};             ///< besides those every answer carries; names in lower case
  std::optional<std::uint64_t> stream_bytes = {};  ///< how many a stream will have, if that is known
};

/// The standard phrase of a status this server sends.
std::string_view reason_phrase(int status);

/// Splits and decodes "a=1&b=x%20y". At most 64 pairs; false if there are more or an escape is malformed.
bool parse_query(std::string_view query, std::vector<NameValue>& pairs);

/// Decodes %XX. False if an escape is malformed or the result is not UTF-8 or holds a NUL.
bool percent_decode(std::string_view text, std::string& decoded);

}  // namespace marquee::http
