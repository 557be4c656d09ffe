#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_set>

#include "http/net/transport.h"
#include "http/services.h"

namespace marquee::http {

class SessionHandle;

/// One IO thread's connections. Everything in it belongs to that thread.
struct IoLane {
  boost::asio::io_context io{1};
  std::unordered_set<SessionHandle*> sessions;
};

/// What the server does to a running connection, on its lane's thread.
class SessionHandle {
 public:
  virtual ~SessionHandle() = default;
  /// Closes if it waits between two requests.
  virtual void drain() = 0;
  /// Closes whatever it does.
  virtual void abort() = 0;
};

enum class SessionKind : std::uint8_t {
  kServe,
  kRefuse,  ///< over the cap on connections: answers 503 and closes
};

/// Starts to serve a connection on its lane; `on_end` is called on the lane's thread when it is over.
void start_session(SessionKind kind, std::unique_ptr<Transport> transport, std::shared_ptr<IoLane> lane,
                   std::shared_ptr<Services> services, std::function<void()> on_end);

}  // namespace marquee::http
