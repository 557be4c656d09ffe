#pragma once
// A connection's bytes, plain or through TLS. Everything here runs on the connection's own IO thread.

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/server.h"

namespace boost::asio::ssl {
class context;
}

namespace marquee::http {

/// Hears what a transport has done. Kept alive by every operation under way.
class TransportEvents : public std::enable_shared_from_this<TransportEvents> {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_handshake(bool ok) = 0;
  /// @param bytes 0 at the end of the stream or after an error
  virtual void on_read(std::size_t bytes) = 0;
  virtual void on_write(bool ok, std::size_t bytes) = 0;
  virtual void on_shutdown() = 0;
};

/// At most one read and one write may be under way at a time; their memory must stay until they are done.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void handshake(TransportEvents& events) = 0;
  virtual void read_some(TransportEvents& events, char* data, std::size_t size) = 0;
  virtual void write_some(TransportEvents& events, std::string_view bytes) = 0;
  /// Writes what can be written without waiting, while no write is under way. @return bytes; 0: use write_some()
  virtual std::size_t write_now(std::string_view bytes) = 0;
  /// Says that nothing more will be written; through TLS also waits until the peer has said the same.
  virtual void shutdown_write(TransportEvents& events) = 0;
  /// Ends every operation under way, which then reports failure.
  virtual void close() = 0;
  /// Bounds what the kernel keeps for a slow reader.
  virtual void limit_send_buffer(int bytes) = 0;
  /// True if the peer has closed its side, also when what it sent before has not been read.
  [[nodiscard]] virtual bool peer_closed() = 0;
  [[nodiscard]] virtual bool encrypted() const = 0;
};

std::unique_ptr<Transport> make_plain_transport(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Transport> make_tls_transport(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context);

/// TLS 1.2 and later, forward-secret AEAD suites only. @error kIo naming the file that cannot be used
base::Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const TlsFiles& files);

}  // namespace marquee::http
