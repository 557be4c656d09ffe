#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/call.h"
#include "http/routes.h"
#include "http/server.h"

namespace marquee::http {

/// From a request's head to its route, key and handler, by the table of routes.cc.
class Router {
 public:
  explicit Router(std::span<const Route> routes);

  /// The routes of a path, one for each method, and what its parameters are.
  struct Match {
    std::vector<const Route*> routes;
    std::vector<NameValue> params;
  };
  /// Nothing if no route has this path, or if it is not properly percent-encoded.
  [[nodiscard]] std::optional<Match> match(std::string_view path) const;

  /// What may be decided before the body is read: the route, the host, the key, the body's type and length.
  struct Admission {
    const Route* route = nullptr;  ///< set also on refusals, if there is one, for metrics
    std::optional<Response> refusal = {};
  };
  /// Fills request.path_params, query_params and principal from request.head.
  Admission admit(Services& services, Request& request) const;

  /// Runs the route's handler (not a Receive) here or on a worker; the answer comes through call->exchange. Never
  /// throws.
  static void dispatch(const Route& route, std::shared_ptr<Call> call);

  [[nodiscard]] std::span<const Route> routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string> segments;  ///< "{id}" for a parameter
    std::vector<const Route*> routes;
  };
  std::span<const Route> routes_;
  std::vector<Pattern> patterns_;
};

/// Whether a Host header may be answered: on a loopback address only this machine's names, against DNS rebinding.
bool is_host_allowed(const ServerOptions& options, std::string_view host);

}  // namespace marquee::http
