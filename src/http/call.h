#pragma once

#include <memory>
#include <string>

#include "http/body_share.h"
#include "http/exchange.h"
#include "http/message.h"
#include "http/services.h"

namespace marquee::http {

/// One request on its way through a handler. Whoever holds it keeps the server from ending.
struct Call {
  explicit Call(Services& the_services) : services(the_services), body_share(the_services.body_bytes) {}

  /// Once the body has been read into something better.
  void drop_body() {
    std::string().swap(request.body);
    body_share.release();
  }

  std::shared_ptr<void>
      active;  ///< counts as running while anybody holds it; let go last, since the server may end then
  Services& services;
  BodyShare body_share;
  Request request;
  std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>();
};

}  // namespace marquee::http
