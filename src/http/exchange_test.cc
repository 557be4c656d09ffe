#include "http/exchange.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace marquee::http {
namespace {

TEST(ExchangeTest, AnAnswerIsTakenOnce) {
  Exchange exchange;
  EXPECT_TRUE(exchange.take().empty());
  exchange.respond({.body = "first"});
  exchange.respond({.body = "second"});
  const auto piece = exchange.take();
  ASSERT_TRUE(piece.response);
  EXPECT_EQ(piece.response->body, "first");
  EXPECT_TRUE(piece.ended);
  EXPECT_TRUE(exchange.take().empty());
  EXPECT_FALSE(exchange.write("late"));
}

TEST(ExchangeTest, AStreamKeepsItsOrderAndItsBound) {
  Exchange exchange;
  exchange.begin_stream({.body = "a"});
  EXPECT_TRUE(exchange.write("b"));
  auto piece = exchange.take();
  ASSERT_TRUE(piece.head);
  EXPECT_EQ(piece.bytes, "ab");
  EXPECT_EQ(piece.counted_bytes, 2U);
  EXPECT_TRUE(exchange.write(std::string(kStreamBufferBytes - 2, 'x'))) << "taken bytes count until they are sent";
  EXPECT_FALSE(exchange.ready());
  exchange.sent(2);
  EXPECT_TRUE(exchange.write("yz"));
  EXPECT_FALSE(exchange.write("!")) << "over the bound";
  piece = exchange.take();
  EXPECT_TRUE(piece.ended);
  EXPECT_FALSE(piece.complete) << "a stream that overflows is cut, not ended";
  EXPECT_TRUE(piece.bytes.empty());
}

TEST(ExchangeTest, ReadyIsToldOnceItHasBeenUnready) {
  Exchange exchange;
  int calls = 0;
  exchange.on_ready([&] { ++calls; });
  exchange.begin_stream({});
  exchange.write("x");
  exchange.sent(exchange.take().counted_bytes);
  EXPECT_EQ(calls, 0) << "it never was unready";
  exchange.write(std::string(kStreamLowWaterBytes + 10, 'x'));
  EXPECT_FALSE(exchange.ready());
  static_cast<void>(exchange.take());
  exchange.sent(5);
  EXPECT_EQ(calls, 0);
  exchange.sent(5);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(exchange.ready());
  exchange.sent(kStreamLowWaterBytes);
  EXPECT_EQ(calls, 1);
  exchange.mark_gone();
  EXPECT_TRUE(exchange.ready()) << "what is dropped needs no room";
}

TEST(ExchangeTest, LeavingIsToldOnceAlsoToThoseWhoAskLate) {
  Exchange exchange;
  int calls = 0;
  EXPECT_FALSE(exchange.cancellable());
  exchange.on_gone([&] { ++calls; });
  EXPECT_TRUE(exchange.cancellable());
  exchange.mark_gone();
  exchange.mark_gone();
  EXPECT_EQ(calls, 1);
  exchange.on_gone([&] { ++calls; });
  EXPECT_EQ(calls, 2);
  exchange.respond({.body = "nobody reads this"});
  EXPECT_TRUE(exchange.take().empty());
  EXPECT_TRUE(exchange.gone());
}

TEST(ExchangeTest, WritersAndTheReaderMayRunAtOnce) {
  Exchange exchange;
  std::atomic<int> notified{0};
  exchange.set_notify([&] { ++notified; });
  std::thread writer([&] {
    exchange.begin_stream({});
    for (int i = 0; i < 2'000; ++i) {
      while (!exchange.ready()) std::this_thread::yield();
      ASSERT_TRUE(exchange.write(std::string(100, static_cast<char>('a' + i % 26))));
    }
    exchange.end_stream();
  });
  std::string all;
  while (true) {
    auto piece = exchange.take();
    all += piece.bytes;
    exchange.sent(piece.counted_bytes);
    if (piece.ended) {
      EXPECT_TRUE(piece.complete);
      break;
    }
  }
  writer.join();
  ASSERT_EQ(all.size(), 200'000U);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<char>('a' + i / 100 % 26));
  EXPECT_GT(notified, 0);
}

}  // namespace
}  // namespace marquee::http
