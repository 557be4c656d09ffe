#include "http/wire/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marquee::http {
namespace {

using Step = RequestReader::Step;

struct Outcome {
  Step step = Step::kNeedMore;
  int status = 0;
  std::string message;
  RequestHead head;
  std::string body;
  std::size_t rest = 0;  ///< bytes that belong to the next request
};

/// Feeds `bytes` in pieces, as a connection does.
Outcome read(std::string_view bytes, std::size_t piece = 1U << 30U, WireLimits limits = {}) {
  RequestReader reader(limits);
  Outcome outcome;
  std::string input;
  std::size_t consumed = 0;
  bool in_body = false;
  while (true) {
    if (!in_body && !input.empty()) {
      outcome.step = reader.read_head(input, consumed);
      if (outcome.step == Step::kDone) {
        in_body = true;
        input.erase(0, consumed);
      }
    }
    if (in_body) {
      outcome.step = reader.read_body(input, consumed);
      input.erase(0, consumed);
    }
    if (outcome.step != Step::kNeedMore || bytes.empty()) break;
    const std::size_t size = std::min(piece, bytes.size());
    input.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  outcome.status = reader.error().status;
  outcome.message = reader.error().message;
  outcome.head = reader.head();
  outcome.body = reader.take_body();
  outcome.rest = input.size() + bytes.size();
  return outcome;
}

std::string header_of(const RequestHead& head, std::string_view wanted) {
  for (const auto& [name, value] : head.headers) {
    if (name == wanted) return value;
  }
  return {};
}

const std::string kHost = "Host: localhost\r\n";

TEST(RequestReaderTest, ReadsHeadAndBody) {
  const std::string bytes =
      "POST /v1/x%20y?a=b&c HTTP/1.1\r\nHOST: LocalHost:80\r\nX-Two: 1\r\nx-two:\t 2 \r\nContent-Length: "
      "5\r\n\r\nhello";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1'000}}) {
    const Outcome outcome = read(bytes, piece);
    ASSERT_EQ(outcome.step, Step::kDone) << outcome.message;
    EXPECT_EQ(outcome.head.method, Method::kPost);
    EXPECT_EQ(outcome.head.target, "/v1/x%20y?a=b&c");
    EXPECT_EQ(outcome.head.path, "/v1/x%20y");
    EXPECT_EQ(outcome.head.query, "a=b&c");
    EXPECT_EQ(outcome.head.host, "localhost:80");
    EXPECT_EQ(header_of(outcome.head, "x-two"), "1");
    EXPECT_EQ(outcome.head.headers.size(), 4U);
    EXPECT_EQ(outcome.head.content_length, 5U);
    EXPECT_TRUE(outcome.head.keep_alive);
    EXPECT_FALSE(outcome.head.chunked);
    EXPECT_EQ(outcome.body, "hello");
    EXPECT_EQ(outcome.rest, 0U);
  }
}

TEST(RequestReaderTest, LeavesThePipelinedRest) {
  const std::string next = "GET /b HTTP/1.1\r\n" + kHost + "\r\n";
  EXPECT_EQ(read("GET /a HTTP/1.1\r\n" + kHost + "\r\n" + next).rest, next.size());
  EXPECT_EQ(read("POST /a HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}" + next).rest, next.size());
  const std::string chunked = "POST /a HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  EXPECT_EQ(read(chunked + next).rest, next.size());
}

TEST(RequestReaderTest, OneEmptyLineMayComeBefore) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}}) {
    EXPECT_EQ(read("\r\nGET /a HTTP/1.1\r\n" + kHost + "\r\n", piece).head.path, "/a");
    EXPECT_EQ(read("\r\n\r\nGET /a HTTP/1.1\r\n" + kHost + "\r\n", piece).step, Step::kError);
  }
}

TEST(RequestReaderTest, KeepAlive) {
  const auto keeps = [](const std::string& version, const std::string& header) {
    const Outcome outcome = read("GET / HTTP/" + version + "\r\n" + kHost + header + "\r\n");
    EXPECT_EQ(outcome.step, Step::kDone);
    return outcome.head.keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: x, Close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestReaderTest, ChunksByteByByte) {
  const std::string head = "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: Chunked\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1'000}}) {
    const Outcome two = read(head + "3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n", piece);
    ASSERT_EQ(two.step, Step::kDone) << two.message;
    EXPECT_EQ(two.body, "abc0123456789");
    EXPECT_TRUE(two.head.chunked);
    EXPECT_TRUE(header_of(two.head, "trailer").empty()) << "trailers are dropped";
    EXPECT_EQ(read(head + "0\r\n\r\n", piece).step, Step::kDone) << "an empty body whose last chunk comes in pieces";
  }
  for (const char* bad : {"x\r\nabc\r\n", "-1\r\nabc\r\n", "3\r\nabcX\r\n0\r\n\r\n", "3\nabc\n0\n\nGET / HTTP/1.1\r\n",
                          "11112222333344445\r\n", "3;=\r\nabc\r\n0\r\n\r\n", "0\r\nbad trailer\r\n\r\n"}) {
    const Outcome outcome = read(head + bad);
    EXPECT_EQ(outcome.step, Step::kError) << bad;
    EXPECT_EQ(outcome.status, 400) << bad;
  }
}

TEST(RequestReaderTest, RefusesWhatTwoReadersCouldTakeForTwoThings) {
  const std::vector<std::string> heads = {
      kHost + "Content-Length: 2\r\nContent-Length: 2\r\n",
      kHost + "Content-Length: 2\r\nContent-Length: 3\r\n",
      kHost + "Content-Length: 2, 2\r\n",
      kHost + "Content-Length: +2\r\n",
      kHost + "Content-Length: -2\r\n",
      kHost + "Content-Length: 0x2\r\n",
      kHost + "Content-Length: 2 2\r\n",
      kHost + "Content-Length:\r\n",
      kHost + "Content-Length: 18446744073709551616\r\n",
      kHost + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
      kHost + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
      kHost + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
      kHost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      kHost + "Transfer-Encoding: chunked, chunked\r\n",
      kHost + "Transfer-Encoding: gzip, chunked\r\n",
      kHost + "Transfer-Encoding: chunked, identity\r\n",
      kHost + "Transfer-Encoding: identity\r\n",
      kHost + "Transfer-Encoding:\r\n",
      kHost + "Transfer-Encoding: xchunked\r\n",
      kHost + "Transfer-Encoding : chunked\r\n",
      kHost + kHost,
      "Host: a b\r\n",
      "Host: a/b\r\n",
      "Host: u@a\r\n",
      "Host: a:b\r\n",
      "Host: a:\r\n",
      "Host: a:123456\r\n",
      "Host: [::1\r\n",
      "Host: [::g]\r\n",
      "Host:\r\n",
      "",
      kHost + " folded\r\n",
      kHost + "X: a\r\n\tfolded\r\n",
      kHost + "No colon\r\n",
      kHost + ": no name\r\n",
      kHost + "X: a\rb\r\n",
      kHost + std::string("X: a\0b\r\n", 8),
      kHost + "X: a\x7F\r\n",
      "Host: localhost\n",
      kHost + "X: a\nY: b\r\n",
  };
  for (const std::string& head : heads) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}}) {
      const Outcome outcome = read("POST / HTTP/1.1\r\n" + head + "\r\n{}", piece);
      EXPECT_EQ(outcome.step, Step::kError) << head;
      EXPECT_EQ(outcome.status, 400) << head;
      EXPECT_FALSE(outcome.message.empty()) << head;
    }
  }
  EXPECT_EQ(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status, 400);
}

TEST(RequestReaderTest, RefusesRequestLines) {
  const std::vector<std::pair<std::string, int>> lines = {
      {"GET / HTTP/2.0", 505},         {"GET / HTTP/0.9", 505},           {"GET /", 400},
      {"GET  / HTTP/1.1", 400},        {"GET /a b HTTP/1.1", 505},        {" GET / HTTP/1.1", 400},
      {"GET a HTTP/1.1", 400},         {"GET /a#b HTTP/1.1", 400},        {"GET /\xC3\xA9 HTTP/1.1", 400},
      {"GET http:///x HTTP/1.1", 400}, {"GET http://a b/ HTTP/1.1", 505}, {"GET http://u@a/ HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},         {"GET / http/1.1", 505},           {"GET / HTTP/1.1 ", 505},
      {"GET * HTTP/1.1", 400},
  };
  for (const auto& [line, status] : lines) {
    const Outcome outcome = read(line + "\r\n" + kHost + "\r\n");
    EXPECT_EQ(outcome.step, Step::kError) << line;
    EXPECT_EQ(outcome.status, status) << line;
  }
}

TEST(RequestReaderTest, AFaultIsSeenBeforeTheHeadersEnd) {
  EXPECT_EQ(read("GET / HTTP/1.1\nHost").step, Step::kError);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nA: \x01", 1).step, Step::kError);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a").step, Step::kNeedMore);
}

TEST(RequestReaderTest, AbsoluteTargetsAndStars) {
  const Outcome absolute = read("GET HTTP://Other:81/a?b HTTP/1.1\r\n" + kHost + "\r\n");
  ASSERT_EQ(absolute.step, Step::kDone) << absolute.message;
  EXPECT_EQ(absolute.head.host, "other:81") << "the target's host is the one that counts (RFC 9112, 3.2.2)";
  EXPECT_EQ(absolute.head.path, "/a");
  EXPECT_EQ(absolute.head.query, "b");
  EXPECT_EQ(read("GET http://other?b HTTP/1.1\r\n" + kHost + "\r\n").head.path, "/");
  EXPECT_EQ(read("GET https://other HTTP/1.1\r\n" + kHost + "\r\n").head.path, "/");
  EXPECT_EQ(read("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n").head.path, "*");
}

TEST(RequestReaderTest, Limits) {
  const WireLimits limits{.max_header_bytes = 200, .max_target_bytes = 50, .max_body_bytes = 10};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}}) {
    EXPECT_EQ(read("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(140, 'a') + "\r\n\r\n", piece, limits).step,
              Step::kDone);
    EXPECT_EQ(read("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(200, 'a') + "\r\n\r\n", piece, limits).status,
              431);
    EXPECT_EQ(read("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(500, 'a'), piece, limits).status, 431);
    EXPECT_EQ(read("GET /" + std::string(60, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n", piece, limits).status, 414);
    EXPECT_EQ(read("GET /" + std::string(500, 'a'), piece, limits).status, 414);
    const std::string chunks = "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(read(chunks + "A\r\n0123456789\r\n0\r\n\r\n", piece, limits).step, Step::kDone);
    EXPECT_EQ(read(chunks + "B\r\n01234567890\r\n0\r\n\r\n", piece, limits).status, 413);
    EXPECT_EQ(read(chunks + "7FFFFFFFFFFFFFFF\r\n" + std::string(50, 'x'), piece, limits).status, 413);
  }
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: 1\r\n";
  EXPECT_EQ(read("GET / HTTP/1.1\r\n" + kHost + many + "\r\n").status, 431);
  const std::string long_extension =
      "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(9'000, 'a');
  EXPECT_EQ(read(long_extension, 500).status, 400) << "a chunk's header that does not end";
}

TEST(RequestReaderTest, AClaimedLengthIsNotBelieved) {
  RequestReader reader({});
  const std::string head = "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 16000000\r\n\r\n";
  std::size_t consumed = 0;
  ASSERT_EQ(reader.read_head(head, consumed), Step::kDone);
  ASSERT_EQ(reader.read_body("abc", consumed), Step::kNeedMore);
  EXPECT_EQ(reader.body_bytes(), 3U);
  EXPECT_LT(reader.take_body().capacity(), 100'000U);
}

TEST(RequestReaderTest, ABodyMayBeTakenAwayWhileItComes) {
  const std::string head = "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 100\r\n\r\n";
  RequestReader reader({.max_body_bytes = 10});
  std::size_t consumed = 0;
  ASSERT_EQ(reader.read_head(head, consumed), Step::kDone);
  reader.limit_body(100);
  std::string all;
  std::string chunk = "what was taken before";
  Step step = Step::kNeedMore;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(step, Step::kNeedMore);
    step = reader.read_body(std::string(10, static_cast<char>('a' + i)), consumed);
    EXPECT_EQ(reader.body_bytes(), 10U) << "only what was not taken";
    reader.take_body(chunk);
    EXPECT_EQ(reader.body_bytes(), 0U);
    all += chunk;
  }
  EXPECT_EQ(step, Step::kDone);
  EXPECT_EQ(all.size(), 100U);
  EXPECT_EQ(all.substr(95), "jjjjj");
}

TEST(RequestReaderTest, TheLimitCountsWhatWasTakenAway) {
  RequestReader reader({});
  std::size_t consumed = 0;
  ASSERT_EQ(reader.read_head("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n", consumed),
            Step::kDone);
  reader.limit_body(25);
  std::string input;
  std::string chunk;
  for (int i = 0; i < 2; ++i) {
    input += "a\r\n0123456789\r\n";
    ASSERT_EQ(reader.read_body(input, consumed), Step::kNeedMore);
    input.erase(0, consumed);
    reader.take_body(chunk);
    EXPECT_EQ(chunk, "0123456789");
  }
  EXPECT_EQ(reader.read_body(input + "a\r\n0123456789\r\n", consumed), Step::kError);
  EXPECT_EQ(reader.error().status, 413);
}

TEST(RequestReaderTest, Expectations) {
  EXPECT_TRUE(
      read("POST / HTTP/1.1\r\n" + kHost + "Expect: 100-Continue\r\nContent-Length: 0\r\n\r\n").head.expects_continue);
  EXPECT_FALSE(read("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head.expects_continue) << "HTTP/1.0 knows none";
  EXPECT_EQ(read("POST / HTTP/1.1\r\n" + kHost + "Expect: more\r\n\r\n").status, 417);
}

TEST(RequestReaderTest, Hosts) {
  for (const char* host : {"a", "a.b-c_d", "A:1", "127.0.0.1:65535", "[::1]", "[fe80::1]:80", "[::ffff:1.2.3.4]"}) {
    EXPECT_TRUE(is_valid_host(host)) << host;
  }
  for (const char* host : {"", ":80", "a:", "a:x", "a b", "a/b", "a@b", "[]", "[::1", "::1", "[::1]x", "[::1]x:80",
                           "a:1:2", "a,b", "a?b", "a#b", "\xC3\xA9", "a%20b"}) {
    EXPECT_FALSE(is_valid_host(host)) << host;
  }
  EXPECT_FALSE(is_valid_host(std::string(256, 'a')));
}

}  // namespace
}  // namespace marquee::http
