#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "http/running_server_test.h"

namespace marquee::http {
namespace {

TEST_F(ServerTest, AnswersAndBills) {
  start();
  const std::string whole = ask(generation(R"(, "max_tokens": 5)"));
  ASSERT_TRUE(has_status(whole, 200)) << whole;
  const auto body = base::json::parse(whole.substr(whole.find("\r\n\r\n") + 4));
  EXPECT_EQ(body.at("usage").at("completion_tokens"), base::json::value(5));
  const auto sum = bill();
  EXPECT_EQ(sum.requests, 1);
  EXPECT_EQ(sum.tokens_in, 3);
  EXPECT_EQ(sum.tokens_out, 5);
  const std::string streamed = ask(generation(R"(, "max_tokens": 5, "stream": true)"));
  EXPECT_NE(streamed.find("data: [DONE]\n\n\r\n0\r\n\r\n"), std::string::npos) << streamed;
  EXPECT_EQ(bill().requests, 2) << "the bill is written before the answer's end is sent";
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  start();
  std::atomic<int> whole{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      Client client(server_->port());
      for (int j = 0; j < 6; ++j) {
        const bool stream = (i + j) % 2 == 0;
        client.send(generation(std::string(R"(, "max_tokens": 7, "stream": )") + (stream ? "true" : "false")));
      }
      client.send(request_text("GET", "/v1/models", {}, "Connection: close\r\n"));
      const std::string all = client.read_to_the_end();
      int answers = 0;
      for (std::size_t at = all.find("HTTP/1.1 200 OK"); at != std::string::npos;
           at = all.find("HTTP/1.1 200 OK", at + 1))
        ++answers;
      if (answers == 7) ++whole;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(whole, 16);
  EXPECT_EQ(bill().requests, 96);
  EXPECT_EQ(bill().tokens_out, 96 * 7);
}

TEST_F(ServerTest, AClientThatLeavesEndsItsGeneration) {
  start();
  for (const char* stream : {"true", "false"}) {
    const auto before = bill().requests;
    gated_ = true;
    Client client(server_->port());
    client.send(generation(std::string(R"(, "max_tokens": 4000, "stream": )") + stream));
    gate_.wait_until_held();
    client.leave();
    // While the step is held the departure is noticed; the step that runs is the last.
    std::this_thread::sleep_for(50ms);
    gated_ = false;
    gate_.let_one_pass();
    ASSERT_TRUE(eventually([&] { return bill().requests == before + 1 && engine_->active_requests() == 0; }));
    EXPECT_LE(bill().tokens_out, 2 * (before + 1)) << "it ended within a step";
  }
}

TEST_F(ServerTest, ClientsThatComeAndGoAtAnyMoment) {
  start();
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 12; ++j) {
        Client client(server_->port());
        const std::string text = generation(R"(, "max_tokens": 300, "stream": true)");
        client.send(std::string_view(text).substr(
            0, j % 3 == 0 ? text.size() * static_cast<std::size_t>(j) / 12 : text.size()));
        std::this_thread::sleep_for(std::chrono::microseconds(300 * ((i * 12 + j) % 11)));
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_TRUE(eventually([&] { return engine_->active_requests() == 0 && server_->active_requests() == 0; }));
  EXPECT_TRUE(has_status(ask(request_text("GET", "/healthz")), 200));
}

TEST_F(ServerTest, ASlowReaderHoldsNobodyUp) {
  start();
  Client slow(server_->port());
  slow.send(generation(R"(, "max_tokens": 3000, "stream": true, "logprobs": 20, "n": 8)"));
  ASSERT_TRUE(slow.read_until("data: "));
  // Nothing is read: the generation comes to rest, and others go on.
  EXPECT_TRUE(has_status(ask(generation(R"(, "max_tokens": 50)")), 200));
  std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(has_status(ask(generation(R"(, "max_tokens": 50)")), 200));
  EXPECT_EQ(bill().requests, 2) << "the large one waits for its reader";
  ASSERT_TRUE(slow.read_until("data: [DONE]"));
  EXPECT_EQ(bill().tokens_out, 8 * 3000 + 100);
}

TEST_F(ServerTest, DrainingFinishesWhatRuns) {
  start();
  gated_ = true;
  Client running(server_->port());
  running.send(generation(R"(, "max_tokens": 20, "stream": true)"));
  gate_.wait_until_held();
  Client idle(server_->port());
  idle.send(request_text("GET", "/readyz"));
  ASSERT_TRUE(idle.read_until("ready"));
  server_->begin_drain();
  EXPECT_EQ(idle.read_to_the_end().find("HTTP/1.1 503"), std::string::npos) << "an idle connection is just closed";
  EXPECT_TRUE(has_status(ask(request_text("GET", "/readyz")), 503));
  EXPECT_TRUE(has_status(ask(request_text("GET", "/healthz")), 200));
  EXPECT_TRUE(has_status(ask(generation(R"(, "max_tokens": 1)")), 503));
  gated_ = false;
  gate_.open();
  EXPECT_TRUE(running.read_until("data: [DONE]"));
  end();
  EXPECT_EQ(bill().tokens_out, 20);
}

TEST_F(ServerTest, DrainingCutsWhatTakesTooLong) {
  start({.drain_timeout = 50ms});
  Client running(server_->port());
  running.send(generation(R"(, "max_tokens": 4000, "stream": true)"));
  gated_ = true;
  gate_.wait_until_held();
  server_->begin_drain();
  std::this_thread::sleep_for(100ms);
  gated_ = false;
  gate_.open();
  running.read_to_the_end();
  end();
  EXPECT_EQ(bill().requests, 1) << "what it used is billed";
}

TEST_F(ServerTest, StoppingEndsEverythingAtOnce) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    clients.back()->send(generation(R"(, "max_tokens": 4000, "stream": true)"));
  }
  for (const auto& client : clients) ASSERT_TRUE(client->read_until("data: "));
  stop();
  for (const auto& client : clients) EXPECT_EQ(client->read_to_the_end().find("[DONE]"), std::string::npos);
  EXPECT_EQ(bill().requests, 6);
}

TEST_F(ServerTest, AFullQueueSaysWhenToComeBack) {
  start({}, {.max_running_sequences = 1, .max_queued_requests = 1});
  gated_ = true;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    clients.back()->send(generation(R"(, "max_tokens": 3)"));
    if (i == 0) gate_.wait_until_held();
    ASSERT_TRUE(eventually([&] { return engine_->active_requests() == i + 1; }));
  }
  const std::string refused = ask(generation(R"(, "max_tokens": 3)"));
  EXPECT_TRUE(has_status(refused, 429)) << refused;
  EXPECT_NE(refused.find("\r\nretry-after: "), std::string::npos);
  gated_ = false;
  gate_.open();
  for (const auto& client : clients) ASSERT_TRUE(client->read_until("\"usage\""));
  EXPECT_EQ(bill().requests, 2);
}

TEST_F(ServerTest, ConnectionsOverTheCapAreTold) {
  start({.limits = {.max_connections = 4}});
  std::vector<std::unique_ptr<Client>> held;
  for (int i = 0; i < 4; ++i) {
    held.push_back(std::make_unique<Client>(server_->port()));
    held.back()->send(request_text("GET", "/healthz"));
    ASSERT_TRUE(held.back()->read_until("ok"));
  }
  for (int i = 0; i < 20; ++i) {
    Client refused(server_->port());
    EXPECT_TRUE(has_status(refused.read_to_the_end(), 503));
  }
  held.clear();
  EXPECT_TRUE(eventually([&] { return has_status(ask(request_text("GET", "/healthz")), 200); }));
}

TEST_F(ServerTest, ARevokedKeyOpensNothing) {
  start();
  const auto made = keys_->create(platform::local_operator(), {.tenant = "t", .scopes = {"infer"}}).value();
  key_ = made.secret;
  Client kept(server_->port());
  kept.send(request_text("GET", "/v1/models"));
  ASSERT_TRUE(kept.read_until("\"object\":\"list\""));
  ASSERT_TRUE(keys_->revoke(platform::local_operator(), made.info.id));
  kept.send(request_text("GET", "/v1/models", {}, "Connection: close\r\n"));
  EXPECT_NE(kept.read_to_the_end().find("HTTP/1.1 401"), std::string::npos);
}

TEST_F(ServerTest, AModelsFaultIsTheServersAndSaysNothingOfOthers) {
  start();
  engine_->acquire("fake").value();
  gated_ = false;
  EXPECT_TRUE(has_status(ask(request_text("POST", "/v1/completions", R"({"model": "none", "prompt": "a"})")), 404));
  EXPECT_TRUE(has_status(ask(request_text("POST", "/v1/chat/completions",
                                          R"({"model": "fake", "messages": [{"role": "user", "content": "a"}]})")),
                         400))
      << "a model without a chat template";
}

TEST_F(ServerTest, AddressesThatCannotBeHad) {
  start();
  ServerOptions options;
  options.port = server_->port();
  const auto taken = Server::create(options, *engine_, *keys_, *usage_, *files_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, base::ErrorCode::kIo);
  EXPECT_NE(taken.error().message.find(std::to_string(options.port)), std::string::npos);
  options.address = "no-address";
  EXPECT_EQ(Server::create(options, *engine_, *keys_, *usage_, *files_).error().code,
            base::ErrorCode::kInvalidArgument);
  options = {.port = 0, .tls = {"/nowhere/chain.pem", "/nowhere/key.pem"}};
  EXPECT_NE(Server::create(options, *engine_, *keys_, *usage_, *files_).error().message.find("/nowhere/chain.pem"),
            std::string::npos);
}

}  // namespace
}  // namespace marquee::http
