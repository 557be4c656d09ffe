#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "http/endpoints/files.h"
#include "http/error_response.h"
#include "http/services.h"

namespace marquee::http {

namespace {

constexpr std::size_t kReadAtOnce = 64 * 1024;

/// RFC 6266: an ASCII name for everyone, and the whole one for those who know RFC 8187.
std::string content_disposition(std::string_view filename) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string plain;
  std::string encoded;
  for (const char c : filename) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '.' || c == '-' || c == '_') {
      plain.push_back(c);
      encoded.push_back(c);
      continue;
    }
    plain.push_back(byte < 0x80 && byte >= 0x20 && c != '"' && c != '\\' && c != '%' && byte != 0x7F ? c : '_');
    encoded.push_back('%');
    encoded.push_back(kHex[byte >> 4]);
    encoded.push_back(kHex[byte & 15]);
  }
  std::string value = "attachment; filename=\"" + plain + "\"";
  if (plain != filename) value += "; filename*=UTF-8''" + encoded;
  return value;
}

/// Reads on whenever the exchange has room, on a disk thread, never on two at once.
class ContentStream : public std::enable_shared_from_this<ContentStream> {
 public:
  ContentStream(std::shared_ptr<Call> call, platform::FileContent content)
      : call_(std::move(call)), content_(std::move(content)), left_(content_.info().bytes) {}

  void start() {
    Response head{.content_type = "application/octet-stream", .stream_bytes = left_};
    head.headers.emplace_back("content-disposition", content_disposition(content_.info().filename));
    Exchange& exchange = *call_->exchange;
    exchange.on_ready([self = shared_from_this()] { self->schedule(); });  // let go of when the exchange ends
    exchange.begin_stream(std::move(head));
    if (call_->request.head.method == Method::kHead || left_ == 0) {
      exchange.end_stream();
    } else {
      schedule();
    }
  }

 private:
  void schedule() {
    if (wanted_.fetch_add(1) > 0) return;  // whoever runs goes on
    call_->services.disk.post([self = shared_from_this()] { self->run(); });
  }

  void run() {
    int seen = wanted_;
    do {
      fill();
      seen = wanted_.fetch_sub(seen) - seen;
    } while (seen != 0);
  }

  void fill() {
    Exchange& exchange = *call_->exchange;
    while (left_ > 0 && !exchange.gone() && exchange.ready()) {
      auto size = content_.read(std::span(buffer_).first(std::min<std::uint64_t>(left_, buffer_.size())));
      if (!size || *size == 0) {
        // The head has promised more: only cutting the connection says that they will not come.
        spdlog::error("file '{}': {}", content_.info().id, size ? "it is shorter than it was" : size.error().message);
        left_ = 0;
        exchange.end_stream(false);
        return;
      }
      left_ -= *size;
      if (!exchange.write({buffer_.data(), *size})) return;
      if (left_ == 0) exchange.end_stream();
    }
  }

  std::shared_ptr<Call> call_;
  platform::FileContent content_;
  std::uint64_t left_;
  std::atomic<int> wanted_{0};
  std::array<char, kReadAtOnce> buffer_;
};

}  // namespace

void send_file_content(std::shared_ptr<Call> call) {
  auto content =
      call->services.files.open_content(call->request.principal.tenant, std::string(call->request.path_param("id")));
  if (!content) {
    call->exchange->respond(error_response(content.error()));
    return;
  }
  std::make_shared<ContentStream>(std::move(call), std::move(*content))->start();
}

}  // namespace marquee::http
