#pragma once
// A web server for the download tests: one thread, one connection at a time, on a free port of 127.0.0.1. A test's
// handler decides what it answers, also against the rules.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace marquee::serving {

struct TestHttpRequest {
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct TestHttpReply {
  int status = 200;
  std::vector<std::string> headers;
  std::string body;
  std::size_t cut_after = std::string::npos;  // bytes of the body that are sent before the connection breaks
  bool say_length = true;
  int stall_ms = 0;  // before the body
};

class TestHttpServer {
 public:
  using Handler = std::function<TestHttpReply(const TestHttpRequest&)>;

  explicit TestHttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 8);
    socklen_t length = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestHttpServer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  TestHttpServer(const TestHttpServer&) = delete;
  TestHttpServer& operator=(const TestHttpServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::vector<TestHttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stop_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == std::string::npos) {
      const auto got = ::recv(connection, buffer, sizeof(buffer), 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    const TestHttpRequest request = parse(text);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const TestHttpReply reply = handler_(request);
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nConnection: close\r\n";
    for (const auto& header : reply.headers) head += header + "\r\n";
    if (reply.say_length) head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    send_all(connection, head + "\r\n");
    for (int waited = 0; waited < reply.stall_ms && !stop_; waited += 10) ::usleep(10'000);
    send_all(connection, std::string_view(reply.body).substr(0, reply.cut_after));
  }

  static void send_all(int connection, std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  static TestHttpRequest parse(const std::string& text) {
    TestHttpRequest request;
    request.path = text.substr(4, text.find(' ', 4) - 4);
    for (std::size_t at = text.find("\r\n") + 2; at < text.size();) {
      const auto end = text.find("\r\n", at);
      const auto colon = text.find(':', at);
      if (end == std::string::npos || colon > end) break;
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return request;
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<TestHttpRequest> requests_;
  std::thread thread_;
};

/// What a file server does: ranges, If-Range, 416.
inline TestHttpReply serve_file(const TestHttpRequest& request, const std::string& content, const std::string& etag) {
  TestHttpReply reply;
  reply.headers = {"ETag: " + etag, "Accept-Ranges: bytes"};
  const auto range = request.headers.find("range");
  const auto condition = request.headers.find("if-range");
  if (range == request.headers.end() || (condition != request.headers.end() && condition->second != etag)) {
    reply.body = content;
    return reply;
  }
  const std::size_t begin = std::stoul(range->second.substr(6));  // bytes=N-
  const std::string total = std::to_string(content.size());
  if (begin >= content.size()) {
    reply.status = 416;
    reply.headers.push_back("Content-Range: bytes */" + total);
    return reply;
  }
  reply.status = 206;
  reply.headers.push_back("Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(content.size() - 1) +
                          "/" + total);
  reply.body = content.substr(begin);
  return reply;
}

}  // namespace marquee::serving
