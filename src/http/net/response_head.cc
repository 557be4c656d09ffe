#include "http/net/response_head.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace marquee::http {

namespace {

/// RFC 9110, 5.6.7; made once a second.
const std::string& http_date() {
  thread_local std::time_t made_at = -1;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                  kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                  parts.tm_sec);
    text = buffer.data();
    made_at = now;
  }
  return text;
}

bool has_header(const Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const NameValue& header) { return header.first == name; });
}

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string response_head(const Response& response, const HeadOptions& options) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\n");
  append_header(head, "date", http_date());
  if (response.status != 204) append_header(head, "content-type", response.content_type);
  if (options.framing == Framing::kChunked) {
    append_header(head, "transfer-encoding", "chunked");
  } else if (options.framing == Framing::kLength && response.status != 204) {
    append_header(head, "content-length", std::to_string(response.stream_bytes.value_or(response.body.size())));
  }
  if (!options.keep_alive) {
    append_header(head, "connection", "close");
  } else if (options.minor_version == 0) {
    append_header(head, "connection", "keep-alive");
  }
  if (!options.request_id.empty()) append_header(head, "x-request-id", options.request_id);
  append_header(head, "x-content-type-options", "nosniff");
  append_header(head, "x-frame-options", "DENY");
  append_header(head, "referrer-policy", "no-referrer");
  append_header(head, "cross-origin-resource-policy", "same-origin");
  if (!has_header(response, "cache-control")) append_header(head, "cache-control", "no-store");
  if (!has_header(response, "content-security-policy")) {
    append_header(head, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  }
  for (const auto& [name, value] : response.headers) append_header(head, name, value);
  head.append("\r\n");
  return head;
}

}  // namespace marquee::http
