#pragma once
// One request's answer on its way from the code that makes it, on any thread, to the connection that sends it.

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace marquee::http {

/// Most bytes of a stream that may wait for a slow reader. A stream that makes more is cut off.
constexpr std::size_t kStreamBufferBytes = 256 * 1024;
/// A stream whose waiting bytes are at or below this is computed on; above, it waits.
constexpr std::size_t kStreamLowWaterBytes = 64 * 1024;

/// Either respond() once, or begin_stream(), write()…, end_stream(). What comes after the client left is dropped.
class Exchange {
 public:
  // For whoever answers; any thread.
  void respond(Response response);
  /// @param head its body is the stream's first part
  void begin_stream(Response head);
  /// @return false if nobody reads any more
  bool write(std::string_view bytes);
  /// @param complete false cuts the connection instead of ending the stream in order
  void end_stream(bool complete = true);
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool gone() const;
  /// Calls back once when the client leaves before the answer is complete; at once if it has left already.
  void on_gone(std::function<void()> callback);
  /// Calls back, on the connection's thread, each time ready() turns from false to true. Set before the first write.
  void on_ready(std::function<void()> callback);

  // For the connection.
  /// `notify` is called, on any thread, whenever take() may have something new.
  void set_notify(std::function<void()> notify);
  struct Piece {
    std::optional<Response> response;  ///< a whole answer
    std::optional<Response> head;      ///< a stream begins
    std::string bytes;                 ///< of the stream
    std::size_t counted_bytes = 0;     ///< what sent() is to be told once the bytes are written
    bool ended = false;                ///< nothing follows
    bool complete = true;              ///< with ended: the stream ended in order
    [[nodiscard]] bool empty() const { return !response && !head && bytes.empty() && !ended; }
  };
  /// What is there to send. Its bytes count as waiting until sent() says otherwise.
  Piece take();
  void sent(std::size_t bytes);
  void mark_gone();
  /// Whether anybody wants to know that the client left. If not, the answer is near and still sent to a client that has
  /// only closed its own side.
  [[nodiscard]] bool cancellable() const;

 private:
  void notify();

  mutable std::mutex mutex_;
  std::function<void()> notify_;
  std::vector<std::function<void()>> gone_callbacks_;
  std::function<void()> ready_callback_;
  Piece pending_;
  std::size_t waiting_bytes_ = 0;
  bool answered_ = false;  ///< respond() or end_stream() has been called
  bool streaming_ = false;
  bool gone_ = false;
};

}  // namespace marquee::http
