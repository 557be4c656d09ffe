#include "http/server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "http/net/session.h"
#include "http/router.h"

namespace marquee::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

/// Connections over the cap that may be told so at the same time; more are closed without a word.
constexpr std::int32_t kMaxRefusals = 64;
constexpr milliseconds kAcceptRetry{50};  ///< after running out of file descriptors or memory
constexpr milliseconds kDrainPoll{20};
constexpr milliseconds kCancelGrace{2'000};  ///< for cancelled requests to be billed and answered
constexpr int kLastTurns = 1'000;
constexpr milliseconds kLastWait{10'000};  ///< for handlers that do not end; then it is a bug

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, serving::Engine& engine, platform::KeyService& keys, platform::UsageService& usage,
       platform::FileService& files)
      : services_(std::make_shared<Services>(options, engine, keys, usage, files)) {
    for (unsigned i = 0; i < std::max(1U, options.io_threads); ++i) lanes_.push_back(std::make_shared<IoLane>());
    acceptor_ = std::make_unique<tcp::acceptor>(lanes_.front()->io);
    retry_timer_ = std::make_unique<asio::steady_timer>(lanes_.front()->io);
    drain_timer_ = std::make_unique<asio::steady_timer>(lanes_.front()->io);
  }

  base::Result<void> listen();
  void run();
  void begin_drain();
  void stop();
  void wait_for_calls();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  Services& services() { return *services_; }

 private:
  void accept();
  void admit(tcp::socket socket, std::size_t lane);
  void watch_drain();
  void for_each_session(void (SessionHandle::*action)());
  void end();
  void finish_sessions();
  void stop_soon(const std::shared_ptr<IoLane>& lane, int turns);

  std::shared_ptr<Services> services_;
  std::vector<std::shared_ptr<IoLane>> lanes_;
  std::shared_ptr<asio::ssl::context> tls_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> retry_timer_;
  std::unique_ptr<asio::steady_timer> drain_timer_;
  std::size_t next_lane_ = 0;
  std::uint16_t port_ = 0;
  std::atomic<std::int32_t> connections_{0};
  std::atomic<std::int32_t> refusals_{0};
  Clock::time_point drain_deadline_{};
  bool cancelled_ = false;
};

base::Result<void> Server::Impl::listen() {
  const ServerOptions& options = services_->options;
  if (!options.tls.certificate_chain.empty() || !options.tls.private_key.empty()) {
    MARQUEE_ASSIGN(tls_, make_tls_context(options.tls));
  }
  error_code code;
  const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, code);
  if (code) return base::invalid_argument("'" + options.address + "' is not an IP address", "address");
  const tcp::endpoint endpoint(address, options.port);
  const auto failed = [&](const char* what) {
    return base::io_error(std::string("cannot ") + what + " " + options.address + ":" + std::to_string(options.port) +
                          ": " + code.message());
  };
  if (acceptor_->open(endpoint.protocol(), code); code) return failed("open a socket for");
  if (acceptor_->set_option(tcp::acceptor::reuse_address(true), code); code) return failed("prepare");
  if (acceptor_->bind(endpoint, code); code) return failed("listen on");
  if (acceptor_->listen(asio::socket_base::max_listen_connections, code); code) return failed("listen on");
  port_ = acceptor_->local_endpoint(code).port();
  return {};
}

void Server::Impl::accept() {
  const std::size_t lane = next_lane_++ % lanes_.size();
  acceptor_->async_accept(lanes_[lane]->io, [this, lane](error_code code, tcp::socket socket) {
    if (code == asio::error::operation_aborted || !acceptor_->is_open()) return;
    if (!code) {
      admit(std::move(socket), lane);
      accept();
      return;
    }
    if (code == asio::error::connection_aborted) {
      accept();
      return;
    }
    spdlog::warn("cannot accept a connection: {}", code.message());
    retry_timer_->expires_after(kAcceptRetry);
    retry_timer_->async_wait([this](error_code stopped) {
      if (!stopped) accept();
    });
  });
}

void Server::Impl::admit(tcp::socket socket, std::size_t lane_index) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const bool refused = connections_ >= services_->options.limits.max_connections;
  std::atomic<std::int32_t>& counter = refused ? refusals_ : connections_;
  if (refused && refusals_ >= kMaxRefusals) {
    services_->metrics.connection_refused();
    return;
  }
  ++counter;
  auto transport = tls_ ? make_tls_transport(std::move(socket), *tls_) : make_plain_transport(std::move(socket));
  const std::shared_ptr<IoLane>& lane = lanes_[lane_index];
  const SessionKind kind = refused ? SessionKind::kRefuse : SessionKind::kServe;
  asio::dispatch(lane->io, [kind, transport = std::move(transport), lane, services = services_, &counter]() mutable {
    start_session(kind, std::move(transport), lane, services, [&counter] { --counter; });
  });
}

void Server::Impl::run() {
  accept();
  std::vector<std::thread> threads;
  const auto work = [](IoLane& lane) {
    const auto guard = asio::make_work_guard(lane.io);
    lane.io.run();
  };
  for (std::size_t i = 1; i < lanes_.size(); ++i) threads.emplace_back(work, std::ref(*lanes_[i]));
  work(*lanes_.front());
  for (std::thread& thread : threads) thread.join();
  finish_sessions();
}

/// A coroutine that has not ended keeps its lane, and the lane keeps the coroutine: those that were left behind, or
/// were just about to begin, end here.
void Server::Impl::finish_sessions() {
  const auto deadline = Clock::now() + kLastWait;
  bool some_left = true;
  while (some_left && Clock::now() < deadline) {
    some_left = false;
    for (const auto& lane : lanes_) {
      lane->io.restart();
      lane->io.poll();
      const std::vector<SessionHandle*> sessions(lane->sessions.begin(), lane->sessions.end());
      for (SessionHandle* session : sessions) session->abort();
      some_left = some_left || !sessions.empty();
    }
    if (some_left) std::this_thread::sleep_for(milliseconds(1));
  }
}

void Server::Impl::begin_drain() {
  if (services_->draining.exchange(true)) return;
  services_->engine.drain();
  asio::post(lanes_.front()->io, [this] {
    drain_deadline_ = Clock::now() + services_->options.drain_timeout;
    for_each_session(&SessionHandle::drain);
    watch_drain();
  });
}

void Server::Impl::watch_drain() {
  if (services_->active_requests == 0) {
    end();
    return;
  }
  if (Clock::now() >= drain_deadline_) {
    if (cancelled_) {
      end();
      return;
    }
    spdlog::warn("{} requests did not finish in time and are cancelled", services_->active_requests.load());
    cancelled_ = true;
    drain_deadline_ = Clock::now() + kCancelGrace;
    for_each_session(&SessionHandle::abort);
  }
  drain_timer_->expires_after(kDrainPoll);
  drain_timer_->async_wait([this](error_code code) {
    if (!code) watch_drain();
  });
}

void Server::Impl::for_each_session(void (SessionHandle::*action)()) {
  for (const auto& lane : lanes_) {
    asio::dispatch(lane->io, [lane, action] {
      const std::vector<SessionHandle*> sessions(lane->sessions.begin(), lane->sessions.end());
      for (SessionHandle* session : sessions) (session->*action)();
    });
  }
}

void Server::Impl::end() {
  error_code ignored;
  acceptor_->close(ignored);
  for_each_session(&SessionHandle::abort);
  for (const auto& lane : lanes_) stop_soon(lane, kLastTurns);
}

/// Gives the connections' coroutines a few turns to end before their thread leaves them.
void Server::Impl::stop_soon(const std::shared_ptr<IoLane>& lane, int turns) {
  asio::post(lane->io, [this, lane, turns] {
    if (turns == 0 || lane->sessions.empty()) {
      lane->io.stop();
    } else {
      stop_soon(lane, turns - 1);
    }
  });
}

void Server::Impl::stop() {
  services_->draining = true;
  asio::post(lanes_.front()->io, [this] { end(); });
}

/// Generations hear that their client left, and end within a step; what they used is billed before the engine goes.
void Server::Impl::wait_for_calls() {
  const auto deadline = Clock::now() + kLastWait;
  while (services_->active_requests > 0) {
    if (Clock::now() > deadline) {
      spdlog::error("{} requests did not end", services_->active_requests.load());
      return;
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { impl_->wait_for_calls(); }

base::Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, serving::Engine& engine,
                                                     platform::KeyService& keys, platform::UsageService& usage,
                                                     platform::FileService& files) {
  auto impl = std::make_unique<Impl>(options, engine, keys, usage, files);
  MARQUEE_CHECK(impl->listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }
void Server::set_ready(bool ready) { impl_->services().ready = ready; }
void Server::run() {
  impl_->run();
  impl_->wait_for_calls();
}
void Server::begin_drain() { impl_->begin_drain(); }
void Server::stop() { impl_->stop(); }
std::int64_t Server::active_requests() const { return impl_->services().active_requests; }

}  // namespace marquee::http
