#include "http/net/session.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "http/error_response.h"
#include "http/net/response_head.h"
#include "http/request_id.h"
#include "http/router.h"
#include "http/wire/request_reader.h"

namespace marquee::http {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kReadBytes = 4 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;
/// Most pipelined bytes taken in while a request is being answered; after that the client's FIN is polled for.
constexpr std::size_t kPipelineBytes = 64 * 1024;
constexpr milliseconds kFinPoll{200};
/// A refused request's body is read and dropped up to this size to keep the connection.
constexpr std::size_t kDiscardBytes = 64 * 1024;
constexpr milliseconds kLinger{1'000};
constexpr milliseconds kStreamKeepAlive{15'000};
constexpr int kStreamSendBufferBytes = 64 * 1024;
constexpr std::string_view kKeepAliveComment = ": waiting\n\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

class Session final : public TransportEvents, public SessionHandle {
 public:
  Session(std::unique_ptr<Transport> transport, std::shared_ptr<IoLane> lane, std::shared_ptr<Services> services)
      : transport_(std::move(transport)),
        lane_(std::move(lane)),
        services_(std::move(services)),
        limits_(services_->options.limits),
        wake_(lane_->io, Clock::time_point::max()),
        alarm_(lane_->io) {}

  asio::awaitable<void> serve();
  asio::awaitable<void> refuse();

  void drain() override { signal(); }
  void abort() override {
    aborted_ = true;
    transport_->close();
    if (exchange_) exchange_->mark_gone();
    signal();
  }

  void on_handshake(bool ok) override {
    handshake_ = ok ? Stage::kDone : Stage::kFailed;
    signal();
  }
  void on_read(std::size_t bytes) override {
    reading_ = false;
    if (bytes == 0) {
      end_of_input_ = true;
    } else {
      input_.append(read_chunk_.data(), bytes);
    }
    signal();
  }
  void on_write(bool ok, std::size_t bytes) override {
    write_ = ok ? Stage::kDone : Stage::kFailed;
    written_ = bytes;
    signal();
  }
  void on_shutdown() override {
    shut_down_ = true;
    signal();
  }

 private:
  enum class Stage : std::uint8_t { kIdle, kBusy, kDone, kFailed };
  enum class HeadOutcome : std::uint8_t { kRequest, kRefused, kClosed };
  enum class BodyOutcome : std::uint8_t { kWhole, kRefused, kClosed };

  void signal() {
    signalled_ = true;
    wake_.cancel();
  }
  asio::awaitable<bool> wait_until(Clock::time_point deadline);
  void set_alarm();
  void start_read(std::size_t size);
  asio::awaitable<bool> handshake();
  asio::awaitable<HeadOutcome> read_head(RequestReader& reader, bool first);
  asio::awaitable<BodyOutcome> read_body(RequestReader& reader, milliseconds time, BodyShare* share);
  asio::awaitable<bool> answer(RequestReader& reader);
  asio::awaitable<bool> refuse_early(RequestReader& reader, const Response& refusal);
  asio::awaitable<bool> run_call(RequestReader& reader, std::shared_ptr<Call> call, const Route& route);
  asio::awaitable<bool> pump(const RequestHead& head);
  asio::awaitable<bool> pump_stream(const RequestHead& head, Exchange::Piece piece);
  asio::awaitable<bool> wait_for_piece(Exchange::Piece& piece, bool streaming);
  asio::awaitable<bool> send_response(const Response& response, const RequestHead& head);
  asio::awaitable<bool> write_all(std::string_view bytes);
  asio::awaitable<void> linger();
  void watch(const std::shared_ptr<Exchange>& exchange);
  void finish_log(const RequestHead& head, const Route* route);

  std::unique_ptr<Transport> transport_;
  std::shared_ptr<IoLane> lane_;
  std::shared_ptr<Services> services_;
  const Limits& limits_;
  asio::steady_timer wake_;  ///< never expires: cancelling it resumes whoever waits
  bool signalled_ = false;
  // The next deadline is mostly later than the last one was: a timer is set for the earliest and, when it comes, again
  // for what is left. So a stream's pieces cost no system call for timers.
  asio::steady_timer alarm_;
  Clock::time_point alarm_at_ = Clock::time_point::max();
  std::optional<Clock::time_point> deadline_;  ///< while somebody waits
  std::atomic<bool> notified_{false};
  bool aborted_ = false;

  std::string input_;       ///< read and not yet used
  std::string read_chunk_;  ///< what a read under way fills
  bool reading_ = false;
  bool end_of_input_ = false;
  Stage handshake_ = Stage::kIdle;
  Stage write_ = Stage::kIdle;
  std::size_t written_ = 0;
  bool shut_down_ = false;

  std::shared_ptr<Exchange> exchange_;
  bool keep_alive_ = false;
  std::string request_id_;
  std::string tenant_;
  int status_ = 0;
  std::uint64_t sent_bytes_ = 0;
  Clock::time_point begun_{};
};

/// Sleeps until something happens or the deadline comes. @return false if it was the deadline
asio::awaitable<bool> Session::wait_until(Clock::time_point deadline) {
  if (!signalled_) {
    deadline_ = deadline;
    set_alarm();
    co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
    deadline_.reset();
  }
  co_return std::exchange(signalled_, false);
}

void Session::set_alarm() {
  if (alarm_at_ <= *deadline_) return;
  alarm_at_ = *deadline_;
  alarm_.expires_at(alarm_at_);
  alarm_.async_wait([weak = weak_from_this(), this](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self) return;
    alarm_at_ = Clock::time_point::max();
    if (!deadline_) return;
    if (Clock::now() >= *deadline_) {
      wake_.cancel();
    } else {
      set_alarm();
    }
  });
}

void Session::start_read(std::size_t size) {
  if (reading_ || end_of_input_ || aborted_) return;
  if (read_chunk_.size() != size) {
    read_chunk_.resize(size);
    read_chunk_.shrink_to_fit();
  }
  reading_ = true;
  transport_->read_some(*this, read_chunk_.data(), read_chunk_.size());
}

asio::awaitable<bool> Session::handshake() {
  handshake_ = Stage::kBusy;
  transport_->handshake(*this);
  const auto deadline = Clock::now() + limits_.header_timeout;
  while (handshake_ == Stage::kBusy && !aborted_) {
    if (!co_await wait_until(deadline)) {
      transport_->close();
      co_return false;
    }
  }
  co_return handshake_ == Stage::kDone && !aborted_;
}

asio::awaitable<Session::HeadOutcome> Session::read_head(RequestReader& reader, bool first) {
  auto deadline = Clock::now() + (first ? limits_.header_timeout : limits_.idle_timeout);
  bool begun = false;
  while (!aborted_) {
    if (!input_.empty()) {
      if (!begun && !first) deadline = Clock::now() + limits_.header_timeout;
      begun = true;
      std::size_t consumed = 0;
      const auto step = reader.read_head(input_, consumed);
      if (step == RequestReader::Step::kError) co_return HeadOutcome::kRefused;
      if (step == RequestReader::Step::kDone) {
        input_.erase(0, consumed);
        co_return HeadOutcome::kRequest;
      }
    }
    if (end_of_input_ || (services_->draining && !begun && !first)) co_return HeadOutcome::kClosed;
    start_read(kReadBytes);
    if (!co_await wait_until(deadline)) {
      if (begun) {
        co_await send_response(error_response(408, "the headers took too long", "header_timeout"), reader.head());
      }
      co_return HeadOutcome::kClosed;
    }
  }
  co_return HeadOutcome::kClosed;
}

/// @param share counts what is held; null for a body that is dropped
asio::awaitable<Session::BodyOutcome> Session::read_body(RequestReader& reader, milliseconds time, BodyShare* share) {
  const auto deadline = Clock::now() + time;
  const bool large = reader.head().chunked || reader.head().content_length > kBodyReadBytes;
  while (!aborted_) {
    std::size_t consumed = 0;
    const auto step = reader.read_body(input_, consumed);
    input_.erase(0, consumed);
    if (share != nullptr && !share->hold(reader.body_bytes(), limits_.max_bodies_bytes)) {
      share->release();  // before others are refused for its sake
      co_await send_response(error_response(503, "too many large requests at once; try again later", "overloaded"),
                             reader.head());
      co_return BodyOutcome::kRefused;
    }
    if (step == RequestReader::Step::kDone) co_return BodyOutcome::kWhole;
    if (step == RequestReader::Step::kError) {
      co_await send_response(error_response(reader.error().status, reader.error().message,
                                            reader.error().status == 413 ? "too_large" : "malformed_request"),
                             reader.head());
      co_return BodyOutcome::kRefused;
    }
    if (end_of_input_) break;
    start_read(large ? kBodyReadBytes : kReadBytes);
    if (!co_await wait_until(deadline)) {
      co_await send_response(error_response(408, "the body took too long", "body_timeout"), reader.head());
      co_return BodyOutcome::kRefused;
    }
  }
  co_return BodyOutcome::kClosed;
}

asio::awaitable<void> Session::serve() {
  if (!co_await handshake()) co_return;
  for (bool first = true; !aborted_; first = false) {
    RequestReader reader({limits_.max_header_bytes, limits_.max_target_bytes, limits_.max_body_bytes});
    keep_alive_ = false;
    request_id_ = {};
    const HeadOutcome outcome = co_await read_head(reader, first);
    if (outcome == HeadOutcome::kClosed) break;
    begun_ = Clock::now();
    request_id_ = new_request_id();
    if (outcome == HeadOutcome::kRefused) {
      const WireError& fault = reader.error();
      co_await send_response(error_response(fault.status, fault.message, "malformed_request"), reader.head());
      finish_log(reader.head(), nullptr);
      break;
    }
    if (!co_await answer(reader)) break;
  }
  co_await linger();
}

asio::awaitable<void> Session::refuse() {
  if (!transport_->encrypted()) {
    services_->metrics.connection_refused();
    const RequestHead unread;  // named: g++ 12 destroys a braced temporary of a co_await expression twice
    co_await send_response(error_response(503, "too many connections; try again later", "too_many_connections"),
                           unread);
    co_await linger();
  }
  transport_->close();
}

/// @return whether the connection goes on
asio::awaitable<bool> Session::answer(RequestReader& reader) {
  struct Active {
    explicit Active(Services& the_services) : services(the_services) { ++services.active_requests; }
    ~Active() { --services.active_requests; }
    Services& services;
  };
  auto call = std::make_shared<Call>(*services_);
  call->request.id = request_id_;
  call->request.head = reader.head();
  const RequestHead& head = reader.head();
  keep_alive_ = head.keep_alive && !services_->draining;
  const Router::Admission admission = services_->router->admit(*services_, call->request);
  tenant_ = call->request.principal.tenant;
  bool goes_on = false;
  if (admission.refusal) {
    goes_on = co_await refuse_early(reader, *admission.refusal);
  } else {
    call->active = std::make_shared<Active>(*services_);
    goes_on = co_await run_call(reader, std::move(call), *admission.route);
  }
  finish_log(head, admission.route);
  co_return goes_on;
}

/// Answers before the body is read. A small body is read and dropped, so that the connection can be kept.
asio::awaitable<bool> Session::refuse_early(RequestReader& reader, const Response& refusal) {
  const RequestHead& head = reader.head();
  if (head.has_body()) {
    if (head.expects_continue || head.chunked || head.content_length > kDiscardBytes) {
      keep_alive_ = false;
    } else if (const BodyOutcome outcome = co_await read_body(reader, limits_.header_timeout, nullptr);
               outcome != BodyOutcome::kWhole) {
      co_return false;
    }
  }
  co_return co_await send_response(refusal, head) && keep_alive_;
}

asio::awaitable<bool> Session::run_call(RequestReader& reader, std::shared_ptr<Call> call, const Route& route) {
  const RequestHead& head = reader.head();
  if (head.has_body()) {
    if (head.expects_continue && input_.empty() && !co_await write_all(kContinue)) co_return false;
    const bool keep_alive = std::exchange(keep_alive_, false);
    if (co_await read_body(reader, limits_.body_timeout, &call->body_share) != BodyOutcome::kWhole) co_return false;
    keep_alive_ = keep_alive;
    call->request.body = reader.take_body();
  }
  exchange_ = call->exchange;
  const std::shared_ptr<void> active = call->active;  // running until the answer is written
  Router::dispatch(route, std::move(call));
  watch(exchange_);
  const bool goes_on = co_await pump(head);
  exchange_->mark_gone();
  exchange_.reset();
  co_return goes_on;
}

void Session::watch(const std::shared_ptr<Exchange>& exchange) {
  exchange->set_notify([lane = lane_, weak = weak_from_this(), raw = this] {
    const auto self = weak.lock();
    if (!self || raw->notified_.exchange(true)) return;
    asio::post(lane->io, [weak, raw] {
      const auto session = weak.lock();
      if (!session) return;
      raw->notified_ = false;
      raw->signal();
    });
  });
}

/// Waits for the next part of the answer. @return false if the client left, or is to be left
asio::awaitable<bool> Session::wait_for_piece(Exchange::Piece& piece, bool streaming) {
  auto keep_alive_at = Clock::now() + kStreamKeepAlive;
  while (!aborted_) {
    piece = exchange_->take();
    if (!piece.empty()) co_return true;
    if (end_of_input_ && exchange_->cancellable()) co_return false;
    const bool full = input_.size() >= kPipelineBytes;
    if (!full) start_read(kReadBytes);
    const bool happened = co_await wait_until(full ? std::min(keep_alive_at, Clock::now() + kFinPoll) : keep_alive_at);
    if (full && transport_->peer_closed()) co_return false;
    if (happened || Clock::now() < keep_alive_at) continue;
    if (streaming) {
      piece.bytes = kKeepAliveComment;
      co_return true;
    }
    keep_alive_at = Clock::now() + kStreamKeepAlive;
  }
  co_return false;
}

asio::awaitable<bool> Session::pump(const RequestHead& head) {
  Exchange::Piece piece;
  if (!co_await wait_for_piece(piece, false)) {
    status_ = 499;
    co_return false;
  }
  if (piece.response) co_return co_await send_response(*piece.response, head) && keep_alive_;
  co_return co_await pump_stream(head, std::move(piece));
}

asio::awaitable<bool> Session::pump_stream(const RequestHead& head, Exchange::Piece piece) {
  transport_->limit_send_buffer(kStreamSendBufferBytes);
  const bool chunked = head.minor_version == 1;
  if (!chunked) keep_alive_ = false;
  if (!piece.head) co_return false;
  status_ = piece.head->status;
  std::string out = response_head(*piece.head, {.framing = chunked ? Framing::kChunked : Framing::kClose,
                                                .keep_alive = keep_alive_ && !services_->draining,
                                                .minor_version = head.minor_version,
                                                .request_id = request_id_});
  keep_alive_ = keep_alive_ && !services_->draining;
  const bool has_content = head.method != Method::kHead;
  while (true) {
    if (!piece.bytes.empty() && has_content) {
      std::array<char, 20> size{};
      const auto [end, error] = std::to_chars(size.data(), size.data() + size.size(), piece.bytes.size(), 16);
      if (chunked) out.append(size.data(), end).append("\r\n");
      out += piece.bytes;
      if (chunked) out += "\r\n";
    }
    if (piece.ended && piece.complete && chunked && has_content) out += "0\r\n\r\n";
    if (!co_await write_all(out)) co_return false;
    exchange_->sent(piece.counted_bytes);
    if (piece.ended) co_return piece.complete&& keep_alive_;
    out.clear();
    if (!co_await wait_for_piece(piece, true)) co_return false;
  }
}

asio::awaitable<bool> Session::send_response(const Response& response, const RequestHead& head) {
  status_ = response.status;
  keep_alive_ = keep_alive_ && !services_->draining;
  std::string out = response_head(
      response, {.keep_alive = keep_alive_, .minor_version = head.minor_version, .request_id = request_id_});
  if (head.method != Method::kHead) out += response.body;
  co_return co_await write_all(out);
}

/// @return false if the client is gone or takes nothing for too long; the transport is closed then
asio::awaitable<bool> Session::write_all(std::string_view bytes) {
  sent_bytes_ += bytes.size();
  while (!bytes.empty() && !aborted_) {
    if (const std::size_t taken = transport_->write_now(bytes.substr(0, kWriteBytes)); taken > 0) {
      bytes.remove_prefix(taken);
      continue;
    }
    write_ = Stage::kBusy;
    transport_->write_some(*this, bytes.substr(0, kWriteBytes));
    const auto deadline = Clock::now() + limits_.write_timeout;
    while (write_ == Stage::kBusy) {
      if (!co_await wait_until(deadline)) transport_->close();  // which ends the write
    }
    if (write_ == Stage::kFailed) {
      transport_->close();
      aborted_ = true;
      co_return false;
    }
    bytes.remove_prefix(written_);
  }
  co_return !aborted_;
}

/// Lets the client read the last answer: closing with bytes unread would reset the connection (RFC 9112, 9.6).
asio::awaitable<void> Session::linger() {
  if (!aborted_ && !(end_of_input_ && transport_->encrypted())) {
    transport_->shutdown_write(*this);
    const auto deadline = Clock::now() + kLinger;
    std::size_t discarded = 0;
    while (!aborted_ && !end_of_input_ && discarded < limits_.max_body_bytes) {
      if (transport_->encrypted() && shut_down_) break;
      discarded += input_.size();
      input_.clear();
      if (!transport_->encrypted()) start_read(kBodyReadBytes);
      if (!co_await wait_until(deadline)) break;
    }
  }
  transport_->close();
}

void Session::finish_log(const RequestHead& head, const Route* route) {
  const auto duration = Clock::now() - begun_;
  const std::string_view pattern = route == nullptr ? std::string_view("none") : route->path;
  services_->metrics.count_request(head.method == Method::kOther ? "other" : to_string(head.method), pattern, status_,
                                   duration);
  services_->metrics.bytes_sent(std::exchange(sent_bytes_, 0));
  spdlog::debug("{} {} {} -> {} in {:.1f} ms, tenant {}", request_id_, to_string(head.method), pattern, status_,
                std::chrono::duration<double, std::milli>(duration).count(), tenant_.empty() ? "-" : tenant_);
}

}  // namespace

void start_session(SessionKind kind, std::unique_ptr<Transport> transport, std::shared_ptr<IoLane> lane,
                   std::shared_ptr<Services> services, std::function<void()> on_end) {
  auto session = std::make_shared<Session>(std::move(transport), lane, services);
  lane->sessions.insert(session.get());
  services->metrics.connection_opened();
  asio::co_spawn(
      lane->io,
      [session, kind]() -> asio::awaitable<void> {
        return kind == SessionKind::kServe ? session->serve() : session->refuse();
      },
      [session, lane, services, on_end = std::move(on_end)](const std::exception_ptr& failure) {
        if (failure) {
          try {
            std::rethrow_exception(failure);
          } catch (const std::exception& error) {
            spdlog::error("a connection ended by an exception: {}", error.what());
          }
        }
        session->abort();
        lane->sessions.erase(session.get());
        services->metrics.connection_closed();
        on_end();
      });
}

}  // namespace marquee::http
