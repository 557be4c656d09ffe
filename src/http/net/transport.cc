#include "http/net/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <utility>

namespace marquee::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// TCP states as getsockopt(TCP_INFO) gives them once the peer has sent its FIN or a reset.
bool has_peer_closed(tcp::socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
         info.tcpi_state == TCP_CLOSING;
}

void close_socket(tcp::socket& socket) {
  error_code ignored;
  socket.close(ignored);
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  void handshake(TransportEvents& events) override { events.on_handshake(true); }
  void read_some(TransportEvents& events, char* data, std::size_t size) override {
    socket_.async_read_some(
        asio::buffer(data, size),
        [owner = events.shared_from_this()](error_code code, std::size_t n) { owner->on_read(code ? 0 : n); });
  }
  void write_some(TransportEvents& events, std::string_view bytes) override {
    socket_.async_write_some(
        asio::buffer(bytes.data(), bytes.size()),
        [owner = events.shared_from_this()](error_code code, std::size_t n) { owner->on_write(!code, n); });
  }
  std::size_t write_now(std::string_view bytes) override {
    if (!socket_.non_blocking()) return 0;
    error_code failed;
    return socket_.write_some(asio::buffer(bytes.data(), bytes.size()), failed);
  }
  void shutdown_write(TransportEvents& events) override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    events.on_shutdown();
  }
  void close() override { close_socket(socket_); }
  void limit_send_buffer(int bytes) override {
    error_code ignored;
    socket_.set_option(asio::socket_base::send_buffer_size(bytes), ignored);
  }
  bool peer_closed() override { return has_peer_closed(socket_); }
  [[nodiscard]] bool encrypted() const override { return false; }

 private:
  tcp::socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  void handshake(TransportEvents& events) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [owner = events.shared_from_this()](error_code code) { owner->on_handshake(!code); });
  }
  void read_some(TransportEvents& events, char* data, std::size_t size) override {
    stream_.async_read_some(
        asio::buffer(data, size),
        [owner = events.shared_from_this()](error_code code, std::size_t n) { owner->on_read(code ? 0 : n); });
  }
  void write_some(TransportEvents& events, std::string_view bytes) override {
    stream_.async_write_some(
        asio::buffer(bytes.data(), bytes.size()),
        [owner = events.shared_from_this()](error_code code, std::size_t n) { owner->on_write(!code, n); });
  }
  std::size_t write_now(std::string_view) override { return 0; }
  void shutdown_write(TransportEvents& events) override {
    stream_.async_shutdown([owner = events.shared_from_this()](error_code) { owner->on_shutdown(); });
  }
  void close() override { close_socket(stream_.next_layer()); }
  void limit_send_buffer(int bytes) override {
    error_code ignored;
    stream_.next_layer().set_option(asio::socket_base::send_buffer_size(bytes), ignored);
  }
  bool peer_closed() override { return has_peer_closed(stream_.next_layer()); }
  [[nodiscard]] bool encrypted() const override { return true; }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

base::Error tls_error(const std::string& what) {
  char text[256] = "";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return base::io_error("TLS: " + what + (code != 0 ? std::string(": ") + text : std::string()));
}

}  // namespace

std::unique_ptr<Transport> make_plain_transport(tcp::socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

base::Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const TlsFiles& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");
  if (SSL_CTX_use_certificate_chain_file(native, files.certificate_chain.c_str()) != 1) {
    return tls_error("cannot use the certificate '" + files.certificate_chain.string() + "'");
  }
  if (SSL_CTX_use_PrivateKey_file(native, files.private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return tls_error("cannot use the private key '" + files.private_key.string() + "'");
  }
  if (SSL_CTX_check_private_key(native) != 1) return tls_error("the private key does not belong to the certificate");
  return context;
}

}  // namespace marquee::http
