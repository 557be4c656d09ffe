#pragma once

#include <memory>

#include "http/exchange.h"
#include "http/message.h"

namespace marquee::http {

struct Services;

/// One request on its way through a handler. Whoever holds it keeps the server from ending.
struct Call {
  explicit Call(Services& the_services) : services(the_services) {}

  std::shared_ptr<void> active;  ///< counts as running while anybody holds it; let go last, since the server may end then
  Services& services;
  Request request;
  std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>();
};

}  // namespace marquee::http
