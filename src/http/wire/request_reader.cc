#include "http/wire/request_reader.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <utility>

namespace marquee::http {

namespace beast = boost::beast;

namespace {

constexpr std::size_t kMaxHeaders = 100;
/// Most bytes that may wait for the end of a chunk's header or of the trailers.
constexpr std::size_t kMaxChunkHeaderBytes = 4 * 1024;
/// "0\r\n\r\n": what is still to come of a chunked body is never shorter. Beast asserts it when it looks a second time
/// at a last chunk that has come in pieces.
constexpr std::size_t kLastChunkBytes = 5;
constexpr std::size_t kFirstBodyReserve = 64 * 1024;

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return lower;
}

Method method_of(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get: return Method::kGet;
    case beast::http::verb::head: return Method::kHead;
    case beast::http::verb::post: return Method::kPost;
    case beast::http::verb::put: return Method::kPut;
    case beast::http::verb::patch: return Method::kPatch;
    case beast::http::verb::delete_: return Method::kDelete;
    case beast::http::verb::options: return Method::kOptions;
    default: return Method::kOther;
  }
}

bool is_printable_ascii(char c) { return c > 0x20 && c < 0x7F; }

std::string wire_message(const beast::error_code& code) { return "malformed request: " + code.message(); }

}  // namespace

/// Receives what Beast's parser finds. Fields of the trailers are checked by the parser and dropped.
struct RequestReader::Parser final : beast::http::basic_parser<true> {
  RequestHead* head = nullptr;
  std::string target;
  std::string body;
  std::uint64_t body_bytes = 0;  ///< also those that have been taken away
  bool headers_done = false;
  bool too_many_headers = false;

  using Text = beast::string_view;

  void on_request_impl(beast::http::verb verb, Text, Text request_target, int version,
                       beast::error_code& code) override {
    head->method = method_of(verb);
    target.assign(request_target.data(), request_target.size());
    head->minor_version = version == 10 ? 0 : 1;
    code = {};
  }
  void on_response_impl(int, Text, int, beast::error_code& code) override { code = {}; }
  void on_field_impl(beast::http::field, Text name, Text value, beast::error_code& code) override {
    code = {};
    if (headers_done) return;
    if (head->headers.size() == kMaxHeaders) {
      too_many_headers = true;
      code = beast::http::error::header_limit;
      return;
    }
    head->headers.emplace_back(to_lower({name.data(), name.size()}), std::string(value.data(), value.size()));
  }
  void on_header_impl(beast::error_code& code) override {
    headers_done = true;
    code = {};
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code& code) override {
    code = {};
    // The claimed length is not believed before the bytes are there.
    if (length) body.reserve(std::min<std::uint64_t>(*length, kFirstBodyReserve));
  }
  std::size_t on_body_impl(Text bytes, beast::error_code& code) override {
    code = {};
    body.append(bytes.data(), bytes.size());
    body_bytes += bytes.size();
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, beast::error_code& code) override { code = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, beast::error_code& code) override {
    return on_body_impl(bytes, code);
  }
  void on_finish_impl(beast::error_code& code) override { code = {}; }
};

RequestReader::RequestReader(const WireLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->head = &head_;
  parser_->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes + 1));
  // Content-Length is compared with the limit by check_fields, so that the refusal can be answered in order.
  parser_->body_limit(boost::none);
}

RequestReader::~RequestReader() = default;

std::size_t RequestReader::body_bytes() const { return parser_->body.size(); }
std::string RequestReader::take_body() { return std::move(parser_->body); }
void RequestReader::take_body(std::string& chunk) {
  chunk.clear();
  chunk.swap(parser_->body);
}

RequestReader::Step RequestReader::fail(int status, std::string message) {
  error_ = {status, std::move(message)};
  return Step::kError;
}

RequestReader::Step RequestReader::read_head(std::string_view bytes, std::size_t& consumed) {
  // One empty line before the request is let pass: some clients send one after a body (RFC 9112, 2.2).
  const std::size_t skip = bytes.substr(0, 2) == "\r\n" ? 2 : 0;
  const std::size_t from = std::max(skip, scanned_ < 3 ? std::size_t{0} : scanned_ - 3);
  const std::size_t end = bytes.find("\r\n\r\n", from);
  const std::size_t so_far = end == std::string_view::npos ? bytes.size() : end + 4;
  scanned_ = bytes.size();
  if (so_far - skip > limits_.max_header_bytes) {
    const bool in_first_line = bytes.substr(skip, limits_.max_header_bytes).find('\n') == std::string_view::npos;
    if (in_first_line) return fail(414, "the request line is too long");
    return fail(431, "the headers are longer than " + std::to_string(limits_.max_header_bytes) + " bytes");
  }
  if (end == std::string_view::npos) {
    // A fault is answered at once, not when the client's time is over.
    if (bytes.size() <= skip) return Step::kNeedMore;
    const std::string_view block = bytes.substr(skip);
    const Step step = check_lines(block, std::min(checked_, block.size()));
    checked_ = block.size() < 2 ? 0 : block.size() - 2;
    return step == Step::kError ? step : Step::kNeedMore;
  }
  const std::string_view block = bytes.substr(skip, end + 4 - skip);
  if (check_lines(block, 0) == Step::kError || parse_block(block) == Step::kError) return Step::kError;
  consumed = end + 4;
  return check_fields();
}

/// Every line ends with CRLF, holds no other control character than a tab, and none continues the one before
/// (obs-fold).
RequestReader::Step RequestReader::check_lines(std::string_view block, std::size_t from) {
  for (std::size_t i = from; i < block.size(); ++i) {
    const auto c = static_cast<unsigned char>(block[i]);
    if (c == '\r') {
      if (i + 1 < block.size() && block[i + 1] != '\n') return fail(400, "malformed request: a bare CR");
    } else if (c == '\n') {
      if (i == 0 || block[i - 1] != '\r') return fail(400, "malformed request: a bare LF");
      if (i + 1 < block.size() && (block[i + 1] == ' ' || block[i + 1] == '\t')) {
        return fail(400, "malformed request: a folded header line");
      }
    } else if ((c < 0x20 && c != '\t') || c == 0x7F) {
      return fail(400, "malformed request: a control character in the headers");
    }
  }
  return Step::kDone;
}

RequestReader::Step RequestReader::parse_block(std::string_view block) {
  beast::error_code code;
  parser_->eager(false);
  const std::size_t used = parser_->put(boost::asio::const_buffer(block.data(), block.size()), code);
  if (code == beast::http::error::bad_version) return fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (parser_->too_many_headers) return fail(431, "more than " + std::to_string(kMaxHeaders) + " headers");
  if (code) return fail(400, wire_message(code));
  if (!parser_->is_header_done() || used != block.size()) return fail(400, "malformed request");
  return read_target(parser_->target);
}

RequestReader::Step RequestReader::read_target(std::string_view target) {
  if (target.size() > limits_.max_target_bytes) {
    return fail(414, "the path is longer than " + std::to_string(limits_.max_target_bytes) + " bytes");
  }
  if (!std::all_of(target.begin(), target.end(), is_printable_ascii) || target.find('#') != std::string_view::npos) {
    return fail(400, "malformed request: the path holds a character that must be percent-encoded");
  }
  head_.target = target;
  if (head_.method == Method::kOptions && target == "*") {
    head_.path = "*";
    return Step::kDone;
  }
  if (const std::string lower = to_lower(target.substr(0, 8)); lower == "https://" || lower.starts_with("http://")) {
    target.remove_prefix(lower == "https://" ? 8 : 7);
    const std::size_t slash = std::min(target.find_first_of("/?"), target.size());
    head_.host = to_lower(target.substr(0, slash));
    target.remove_prefix(slash);
    if (head_.host.empty()) return fail(400, "malformed request: an address without a host");
    if (target.empty() || target.front() == '?') {
      head_.path = "/";
    }
  }
  const std::size_t question = target.find('?');
  if (head_.path.empty()) head_.path = target.substr(0, question);
  if (question != std::string_view::npos) head_.query = target.substr(question + 1);
  if (head_.path.front() != '/') return fail(400, "malformed request: the path must begin with '/'");
  return Step::kDone;
}

RequestReader::Step RequestReader::check_fields() {
  std::array<int, 3> seen{};  // host, content-length, transfer-encoding
  std::string_view host;
  for (const auto& [name, value] : head_.headers) {
    if (name == "host") {
      ++seen[0];
      host = value;
    } else if (name == "content-length") {
      ++seen[1];
      if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return fail(400, "malformed request: Content-Length must be one number");
      }
    } else if (name == "transfer-encoding") {
      ++seen[2];
      if (to_lower(value) != "chunked") return fail(400, "malformed request: the only Transfer-Encoding is 'chunked'");
    } else if (name == "expect") {
      if (to_lower(value) != "100-continue") return fail(417, "the only expectation met here is 100-continue");
      head_.expects_continue = head_.minor_version == 1;
    }
  }
  if (seen[0] > 1 || (seen[0] == 0 && head_.minor_version == 1)) {
    return fail(400, "malformed request: exactly one Host header is needed");
  }
  if (seen[1] > 1 || seen[2] > 1 || (seen[1] > 0 && seen[2] > 0)) {
    return fail(400, "malformed request: the body's length is given twice");
  }
  if (seen[2] > 0 && head_.minor_version == 0) {
    return fail(400, "malformed request: Transfer-Encoding in HTTP/1.0");
  }
  if (seen[0] > 0 && !is_valid_host(host)) return fail(400, "malformed request: a bad Host header");
  if (head_.host.empty()) {
    head_.host = to_lower(host);
  } else if (!is_valid_host(head_.host)) {
    return fail(400, "malformed request: a bad host in the address");
  }
  head_.chunked = parser_->chunked();
  head_.content_length = parser_->content_length().value_or(0);
  head_.keep_alive = parser_->keep_alive();
  return Step::kDone;
}

RequestReader::Step RequestReader::read_body(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  parser_->eager(true);
  while (!parser_->is_done()) {
    beast::error_code code;
    const std::string_view rest = bytes.substr(consumed);
    if (rest.empty() || (head_.chunked && rest.size() < kLastChunkBytes)) return Step::kNeedMore;
    const std::size_t used = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), code);
    consumed += used;
    if (parser_->body_bytes > limits_.max_body_bytes) {
      return fail(413, "the body is larger than " + std::to_string(limits_.max_body_bytes) + " bytes");
    }
    if (code && code != beast::http::error::need_more) return fail(400, wire_message(code));
    if (used == 0) {
      if (rest.size() > kMaxChunkHeaderBytes) return fail(400, "malformed request: a chunk's header is too long");
      return Step::kNeedMore;
    }
  }
  return Step::kDone;
}

bool is_valid_host(std::string_view host) {
  const std::size_t colon = host.starts_with('[') ? host.find(':', host.find(']')) : host.find(':');
  const std::string_view name = host.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
  }
  if (name.empty() || name.size() > 255) return false;
  if (name.front() == '[') {
    return name.size() > 3 && name.back() == ']' &&
           name.substr(1, name.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
         std::string_view::npos;
}

}  // namespace marquee::http
