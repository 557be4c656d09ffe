#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "http/error_response.h"
#include "http/net/connection_session.h"
#include "http/net/upload.h"

namespace marquee::http {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

/// A refused request's body is read and dropped up to this size to keep the connection.
constexpr std::size_t kDiscardBytes = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

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
  if (std::holds_alternative<Receive>(route.handler)) co_return co_await run_upload(reader, std::move(call), route);
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
  exchange_->set_notify(waker());
  const bool goes_on = co_await pump(head);
  exchange_->mark_gone();
  exchange_.reset();
  co_return goes_on;
}

/// A body that goes to the route's sink while it comes.
asio::awaitable<bool> Session::run_upload(RequestReader& reader, std::shared_ptr<Call> call, const Route& route) {
  exchange_ = call->exchange;
  exchange_->set_notify(waker());
  const std::shared_ptr<void> active = call->active;
  auto upload = std::make_shared<Upload>(route, std::move(call), waker());
  const BodyOutcome outcome = co_await feed(reader, upload);
  if (outcome == BodyOutcome::kWhole) upload->finish();
  if (outcome == BodyOutcome::kRefused) keep_alive_ = false;  // the rest of the body is still to come
  bool goes_on = false;
  if (outcome != BodyOutcome::kClosed) {
    goes_on = co_await pump(reader.head());
  } else {
    status_ = 499;
  }
  exchange_->mark_gone();
  exchange_.reset();
  Upload::drop(std::move(upload));
  co_return goes_on;
}

asio::awaitable<void> Session::wait_for(const Upload& upload) {
  while (upload.busy() && !aborted_) co_await wait_until(Clock::time_point::max());
}

/// Reads on while the disk takes what has come, and no further.
/// @return kRefused when the exchange has the answer and the body's rest is not wanted
asio::awaitable<Session::BodyOutcome> Session::feed(RequestReader& reader, const std::shared_ptr<Upload>& upload) {
  const RequestHead& head = reader.head();
  reader.limit_body(limits_.max_upload_bytes);
  upload->open();
  co_await wait_for(*upload);
  if (upload->refused()) co_return BodyOutcome::kRefused;
  if (head.expects_continue && input_.empty() && !co_await write_all(kContinue)) co_return BodyOutcome::kClosed;
  std::string chunk;
  UploadClock clock(limits_.upload_timeout);
  while (!aborted_) {
    const bool all_has_come = end_of_input_;
    std::size_t consumed = 0;
    const auto step = reader.read_body(input_, consumed);
    input_.erase(0, consumed);
    if (step == RequestReader::Step::kError) {
      const WireError& fault = reader.error();
      exchange_->respond(
          error_response(fault.status, fault.message, fault.status == 413 ? "too_large" : "malformed_request"));
      co_return BodyOutcome::kRefused;
    }
    if (step == RequestReader::Step::kNeedMore) start_read(kBodyReadBytes);
    if (reader.body_bytes() > 0) {
      const auto began = Clock::now();
      clock.came(reader.body_bytes());
      reader.take_body(chunk);
      upload->write(chunk);
      co_await wait_for(*upload);
      if (upload->refused()) co_return BodyOutcome::kRefused;
      clock.excuse(Clock::now() - began);
    }
    if (step == RequestReader::Step::kDone) co_return aborted_ ? BodyOutcome::kClosed : BodyOutcome::kWhole;
    if (all_has_come) co_return BodyOutcome::kClosed;
    if (reading_ && !co_await wait_until(clock.deadline())) {
      exchange_->respond(error_response(408,
                                        "the body took too long: it must go on at 4 KiB in " +
                                            std::to_string(limits_.upload_timeout.count() / 1000) +
                                            " s ('upload_timeout')",
                                        "body_timeout"));
      co_return BodyOutcome::kRefused;
    }
  }
  co_return BodyOutcome::kClosed;
}

}  // namespace marquee::http
