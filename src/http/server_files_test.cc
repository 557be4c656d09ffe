// Uploads and downloads through a whole server.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "http/running_server_test.h"

namespace marquee::http {
namespace {

class ServerFilesTest : public ServerTest {
 protected:
  /// The head of POST /v1/files, without its end.
  [[nodiscard]] std::string form_head(std::string_view more = {}) const {
    const std::string text =
        request_text("POST", "/v1/files", {}, "Content-Type: multipart/form-data; boundary=b\r\n" + std::string(more));
    return text.substr(0, text.size() - 2);
  }
  [[nodiscard]] std::string form_request(const std::string& content, std::string_view more = {}) const {
    const std::string body = form(content);
    return form_head(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string form(const std::string& content) {
    return "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n"
           "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" +
           content + "\r\n--b--\r\n";
  }
  static std::string id_in(const std::string& answer) {
    const std::size_t at = answer.find("\"id\":\"file-");
    return at == std::string::npos ? std::string() : answer.substr(at + 6, 29);
  }
  [[nodiscard]] std::size_t files_on_disk() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_ / "files"), {}));
  }
};

TEST_F(ServerFilesTest, FilesComeAndGoInStreams) {
  start();
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += "line " + std::to_string(i) + "\r\n";
  const std::string stored = ask(form_request(content));
  ASSERT_TRUE(has_status(stored, 200)) << stored;
  const auto file = base::json::parse(stored.substr(stored.find("\r\n\r\n") + 4));
  EXPECT_EQ(file.at("bytes"), base::json::value(content.size()));
  EXPECT_EQ(file.at("sha256"), base::json::value(base::sha256_hex(content)));
  const std::string path = "/v1/files/" + id_in(stored) + "/content";
  const std::string sent = ask(request_text("GET", path));
  EXPECT_NE(sent.find("content-length: " + std::to_string(content.size()) + "\r\n"), std::string::npos);
  EXPECT_NE(sent.find("content-disposition: attachment; filename=\"a.txt\"\r\n"), std::string::npos);
  EXPECT_TRUE(sent.substr(sent.find("\r\n\r\n") + 4) == content);
  const std::string head = ask(request_text("HEAD", path));
  EXPECT_NE(head.find("content-length: " + std::to_string(content.size()) + "\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "and no body";
  EXPECT_TRUE(has_status(ask(request_text("DELETE", "/v1/files/" + id_in(stored))), 200));
  EXPECT_TRUE(has_status(ask(request_text("GET", path)), 404));
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ServerFilesTest, AKeptConnectionCarriesUploadsAndDownloads) {
  start();
  Client client(server_->port());
  client.send(form_request("first") + form_request(std::string(200'000, 'x')));
  ASSERT_TRUE(client.read_until("\"bytes\":200000"));
  const std::string id = id_in(client.received());
  client.send(request_text("GET", "/v1/files/" + id + "/content") + request_text("GET", "/v1/files") +
              request_text("GET", "/healthz", {}, "Connection: close\r\n"));
  const std::string all = client.read_to_the_end();
  EXPECT_NE(all.find("\r\n\r\nfirstHTTP/1.1 200 OK"), std::string::npos) << "nothing is added to the bytes";
  EXPECT_NE(all.find("\"status\":\"ok\""), std::string::npos);
}

TEST_F(ServerFilesTest, AChunkedUploadAndOneThatAsksFirst) {
  start();
  const std::string body = form(std::string(150'000, 'x'));
  std::string chunked;
  for (std::size_t at = 0; at < body.size(); at += 7'000) {
    const std::string piece = body.substr(at, 7'000);
    std::array<char, 16> size{};
    std::snprintf(size.data(), size.size(), "%zx", piece.size());
    chunked += std::string(size.data()) + "\r\n" + piece + "\r\n";
  }
  const std::string answer = ask(form_head("Transfer-Encoding: chunked\r\n") + "\r\n" + chunked + "0\r\n\r\n");
  EXPECT_TRUE(has_status(answer, 200)) << answer;
  Client careful(server_->port());
  careful.send(form_head("Expect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n");
  ASSERT_TRUE(careful.read_until("100 Continue"));
  careful.send(body);
  EXPECT_TRUE(careful.read_until("\"bytes\":150000"));
  EXPECT_EQ(files_on_disk(), 2U);
}

TEST_F(ServerFilesTest, UploadsThatAreRefusedLeaveNothing) {
  start({.limits = {.max_upload_bytes = 100'000}});
  const std::string long_text(90'000, 'x');
  EXPECT_TRUE(has_status(ask(form_head("Content-Length: 100001\r\n") + "\r\n"), 413)) << "before it is sent";
  EXPECT_TRUE(has_status(ask(form_head("Expect: 100-continue\r\nContent-Length: 100001\r\n") + "\r\n"), 413));
  EXPECT_TRUE(has_status(ask(form_head("Transfer-Encoding: chunked\r\n") + "\r\n20000\r\n" +
                             form(std::string(0x20000, 'x')) + "\r\n0\r\n\r\n"),
                         413));
  EXPECT_TRUE(has_status(ask(form_request(std::string("\0", 1) + long_text)), 400));
  EXPECT_TRUE(has_status(ask(form_head("Content-Length: 90000\r\n") + "\r\n" + long_text), 400)) << "no boundary in it";
  EXPECT_TRUE(has_status(ask(request_text("POST", "/v1/files", "{}", "Content-Type: application/json\r\n")), 415));
  EXPECT_TRUE(has_status(ask(form_head() + "\r\n"), 400)) << "no body at all";
  key_ = "mq_no";
  EXPECT_TRUE(has_status(ask(form_request("x")), 401));
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ServerFilesTest, AnUploadersDepartureLeavesNothing) {
  start();
  for (int i = 0; i < 20; ++i) {
    Client client(server_->port());
    const std::string text = form_request(std::string(300'000, 'x'));
    client.send(std::string_view(text).substr(0, text.size() * static_cast<std::size_t>(i + 1) / 21));
    std::this_thread::sleep_for(std::chrono::microseconds(500 * (i % 5)));
  }
  EXPECT_TRUE(eventually([&] { return server_->active_requests() == 0 && files_on_disk() == 0; }));
  EXPECT_TRUE(has_status(ask(form_request("x")), 200));
}

TEST_F(ServerFilesTest, ASteadyUploadMayTakeLongAndAStalledOneEnds) {
  start({.limits = {.upload_timeout = 1s}});
  Client steady(server_->port());
  Client dripping(server_->port());
  const std::string body = form(std::string(60'000, 'x'));
  const std::string head = form_head("Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n";
  steady.send(head);
  dripping.send(head);
  std::thread drip([&] {
    for (int i = 0; i < 40; ++i) {
      dripping.send(body.substr(static_cast<std::size_t>(i), 1));
      std::this_thread::sleep_for(50ms);
    }
  });
  for (std::size_t at = 0; at < body.size(); at += 5'000) {
    steady.send(body.substr(at, 5'000));
    std::this_thread::sleep_for(120ms);
  }
  EXPECT_TRUE(steady.read_until("\"bytes\":60000")) << steady.received();
  drip.join();
  EXPECT_TRUE(has_status(dripping.read_to_the_end(), 408)) << "a byte now and then does not buy time";
  EXPECT_TRUE(eventually([&] { return files_on_disk() == 1; }));
}

TEST_F(ServerFilesTest, DrainingLetsUploadsFinishAndStoppingCutsThem) {
  for (const bool drain : {true, false}) {
    start();
    const std::size_t before = files_on_disk();
    const std::string text = form_request(std::string(200'000, 'x'));
    Client client(server_->port());
    client.send(std::string_view(text).substr(0, 100'000));
    ASSERT_TRUE(eventually([&] { return server_->active_requests() == 1 && files_on_disk() == before + 1; }));
    if (drain) {
      server_->begin_drain();
      EXPECT_TRUE(has_status(ask(form_request("x")), 503)) << "nothing new is taken";
      client.send(std::string_view(text).substr(100'000));
      EXPECT_TRUE(client.read_until("\"bytes\":200000")) << client.received();
      end();
    } else {
      stop();
      EXPECT_EQ(files_on_disk(), before);
    }
  }
}

TEST_F(ServerFilesTest, ASlowDownloadHoldsNobodyUp) {
  start();
  const std::string stored = ask(form_request(std::string(8'000'000, '#')));
  const std::string text = request_text("GET", "/v1/files/" + id_in(stored) + "/content");
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 6; ++i) {
    slow.push_back(std::make_unique<Client>(server_->port()));
    slow.back()->send(text);
    ASSERT_TRUE(slow.back()->read_until("###"));
  }
  EXPECT_TRUE(has_status(ask(text), 200)) << "six that read nothing more take no disk thread";
  slow.front()->leave();
  slow.back()->send(request_text("GET", "/healthz", {}, "Connection: close\r\n"));
  const std::string whole = slow.back()->read_to_the_end();
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '#'), 8'000'000) << "those that read on get all of it";
  EXPECT_TRUE(whole.ends_with("{\"status\":\"ok\"}"));
}

}  // namespace
}  // namespace marquee::http
