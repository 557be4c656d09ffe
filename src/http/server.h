#pragma once
// The HTTP server: listens, speaks HTTP/1.1 with or without TLS, and hands each request to the routes of routes.cc.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/engine.h"

namespace marquee::platform {
class FileService;
class KeyService;
class UsageService;
}  // namespace marquee::platform

namespace marquee::http {

/// What one client may cost. Every queue, length and time has a bound.
struct Limits {
  std::size_t max_header_bytes = 16 * 1024;                 ///< request line and headers; more: 431
  std::size_t max_target_bytes = 4 * 1024;                  ///< path and query; more: 414
  std::size_t max_body_bytes = 16 * 1024 * 1024;            ///< more: 413
  std::size_t max_bodies_bytes = 256 * 1024 * 1024;         ///< all request bodies in memory together; more: 503
  std::uint64_t max_upload_bytes = std::uint64_t{1} << 30;  ///< a body that goes to disk as it comes; more: 413
  std::int32_t max_connections = 1024;                      ///< more: 503 and close
  std::chrono::milliseconds header_timeout{10'000};  ///< TLS handshake and headers, from the first byte or accept
  std::chrono::milliseconds body_timeout{120'000};   ///< the whole body, from the end of the headers
  std::chrono::milliseconds upload_timeout{30'000};  ///< without another 4 KiB of a body that goes to disk
  std::chrono::milliseconds idle_timeout{75'000};    ///< between two requests of a kept connection
  std::chrono::milliseconds write_timeout{20'000};   ///< without the client taking a byte
};

struct TlsFiles {
  std::filesystem::path certificate_chain;  ///< PEM; empty: plain HTTP
  std::filesystem::path private_key;        ///< PEM
};

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< an IP address, or "localhost"
  std::uint16_t port = 8080;          ///< 0: any free one; see Server::port()
  TlsFiles tls = {};
  std::vector<std::string> allowed_hosts = {};  ///< more names that a Host header may carry. On a loopback address only
                                                ///< localhost, 127.0.0.1, [::1] and these are answered; on others every
                                                ///< name is, unless this list has one ("*" allows all)
  unsigned io_threads = 1;
  unsigned worker_threads = 4;  ///< parse, tokenise, load models, write usage
  std::chrono::milliseconds drain_timeout{30'000};
  Limits limits = {};
};

/// Listens from create() on. Threads: run() uses the calling one; everything else may be called from any thread (not
/// from a signal handler). The engine and the services must outlive the server.
class Server {
 public:
  /// @error kInvalidArgument for a bad address, kIo if the port is taken or a certificate cannot be read
  static base::Result<std::unique_ptr<Server>> create(const ServerOptions& options, serving::Engine& engine,
                                                      platform::KeyService& keys, platform::UsageService& usage,
                                                      platform::FileService& files);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The port in use.
  [[nodiscard]] std::uint16_t port() const;
  /// What /readyz says while not draining. True from the start; set false while models load.
  void set_ready(bool ready);
  /// Serves until a drain has ended or stop() is called. Blocks.
  void run();
  /// Starts leaving: /readyz says 503, new requests get 503, running ones may finish until
  /// ServerOptions::drain_timeout; then run() returns. Also drains the engine. Returns at once.
  void begin_drain();
  /// Ends run() at once: running requests are cancelled and every connection is closed.
  void stop();
  /// Requests being answered now.
  [[nodiscard]] std::int64_t active_requests() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquee::http
