#include "apps/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <variant>
#include <vector>

namespace marquee::apps {
namespace {

using base::Result;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using FileHandle = std::unique_ptr<std::FILE, Freed<std::fclose>>;
using X509Handle = std::unique_ptr<X509, Freed<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

using Address = std::variant<in_addr, in6_addr>;

Result<Address> parse_address(const std::string& host) {
  const std::string text = host == "localhost" ? "127.0.0.1" : host;
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return Address(v4);
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return Address(v6);
  return base::invalid_argument("host must be an IP address or localhost, not '" + host + "'", "host");
}

bool is_everywhere(const Address& address) {
  if (const auto* v4 = std::get_if<in_addr>(&address)) return v4->s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&std::get<in6_addr>(address));
}

Result<FileHandle> open_file(const std::string& path) {
  FileHandle file(std::fopen(path.c_str(), "re"));
  if (!file) return base::io_error("cannot read " + path + ": " + std::strerror(errno));
  return file;
}

std::string pin_of(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  if (size <= 0) return "";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  std::array<unsigned char, 64> text{};
  EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return std::string("sha256//") + reinterpret_cast<const char*>(text.data());
}

}  // namespace

bool is_loopback(const std::string& host) {
  const auto address = parse_address(host);
  if (!address) return false;
  if (const auto* v4 = std::get_if<in_addr>(&*address)) return (ntohl(v4->s_addr) >> 24U) == 127;
  return IN6_IS_ADDR_LOOPBACK(&std::get<in6_addr>(*address));
}

Result<void> check_listen_settings(const Settings& settings) {
  MARQUEE_CHECK(parse_address(settings.host));
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    return base::invalid_argument("tls_certificate and tls_key go together: give both or none",
                                  settings.tls_key.empty() ? "tls_key" : "tls_certificate");
  }
  if (is_loopback(settings.host) || !settings.tls_certificate.empty() || settings.insecure_http) return {};
  return base::invalid_argument("other machines reach " + settings.host +
                                    ", and without TLS they could read keys and prompts: give "
                                    "--tls-certificate and --tls-key, or --insecure-http if a proxy in front does TLS",
                                "host");
}

Result<Certificate> check_tls_files(const std::string& certificate, const std::string& key) {
  MARQUEE_ASSIGN(const FileHandle certificate_file, open_file(certificate));
  MARQUEE_ASSIGN(const FileHandle key_file, open_file(key));
  const X509Handle parsed(PEM_read_X509(certificate_file.get(), nullptr, nullptr, nullptr));
  if (!parsed) return base::invalid_argument(certificate + " holds no PEM certificate", "tls_certificate");
  // An empty passphrase instead of a question on the terminal.
  const KeyHandle parsed_key(PEM_read_PrivateKey(key_file.get(), nullptr, nullptr, const_cast<char*>("")));
  if (!parsed_key) return base::invalid_argument(key + " holds no unencrypted PEM private key", "tls_key");
  if (X509_check_private_key(parsed.get(), parsed_key.get()) != 1) {
    return base::invalid_argument(key + " is not the key of " + certificate, "tls_key");
  }
  Certificate result{pin_of(*parsed), 0};
  std::tm expires{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(parsed.get()), &expires) == 1) result.expires_unix_s = ::timegm(&expires);
  return result;
}

Result<void> check_port_free(const std::string& host, std::int64_t port) {
  MARQUEE_ASSIGN(const Address address, parse_address(host));
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const bool is_v4 = std::holds_alternative<in_addr>(address);
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (is_v4) v4.sin_addr = std::get<in_addr>(address);
  if (!is_v4) v6.sin6_addr = std::get<in6_addr>(address);
  const int descriptor = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return base::io_error(std::string("cannot make a socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int status = is_v4 ? ::bind(descriptor, reinterpret_cast<const sockaddr*>(&v4), sizeof v4)
                           : ::bind(descriptor, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  const int reason = status != 0 ? errno : 0;
  ::close(descriptor);
  if (reason == 0) return {};
  return base::io_error("cannot listen on " + host + " port " + std::to_string(port) + ": " + std::strerror(reason));
}

std::string local_url(const std::string& host, std::int64_t port, bool tls) {
  std::string name = host;
  const auto address = parse_address(host);
  if (address && is_everywhere(*address)) name = std::holds_alternative<in_addr>(*address) ? "127.0.0.1" : "::1";
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return std::string(tls ? "https://" : "http://") + name + ":" + std::to_string(port);
}

}  // namespace marquee::apps
