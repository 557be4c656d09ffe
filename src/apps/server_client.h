#pragma once
// A client of a running Marquee server, for the command line.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace marquee::apps {

struct ServerAddress {
  std::string url;           ///< "http://127.0.0.1:8080", without a path
  std::string key;           ///< the bearer secret
  std::string key_pin = {};  ///< if set, the server must have this public key, and no authority is asked ("sha256//…")
};

class ServerClient {
 public:
  explicit ServerClient(ServerAddress address) : address_(std::move(address)) {}

  /// One request and its whole answer. @param body null for none
  /// @error what the server says, by status (401 kUnauthenticated, 403 kPermissionDenied, 404 kNotFound, …);
  ///        kUnavailable if it cannot be reached; kTooLarge
  base::Result<base::json::value> call(const char* method, const std::string& path,
                                       const base::json::value& body = nullptr);

  /// Posts `body` and hands over the data of each server-sent event as it comes, until "[DONE]". Leaves when
  /// `cancelled` becomes true. @error as call(); kCancelled
  base::Result<void> stream(const std::string& path, const base::json::value& body,
                            const std::function<void(std::string_view data)>& on_event,
                            const std::atomic<bool>& cancelled);

 private:
  ServerAddress address_;
};

/// %-encodes what may not stand in a path segment or a query value.
std::string percent_encode(std::string_view text);

}  // namespace marquee::apps
