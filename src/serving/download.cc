#include "serving/download.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/output_file.h"
#include "formats/small_file.h"

namespace marquee::serving {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr long kMaxRedirects = 5;
constexpr long kStallBytesPerSecond = 1024;
constexpr std::uint64_t kProgressThatForgivesRetries = 8 << 20;
constexpr std::size_t kMaxValidatorBytes = 16 << 10;

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

CurlHandle new_handle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return CurlHandle(curl_easy_init());
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The headers of the last response (each redirect's come first).
struct ResponseHeaders {
  std::string etag;
  std::string last_modified;
  std::string content_range;

  void take(std::string_view line) {
    if (line.starts_with("HTTP/")) *this = {};
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const auto name = line.substr(0, colon);
    const std::string value(trimmed(line.substr(colon + 1)));
    if (equals_ignoring_case(name, "etag")) etag = value;
    if (equals_ignoring_case(name, "last-modified")) last_modified = value;
    if (equals_ignoring_case(name, "content-range")) content_range = value;
  }
  /// What If-Range takes to make sure that the file is still the same; empty if the server offers nothing fit.
  [[nodiscard]] std::string validator() const {
    if (!etag.empty() && !etag.starts_with("W/")) return etag;
    return last_modified;
  }
  /// First byte of "bytes 100-199/200".
  [[nodiscard]] std::optional<std::uint64_t> range_begin() const {
    const std::string_view text = content_range;
    if (!text.starts_with("bytes ")) return std::nullopt;
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    return parse_number(text.substr(6, dash - 6));
  }
  /// The whole size in "bytes 100-199/200" or "bytes */200".
  [[nodiscard]] std::optional<std::uint64_t> range_total() const {
    const auto slash = content_range.find('/');
    if (slash == std::string::npos) return std::nullopt;
    return parse_number(std::string_view(content_range).substr(slash + 1));
  }
};

/// One GET: set up, run, and told apart. Subclasses take the body.
class Transfer {
 public:
  Transfer(const PullOptions& options, PullMonitor& monitor, std::string url)
      : options_(options), monitor_(monitor), url_(std::move(url)), handle_(new_handle()) {}
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// @return the HTTP status of a response whose body was taken (2xx) or left alone (others)
  /// @error kIo, kCancelled, or what take_body() said
  Result<long> run(const std::string& bearer_token, const std::vector<std::string>& headers);

  [[nodiscard]] const ResponseHeaders& headers() const { return headers_; }
  /// Whether the last run() failed in a way that may pass.
  [[nodiscard]] bool may_pass() const { return may_pass_; }
  /// Size of the body the server announced.
  [[nodiscard]] std::optional<std::uint64_t> announced_bytes() const {
    curl_off_t length = -1;
    curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(length));
  }

 protected:
  virtual Result<void> take_body(long status, std::span<const std::byte> bytes) = 0;
  virtual Result<void> at_progress() = 0;
  PullMonitor& monitor() { return monitor_; }

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  void set_options();
  Error network_error(CURLcode code);

  const PullOptions& options_;
  PullMonitor& monitor_;
  std::string url_;
  CurlHandle handle_;
  ResponseHeaders headers_;
  Result<void> outcome_;  // of the callbacks
  bool may_pass_ = false;
  char curl_message_[CURL_ERROR_SIZE] = {};
};

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  long status = 0;
  curl_easy_getinfo(transfer.handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  const std::size_t bytes = size * count;
  if (status < 200 || status >= 300) return bytes;  // an error page
  transfer.outcome_ = transfer.take_body(status, std::as_bytes(std::span(data, bytes)));
  return transfer.outcome_ ? bytes : 0;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->headers_.take(std::string_view(data, size * count));
  return size * count;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.outcome_) transfer.outcome_ = transfer.at_progress();
  return transfer.outcome_ ? 0 : 1;
}

void Transfer::set_options() {
  CURL* handle = handle_.get();
  const bool secure = url_.starts_with("https://");
  curl_easy_setopt(handle, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options_.stall_timeout_ms / 1000)));
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "marquee");
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, curl_message_);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

Error Transfer::network_error(CURLcode code) {
  constexpr CURLcode kPassing[] = {CURLE_PARTIAL_FILE,         CURLE_RECV_ERROR,      CURLE_SEND_ERROR,
                                   CURLE_GOT_NOTHING,          CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
                                   CURLE_COULDNT_RESOLVE_HOST, CURLE_HTTP2,           CURLE_HTTP2_STREAM};
  may_pass_ = std::find(std::begin(kPassing), std::end(kPassing), code) != std::end(kPassing);
  const std::string_view detail = curl_message_[0] != '\0' ? curl_message_ : curl_easy_strerror(code);
  return base::io_error(url_ + ": " + std::string(detail));
}

Result<long> Transfer::run(const std::string& bearer_token, const std::vector<std::string>& headers) {
  if (handle_ == nullptr) return Error{ErrorCode::kInternal, "libcurl cannot start"};
  curl_easy_reset(handle_.get());
  headers_ = {};
  outcome_ = {};
  may_pass_ = false;
  set_options();
  std::unique_ptr<curl_slist, ListDeleter> list;
  for (const auto& header : headers) list.reset(curl_slist_append(list.release(), header.c_str()));
  if (list != nullptr) curl_easy_setopt(handle_.get(), CURLOPT_HTTPHEADER, list.get());
  if (!bearer_token.empty()) {  // libcurl drops it on a redirect to another host
    curl_easy_setopt(handle_.get(), CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(handle_.get(), CURLOPT_XOAUTH2_BEARER, bearer_token.c_str());
  }
  const CURLcode code = curl_easy_perform(handle_.get());
  if (!outcome_) return outcome_.error();
  if (code != CURLE_OK) return network_error(code);
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  may_pass_ = status == 429 || status >= 500;
  return status;
}

/// The error of a status that is neither 2xx nor dealt with.
Error status_error(const std::string& url, long status) {
  const std::string text = url + ": the server answered " + std::to_string(status);
  if (status == 404 || status == 410) return base::not_found(text + ": there is no such file");
  if (status == 401 || status == 403) {
    return {ErrorCode::kPermissionDenied, text + ": access is refused (for a gated model set HF_TOKEN)"};
  }
  return base::io_error(text);
}

class FileTransfer final : public Transfer {
 public:
  FileTransfer(const DownloadRequest& request, const PullOptions& options, PullMonitor& monitor, base::OutputFile file)
      : Transfer(options, monitor, request.url),
        request_(request),
        max_bytes_(request.expected_bytes.value_or(options.max_file_bytes)),
        file_(std::move(file)) {}

  /// Downloads what is missing. @return true when the file is whole, false to try again from the start
  Result<bool> attempt();
  base::OutputFile& file() { return file_; }

 private:
  Result<void> take_body(long status, std::span<const std::byte> bytes) override;
  Result<void> at_progress() override { return monitor().advance(file_.size()); }
  Result<void> begin_body(long status);
  [[nodiscard]] fs::path validator_path() const { return fs::path(request_.destination.string() + ".from"); }
  [[nodiscard]] std::optional<std::string> stored_validator() const;
  Result<void> store_validator() const;
  Result<void> check_size(std::uint64_t bytes) const;

  const DownloadRequest& request_;
  std::uint64_t max_bytes_;
  base::OutputFile file_;
  bool body_begun_ = false;
};

/// The validator stored beside a partial download, if that came from the same address.
std::optional<std::string> FileTransfer::stored_validator() const {
  const auto text = formats::read_small_file(validator_path(), kMaxValidatorBytes);
  if (!text) return std::nullopt;
  const auto line = text->find('\n');
  if (line == std::string::npos || std::string_view(*text).substr(0, line) != request_.url) return std::nullopt;
  return std::string(trimmed(std::string_view(*text).substr(line + 1)));
}

Result<void> FileTransfer::store_validator() const {
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(validator_path()));
  const std::string text = request_.url + "\n" + headers().validator() + "\n";
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.finish();
}

Result<void> FileTransfer::check_size(std::uint64_t bytes) const {
  if (request_.expected_bytes && bytes != *request_.expected_bytes) {
    return base::corrupt(request_.url + ": the server's file has " + std::to_string(bytes) + " bytes where " +
                         std::to_string(*request_.expected_bytes) + " are expected");
  }
  if (bytes > max_bytes_) {
    return Error{ErrorCode::kTooLarge, request_.url + ": a file of " + std::to_string(bytes) + " bytes; the most is " +
                                           std::to_string(max_bytes_)};
  }
  return {};
}

Result<void> FileTransfer::begin_body(long status) {
  body_begun_ = true;
  if (status == 206) {
    if (headers().range_begin() != file_.size()) {
      return base::io_error(request_.url + ": the server sent another part of the file than was asked for");
    }
  } else if (file_.size() > 0) {
    MARQUEE_CHECK(file_.restart());  // the server sends everything: the file changed, or it knows no ranges
  }
  if (file_.size() == 0) MARQUEE_CHECK(store_validator());
  if (const auto rest = announced_bytes()) {
    MARQUEE_CHECK(check_size(file_.size() + *rest));
    MARQUEE_CHECK(base::check_free_space(request_.destination.parent_path(), *rest));
    monitor().set_total(file_.size() + *rest);
  }
  return {};
}

Result<void> FileTransfer::take_body(long status, std::span<const std::byte> bytes) {
  if (!body_begun_) MARQUEE_CHECK(begin_body(status));
  if (bytes.size() > max_bytes_ - std::min(max_bytes_, file_.size())) {
    return Error{ErrorCode::kTooLarge,
                 request_.url + ": the server sends more than " + std::to_string(max_bytes_) + " bytes"};
  }
  return file_.write(bytes);
}

Result<bool> FileTransfer::attempt() {
  std::vector<std::string> headers_to_send;
  const auto validator = stored_validator();
  // Without a validator only a known hash can tell that both halves are of one file.
  const bool may_resume = validator && (!validator->empty() || request_.hash_known);
  if (file_.size() > 0 && (!may_resume || file_.size() > max_bytes_)) MARQUEE_CHECK(file_.restart());
  if (request_.expected_bytes && file_.size() == *request_.expected_bytes) return true;
  if (file_.size() > 0) {
    headers_to_send.push_back("Range: bytes=" + std::to_string(file_.size()) + "-");
    if (!validator->empty()) headers_to_send.push_back("If-Range: " + *validator);
  }
  body_begun_ = false;
  MARQUEE_ASSIGN(const long status, run(request_.bearer_token, headers_to_send));
  if (status == 416 && file_.size() > 0) {
    if (headers().range_total() == file_.size()) return true;
    MARQUEE_CHECK(file_.restart());
    return false;
  }
  if (status < 200 || status >= 300) return status_error(request_.url, status);
  if (!body_begun_) MARQUEE_CHECK(begin_body(status));  // an empty file
  MARQUEE_CHECK(check_size(file_.size()));
  return true;
}

Result<void> wait_before_retry(int failures, const PullOptions& options, const PullMonitor& monitor) {
  const auto delay = std::chrono::milliseconds(options.retry_delay_ms) * (1 << std::min(failures - 1, 5));
  const auto until = std::chrono::steady_clock::now() + delay;
  while (std::chrono::steady_clock::now() < until) {
    if (monitor.is_cancelled()) return PullMonitor::cancelled_error();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

class TextTransfer final : public Transfer {
 public:
  TextTransfer(const std::string& url, std::size_t max_bytes, const PullOptions& options, PullMonitor& monitor)
      : Transfer(options, monitor, url), url_(url), max_bytes_(max_bytes) {}
  std::string& text() { return text_; }

 private:
  Result<void> take_body(long, std::span<const std::byte> bytes) override {
    if (bytes.size() > max_bytes_ - text_.size()) {
      return Error{ErrorCode::kTooLarge, url_ + ": the answer has more than " + std::to_string(max_bytes_) + " bytes"};
    }
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<void> at_progress() override {
    if (monitor().is_cancelled()) return PullMonitor::cancelled_error();
    return {};
  }

  std::string url_;
  std::size_t max_bytes_;
  std::string text_;
};

}  // namespace

Result<void> download(const DownloadRequest& request, const PullOptions& options, PullMonitor& monitor) {
  MARQUEE_ASSIGN(auto file, base::OutputFile::append(request.destination));
  FileTransfer transfer(request, options, monitor, std::move(file));
  monitor.begin(PullStage::kDownloading, request.shown_name, request.expected_bytes.value_or(0));
  int failures = 0;
  std::uint64_t size_at_failure = 0;
  for (;;) {
    auto whole = transfer.attempt();
    if (whole && *whole) return transfer.file().finish();
    const std::uint64_t size = transfer.file().size();
    if (size > size_at_failure + kProgressThatForgivesRetries) failures = 0;
    size_at_failure = size;
    ++failures;
    if (!whole && (!transfer.may_pass() || failures > options.retries)) return std::move(whole).error();
    if (whole && failures > options.retries) {
      return base::io_error(request.url + ": the server does not agree with itself about the file's size");
    }
    MARQUEE_CHECK(wait_before_retry(failures, options, monitor));
  }
}

Result<std::string> fetch_text(const std::string& url, const std::string& bearer_token, std::size_t max_bytes,
                               const PullOptions& options, PullMonitor& monitor) {
  TextTransfer transfer(url, max_bytes, options, monitor);
  for (int failures = 1;; ++failures) {
    transfer.text().clear();
    auto status = transfer.run(bearer_token, {"Accept: application/json"});
    if (status && *status >= 200 && *status < 300) return std::move(transfer.text());
    if (!transfer.may_pass() || failures > options.retries) {
      return status ? status_error(url, *status) : std::move(status).error();
    }
    MARQUEE_CHECK(wait_before_retry(failures, options, monitor));
  }
}

std::string escape_url_path(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const unsigned char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || c == '/';
    if (plain) {
      escaped += static_cast<char>(c);
    } else {
      escaped += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return escaped;
}

}  // namespace marquee::serving
