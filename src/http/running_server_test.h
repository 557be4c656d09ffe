#pragma once
// A whole server in this process, over a model without weights: its threads, under every sanitizer.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log.h"
#include "http/server.h"
#include "platform/files.h"
#include "platform/keys.h"
#include "platform/open_store_test.h"
#include "platform/usage.h"
#include "serving/fake_model_test.h"
#include "serving/model_loader.h"

namespace marquee::http {

using namespace std::chrono_literals;
using serving::testing::FakeModel;
using serving::testing::FakeTokenizer;
using serving::testing::StepGate;

constexpr auto kPatience = 60s;  // for what must happen at once, on a machine that may be very slow

/// Blocks until `condition` holds. @return whether it came to hold
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// A connection that speaks bytes.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << std::strerror(errno);
  }
  ~Client() { leave(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void leave() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Reads until `text` has come or the server has closed; what was read stays.
  bool read_until(std::string_view text) {
    while (received_.find(text) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  std::string read_to_the_end() {
    while (read_some()) {
    }
    return received_;
  }
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  bool read_some() {
    char buffer[16'384];
    const auto size = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }
  int socket_;
  std::string received_;
};

class ServerTest : public platform::OpenStoreTest {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::err);
    OpenStoreTest::SetUp();
    auto keys = platform::KeyService::open(*database_, folder_);
    ASSERT_TRUE(keys) << keys.error().message;
    keys_ = std::move(*keys);
    usage_ = std::make_unique<platform::UsageService>(*database_);
    auto files = platform::FileService::open(*database_, folder_ / "files");
    ASSERT_TRUE(files) << files.error().message;
    files_ = std::move(*files);
    key_ = keys_->ensure_first_key().value()->secret;
  }

  void start(ServerOptions options = {}, serving::EngineOptions engine_options = {}) {
    options.port = 0;
    options.io_threads = 2;
    engine_options.threads = 2;
    engine_options.memory_budget_bytes = 64 << 20;
    engine_options.kv_bytes_per_model = 4 << 20;
    auto engine = serving::create_engine(engine_options, {{"fake", folder_ / "fake"}},
                                         [this](const auto&, auto&, const auto&) -> base::Result<serving::ModelParts> {
                                           serving::ModelParts parts;
                                           parts.tokenizer = std::make_unique<FakeTokenizer>();
                                           auto model = std::make_unique<FakeModel>(4096);
                                           model->set_hook([this](const FakeModel::Step&) { return pass_gate(); });
                                           parts.model = std::move(model);
                                           return parts;
                                         });
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
    auto server = Server::create(options, *engine_, *keys_, *usage_, *files_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    runner_ = std::thread([this] { server_->run(); });
  }

  void stop() {
    if (!runner_.joinable()) return;
    server_->stop();
    end();
  }
  void end() {
    runner_.join();
    EXPECT_EQ(server_->active_requests(), 0);
    server_.reset();
    engine_.reset();
  }
  void TearDown() override {
    gate_.open();
    stop();
    files_.reset();
    usage_.reset();
    keys_.reset();
    OpenStoreTest::TearDown();
    spdlog::set_level(spdlog::level::info);
  }

  base::Result<void> pass_gate() { return gated_ ? gate_.pass() : base::Result<void>{}; }

  [[nodiscard]] std::string request_text(std::string_view method, std::string_view path, std::string_view body = {},
                                         std::string_view more = {}) const {
    std::string text = std::string(method) + " " + std::string(path) +
                       " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key_ + "\r\n" + std::string(more);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + std::string(body);
  }
  [[nodiscard]] std::string generation(std::string_view extra = {}) const {
    return request_text("POST", "/v1/completions",
                        R"({"model": "fake", "prompt": "abc", "ignore_eos": true)" + std::string(extra) + "}");
  }
  /// One request on a connection of its own: the whole answer.
  std::string ask(const std::string& text) {
    Client client(server_->port());
    client.send(text.substr(0, text.find("\r\n") + 2) + "Connection: close\r\n" + text.substr(text.find("\r\n") + 2));
    return client.read_to_the_end();
  }
  platform::UsageSum bill() {
    const auto report = usage_->report(platform::local_operator(), {});
    return report ? report->total : platform::UsageSum{};
  }

  std::unique_ptr<platform::KeyService> keys_;
  std::unique_ptr<platform::UsageService> usage_;
  std::unique_ptr<platform::FileService> files_;
  std::unique_ptr<serving::Engine> engine_;
  std::unique_ptr<Server> server_;
  std::thread runner_;
  std::string key_;
  std::atomic<bool> gated_{false};
  StepGate gate_;
};

inline bool has_status(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

}  // namespace marquee::http
