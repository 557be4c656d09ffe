#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/net/session.h"
#include "http/router.h"
#include "http/wire/request_reader.h"

namespace marquee::http {

class Upload;

/// How much is read at once: heads and small bodies, and large bodies.
constexpr std::size_t kReadBytes = 4 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;

/// One connection from its handshake to its end, as a coroutine on its lane's thread. session.cc holds its life and its
/// answers, session_body.cc how bodies come in.
class Session final : public TransportEvents, public SessionHandle {
 public:
  using Clock = std::chrono::steady_clock;

  Session(std::unique_ptr<Transport> transport, std::shared_ptr<IoLane> lane, std::shared_ptr<Services> services)
      : transport_(std::move(transport)),
        lane_(std::move(lane)),
        services_(std::move(services)),
        limits_(services_->options.limits),
        wake_(lane_->io, Clock::time_point::max()),
        alarm_(lane_->io) {}

  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<void> refuse();

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
  boost::asio::awaitable<bool> wait_until(Clock::time_point deadline);
  void set_alarm();
  void start_read(std::size_t size);
  boost::asio::awaitable<bool> handshake();
  boost::asio::awaitable<HeadOutcome> read_head(RequestReader& reader, bool first);
  boost::asio::awaitable<BodyOutcome> read_body(RequestReader& reader, std::chrono::milliseconds time,
                                                BodyShare* share);
  boost::asio::awaitable<bool> answer(RequestReader& reader);
  boost::asio::awaitable<bool> refuse_early(RequestReader& reader, const Response& refusal);
  boost::asio::awaitable<bool> run_call(RequestReader& reader, std::shared_ptr<Call> call, const Route& route);
  boost::asio::awaitable<bool> run_upload(RequestReader& reader, std::shared_ptr<Call> call, const Route& route);
  boost::asio::awaitable<BodyOutcome> feed(RequestReader& reader, const std::shared_ptr<Upload>& upload);
  boost::asio::awaitable<void> wait_for(const Upload& upload);
  boost::asio::awaitable<bool> pump(const RequestHead& head);
  boost::asio::awaitable<bool> pump_stream(const RequestHead& head, Exchange::Piece piece);
  boost::asio::awaitable<bool> wait_for_piece(Exchange::Piece& piece, bool events);
  boost::asio::awaitable<bool> send_response(const Response& response, const RequestHead& head);
  boost::asio::awaitable<bool> write_all(std::string_view bytes);
  boost::asio::awaitable<void> linger();
  std::function<void()> waker();
  void finish_log(const RequestHead& head, const Route* route);

  std::unique_ptr<Transport> transport_;
  std::shared_ptr<IoLane> lane_;
  std::shared_ptr<Services> services_;
  const Limits& limits_;
  boost::asio::steady_timer wake_;  ///< never expires: cancelling it resumes whoever waits
  bool signalled_ = false;
  // The next deadline is mostly later than the last one was: a timer is set for the earliest and, when it comes, again
  // for what is left. So a stream's pieces cost no system call for timers.
  boost::asio::steady_timer alarm_;
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

}  // namespace marquee::http
