#include "apps/listen.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "serving/scratch_folder_test.h"

namespace marquee::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Settings listening_on(std::string host) {
  Settings settings;
  settings.host = std::move(host);
  return settings;
}

TEST(Loopback, IsWhatOnlyThisMachineReaches) {
  for (const char* host : {"127.0.0.1", "127.255.0.3", "localhost", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "192.168.1.2", "128.0.0.1", "fe80::1", "example.org", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(ListenSettings, PlainHttpForOthersMustBeAskedFor) {
  EXPECT_TRUE(check_listen_settings(listening_on("127.0.0.1")));
  EXPECT_TRUE(check_listen_settings(listening_on("localhost")));
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1"}) {
    const auto refused = check_listen_settings(listening_on(host));
    ASSERT_FALSE(refused) << host;
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("--tls-certificate"), HasSubstr("--insecure-http")));
    EXPECT_EQ(refused.error().field, "host");
    Settings asked_for = listening_on(host);
    asked_for.insecure_http = true;
    EXPECT_TRUE(check_listen_settings(asked_for)) << host;
    Settings with_tls = listening_on(host);
    with_tls.tls_certificate = "cert.pem";
    with_tls.tls_key = "key.pem";
    EXPECT_TRUE(check_listen_settings(with_tls)) << host;
  }
}

TEST(ListenSettings, NamesAndHalfATlsAreRefused) {
  EXPECT_EQ(check_listen_settings(listening_on("example.org")).error().field, "host");
  EXPECT_EQ(check_listen_settings(listening_on("256.0.0.1")).error().field, "host");
  Settings half;
  half.tls_certificate = "cert.pem";
  EXPECT_EQ(check_listen_settings(half).error().field, "tls_key");
}

TEST(ListenPort, InUseIsSaidBeforehand) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int port = ntohs(address.sin_port);
  const auto taken = check_port_free("127.0.0.1", port);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, AllOf(HasSubstr(std::to_string(port)), HasSubstr("in use")));
  ::close(listener);
  EXPECT_TRUE(check_port_free("127.0.0.1", port));
  EXPECT_TRUE(check_port_free("127.0.0.1", 0));
  EXPECT_FALSE(check_port_free("192.0.2.1", 0)) << "an address that this machine does not have (RFC 5737)";
}

TEST(LocalUrl, IsHowThisMachineReachesTheServer) {
  EXPECT_EQ(local_url("127.0.0.1", 8080, false), "http://127.0.0.1:8080");
  EXPECT_EQ(local_url("0.0.0.0", 8080, true), "https://127.0.0.1:8080");
  EXPECT_EQ(local_url("::", 1, false), "http://[::1]:1");
  EXPECT_EQ(local_url("fe80::1", 1, false), "http://[fe80::1]:1");
  EXPECT_EQ(local_url("localhost", 1, false), "http://localhost:1");
}

class TlsFiles : public ::testing::Test {
 protected:
  /// A self-signed certificate NAME.pem with its key NAME.key.
  std::string make(const std::string& name) const {
    const std::string at = (folder_.path() / name).string();
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -subj "
        "/CN=marquee -keyout '" +
        at + ".key' -out '" + at + ".pem' 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << "the openssl command makes the test's certificates";
    return at;
  }
  serving::ScratchFolder folder_;
};

TEST_F(TlsFiles, ACertificateWithItsKeyGivesAPin) {
  const std::string at = make("a");
  const auto certificate = check_tls_files(at + ".pem", at + ".key");
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_THAT(certificate->pin, StartsWith("sha256//"));
  EXPECT_EQ(certificate->pin.size(), 8U + 44U);
  EXPECT_GT(certificate->expires_unix_s, std::time(nullptr) + 2 * 86'400);
  EXPECT_LT(certificate->expires_unix_s, std::time(nullptr) + 4 * 86'400);
}

TEST_F(TlsFiles, WrongFilesAreNamed) {
  const std::string a = make("a");
  const std::string b = make("b");
  EXPECT_THAT(check_tls_files(a + ".pem", b + ".key").error().message, HasSubstr("b.key is not the key of"));
  EXPECT_THAT(check_tls_files(a + ".key", a + ".key").error().message, HasSubstr("holds no PEM certificate"));
  EXPECT_THAT(check_tls_files(a + ".pem", a + ".pem").error().message,
              HasSubstr("holds no unencrypted PEM private key"));
  EXPECT_THAT(check_tls_files("/nowhere/c.pem", a + ".key").error().message, HasSubstr("cannot read /nowhere/c.pem"));
}

}  // namespace
}  // namespace marquee::apps
