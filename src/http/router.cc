#include "http/router.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "base/log.h"
#include "http/error_response.h"
#include "http/services.h"

namespace marquee::http {

namespace {

/// A body that a route has no use for is read and dropped up to this size.
constexpr std::uint64_t kUnusedBodyBytes = 64 * 1024;

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  });
}

/// "GET, HEAD, OPTIONS" of the routes of one path.
std::string allowed_methods(const std::vector<const Route*>& routes) {
  std::string allowed;
  for (const Route* route : routes) {
    allowed.append(to_string(route->method)).append(", ");
    if (route->method == Method::kGet) allowed.append("HEAD, ");
  }
  return allowed + "OPTIONS";
}

Response options_response(std::string allowed) {
  Response response{.status = 204};
  response.headers.emplace_back("allow", std::move(allowed));
  return response;
}

/// The secret of "Authorization: Bearer SECRET", taken out of the request so that nothing later can log or keep it.
base::Result<std::string> take_bearer(RequestHead& head) {
  std::string secret;
  int count = 0;
  std::erase_if(head.headers, [&](NameValue& header) {
    if (header.first != "authorization") return false;
    ++count;
    secret = std::move(header.second);
    return true;
  });
  constexpr std::string_view kScheme = "bearer ";
  if (count != 1 || !equals_ignoring_case(std::string_view(secret).substr(0, kScheme.size()), kScheme)) {
    return base::Error{base::ErrorCode::kUnauthenticated,
                       "no API key: send it as 'Authorization: Bearer KEY' (marquee key create makes one)"};
  }
  secret.erase(0, secret.find_first_not_of(' ', kScheme.size()));
  return secret;
}

base::Result<void> check_access(Access access, const platform::Principal& principal) {
  using platform::Scope;
  const auto denied = [](std::string message) {
    return base::Error{base::ErrorCode::kPermissionDenied, std::move(message)};
  };
  switch (access) {
    case Access::kPublic:
    case Access::kAnyKey: break;
    case Access::kInfer:
      if (!principal.has(Scope::kInfer)) return denied("this key lacks the scope 'infer'");
      break;
    case Access::kAdmin:
      if (!principal.has(Scope::kAdmin)) return denied("this key lacks the scope 'admin'");
      break;
    case Access::kOperator:
      if (!principal.is_operator()) return denied("this needs an admin key of the tenant 'default'");
      break;
  }
  return {};
}

std::optional<Response> check_body(const Route& route, const RequestHead& head, const Limits& limits) {
  const bool streamed = std::holds_alternative<Receive>(route.handler);
  const std::uint64_t limit = route.request_schema.empty() ? kUnusedBodyBytes
                              : streamed                   ? limits.max_upload_bytes
                                                           : limits.max_body_bytes;
  if (head.content_length > limit || (head.chunked && route.request_schema.empty())) {
    return error_response(413, "the body is larger than " + std::to_string(limit) + " bytes", "too_large");
  }
  if (route.request_schema.empty()) return std::nullopt;
  std::string_view type = head.header("content-type");
  type = type.substr(0, type.find(';'));
  type = type.substr(0, type.find_last_not_of(' ') + 1);
  // What says nothing is taken for JSON; a form cannot be read without its boundary.
  if (equals_ignoring_case(type, route.request_content_type) || (type.empty() && !streamed)) return std::nullopt;
  const std::string wanted(route.request_content_type);
  return error_response(415, "the body must be " + wanted + ": send 'Content-Type: " + wanted + "'",
                        "unsupported_media_type");
}

void run_handler(const Route& route, const std::shared_ptr<Call>& call) {
  if (call->exchange->gone()) return;
  try {
    if (const auto* begin = std::get_if<Begin>(&route.handler)) {
      (*begin)(call);
      return;
    }
    auto answer = std::get<Respond>(route.handler)(*call);
    call->exchange->respond(answer ? std::move(*answer) : error_response(answer.error()));
  } catch (const std::exception& error) {
    spdlog::error("{} {} threw: {}", call->request.id, route.path, error.what());
    call->exchange->respond(error_response({base::ErrorCode::kInternal, "internal error; the server's log has more"}));
  }
}

}  // namespace

Router::Router(std::span<const Route> routes) : routes_(routes) {
  for (const Route& route : routes) {
    std::vector<std::string> segments;
    for (const std::string_view segment : split_path(route.path)) segments.emplace_back(segment);
    auto pattern = std::find_if(patterns_.begin(), patterns_.end(),
                                [&](const Pattern& other) { return other.segments == segments; });
    if (pattern == patterns_.end()) pattern = patterns_.insert(pattern, {std::move(segments), {}});
    pattern->routes.push_back(&route);
  }
}

std::optional<Router::Match> Router::match(std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> segments;
  for (const std::string_view raw : split_path(path)) {
    if (!percent_decode(raw, segments.emplace_back())) return std::nullopt;
  }
  for (const Pattern& pattern : patterns_) {
    if (pattern.segments.size() != segments.size()) continue;
    Match match{pattern.routes, {}};
    bool fits = true;
    for (std::size_t i = 0; fits && i < segments.size(); ++i) {
      const std::string& expected = pattern.segments[i];
      if (is_parameter(expected)) {
        fits = !segments[i].empty();
        match.params.emplace_back(expected.substr(1, expected.size() - 2), segments[i]);
      } else {
        fits = expected == segments[i];
      }
    }
    if (fits) return match;
  }
  return std::nullopt;
}

Router::Admission Router::admit(Services& services, Request& request) const {
  RequestHead& head = request.head;
  if (!is_host_allowed(services.options, head.host)) {
    return {nullptr,
            error_response(421, "this server does not answer to the name in the Host header; see 'allowed_hosts'",
                           "host_not_allowed")};
  }
  if (head.path == "*") return {nullptr, options_response("GET, HEAD, POST, DELETE, OPTIONS")};
  auto found = match(head.path);
  if (!found) return {nullptr, error_response(404, "no such route; GET /openapi.json lists them", "not_found")};
  const Method method = head.method == Method::kHead ? Method::kGet : head.method;
  const auto route = std::find_if(found->routes.begin(), found->routes.end(),
                                  [&](const Route* candidate) { return candidate->method == method; });
  if (head.method == Method::kOptions) return {nullptr, options_response(allowed_methods(found->routes))};
  if (route == found->routes.end()) {
    Response refusal = error_response(405, "this route does not know that method", "method_not_allowed");
    refusal.headers.emplace_back("allow", allowed_methods(found->routes));
    return {nullptr, std::move(refusal)};
  }
  Admission admission{*route, std::nullopt};
  if (services.draining && !(*route)->while_draining) {
    admission.refusal = error_response({base::ErrorCode::kUnavailable, "the server is shutting down"});
    return admission;
  }
  auto secret = take_bearer(head);
  if ((*route)->access != Access::kPublic) {
    auto principal = secret ? services.keys.authenticate(*secret) : base::Result<platform::Principal>(secret.error());
    if (!principal) {
      admission.refusal = error_response(principal.error());
      return admission;
    }
    request.principal = std::move(*principal);
    if (const auto access = check_access((*route)->access, request.principal); !access) {
      admission.refusal = error_response(access.error());
      return admission;
    }
  }
  request.path_params = std::move(found->params);
  if (!parse_query(head.query, request.query_params)) {
    admission.refusal = error_response(400, "malformed query string", "invalid_value");
    return admission;
  }
  admission.refusal = check_body(**route, head, services.options.limits);
  return admission;
}

void Router::dispatch(const Route& route, std::shared_ptr<Call> call) {
  Services& services = call->services;
  switch (route.run_on) {
    case RunOn::kIoThread: run_handler(route, call); break;
    case RunOn::kWorker: services.workers.post([&route, call = std::move(call)] { run_handler(route, call); }); break;
    case RunOn::kDisk: services.disk.post([&route, call = std::move(call)] { run_handler(route, call); }); break;
    case RunOn::kLoader: services.loaders.post([&route, call = std::move(call)] { run_handler(route, call); }); break;
  }
}

bool is_host_allowed(const ServerOptions& options, std::string_view host) {
  if (host.empty()) return true;  // HTTP/1.0 without a Host header: no browser does that
  const std::size_t colon = host.starts_with('[') ? host.find(':', host.find(']')) : host.find(':');
  const std::string_view name = host.substr(0, colon);
  const auto listed = [&](std::string_view allowed) { return allowed == "*" || equals_ignoring_case(allowed, name); };
  if (std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(), listed)) return true;
  boost::system::error_code code;
  const auto address =
      boost::asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, code);
  const bool loopback = !code && address.is_loopback();
  if (!loopback) return options.allowed_hosts.empty();
  return listed("localhost") || name == "127.0.0.1" || name == "[::1]" || listed(options.address) ||
         name == "[" + options.address + "]";
}

}  // namespace marquee::http
