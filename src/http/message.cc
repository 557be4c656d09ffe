#include "http/message.h"

#include <algorithm>
#include <cstddef>

#include "base/utf8.h"

namespace marquee::http {

namespace {

constexpr std::size_t kMaxQueryPairs = 64;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view find_value(const std::vector<NameValue>& pairs, std::string_view name) {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const NameValue& pair) { return pair.first == name; });
  return found == pairs.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet: return "GET";
    case Method::kHead: return "HEAD";
    case Method::kPost: return "POST";
    case Method::kPut: return "PUT";
    case Method::kPatch: return "PATCH";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
    case Method::kOther: return "";
  }
  return "";
}

std::string_view RequestHead::header(std::string_view name) const { return find_value(headers, name); }
std::string_view Request::path_param(std::string_view name) const { return find_value(path_params, name); }

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

bool percent_decode(std::string_view text, std::string& decoded) {
  decoded.clear();
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded.find('\0') == std::string::npos && base::is_valid_utf8(decoded);
}

bool parse_query(std::string_view query, std::vector<NameValue>& pairs) {
  pairs.clear();
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (part.empty()) continue;
    if (pairs.size() == kMaxQueryPairs) return false;
    const std::size_t equals = part.find('=');
    std::string name(part.substr(0, equals));
    std::string value(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    std::replace(name.begin(), name.end(), '+', ' ');
    std::replace(value.begin(), value.end(), '+', ' ');
    NameValue pair;
    if (!percent_decode(name, pair.first) || !percent_decode(value, pair.second)) return false;
    pairs.push_back(std::move(pair));
  }
  return true;
}

}  // namespace marquee::http
