#include "http/net/session.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "http/error_response.h"
#include "http/net/connection_session.h"
#include "http/net/response_head.h"
#include "http/request_id.h"

namespace marquee::http {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kWriteBytes = 64 * 1024;
/// Most pipelined bytes taken in while a request is being answered; after that the client's FIN is polled for.
constexpr std::size_t kPipelineBytes = 64 * 1024;
constexpr milliseconds kFinPoll{200};
constexpr milliseconds kLinger{1'000};
constexpr milliseconds kStreamKeepAlive{15'000};
constexpr int kStreamSendBufferBytes = 64 * 1024;
constexpr std::string_view kKeepAliveComment = ": waiting\n\n";

}  // namespace

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

std::function<void()> Session::waker() {
  return [lane = lane_, weak = weak_from_this(), raw = this] {
    const auto self = weak.lock();
    if (!self || raw->notified_.exchange(true)) return;
    asio::post(lane->io, [weak, raw] {
      const auto session = weak.lock();
      if (!session) return;
      raw->notified_ = false;
      raw->signal();
    });
  };
}

/// Waits for the next part of the answer. @return false if the client left, or is to be left
/// @param events comments keep the connection alive while nothing comes
asio::awaitable<bool> Session::wait_for_piece(Exchange::Piece& piece, bool events) {
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
    if (events) {
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
  if (!piece.head) co_return false;
  const bool counted = piece.head->stream_bytes.has_value();
  const bool chunked = head.minor_version == 1 && !counted;
  const bool events = piece.head->content_type.starts_with("text/event-stream");
  keep_alive_ = keep_alive_ && !services_->draining && (chunked || counted);
  status_ = piece.head->status;
  std::string out = response_head(*piece.head, {.framing = counted   ? Framing::kLength
                                                           : chunked ? Framing::kChunked
                                                                     : Framing::kClose,
                                                .keep_alive = keep_alive_,
                                                .minor_version = head.minor_version,
                                                .request_id = request_id_});
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
    if (!co_await wait_for_piece(piece, events)) co_return false;
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
