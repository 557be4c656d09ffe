#pragma once
// Where the server may listen, and with which TLS files.

#include <cstdint>
#include <string>

#include "apps/settings.h"
#include "base/result.h"

namespace marquee::apps {

/// Whether only this machine reaches it: 127.0.0.0/8, ::1 or localhost.
bool is_loopback(const std::string& host);

/// Refuses what would expose keys and prompts: an address that other machines reach without TLS, unless insecure_http
/// says so. @error kInvalidArgument naming the setting and the remedy
base::Result<void> check_listen_settings(const Settings& settings);

struct Certificate {
  std::string pin;  ///< "sha256//…" of its public key, as curl pins it (RFC 7469)
  std::int64_t expires_unix_s = 0;
};

/// Reads the certificate and checks that the key is its own. @error kInvalidArgument, kIo, naming the file
base::Result<Certificate> check_tls_files(const std::string& certificate, const std::string& key);

/// Whether a server could listen there now. @error kIo with the system's reason
base::Result<void> check_port_free(const std::string& host, std::int64_t port);

/// "http://127.0.0.1:8080": how this machine reaches a server that listens on `host` (0.0.0.0 and :: are everywhere).
std::string local_url(const std::string& host, std::int64_t port, bool tls);

}  // namespace marquee::apps
