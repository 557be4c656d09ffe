#include "apps/stream_event.h"

#include <gtest/gtest.h>

namespace marquee::apps {
namespace {

TEST(StreamEvent, ReadsChatsAndCompletions) {
  const auto chat = read_stream_event(R"({"choices":[{"delta":{"content":"Hi"},"finish_reason":null}],"usage":null})");
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->text, "Hi");
  EXPECT_EQ(chat->finish_reason, "");
  EXPECT_FALSE(chat->prompt_tokens);
  const auto completion = read_stream_event(R"({"choices":[{"text":"Hi","finish_reason":"stop"}]})");
  ASSERT_TRUE(completion);
  EXPECT_EQ(completion->text, "Hi");
  EXPECT_EQ(completion->finish_reason, "stop");
  const auto usage = read_stream_event(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":"7"}})");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->prompt_tokens, 3);
  EXPECT_FALSE(usage->completion_tokens);
}

TEST(StreamEvent, PassesErrorsOn) {
  const auto message = [](std::string_view data) {
    const auto read = read_stream_event(data);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(message(R"({"error":{"message":"too long"}})"), "the server: too long");
  EXPECT_EQ(message(R"({"error":{"code":5}})"), R"(the server: {"code":5})");
  EXPECT_EQ(message(R"({"error":"busy"})"), R"(the server: "busy")");
  EXPECT_EQ(message(R"({"error":null,"choices":[]})"), "");
  EXPECT_NE(message("<html>"), "");
  for (const char* odd : {"[]", "7", R"({"choices":7})", R"({"choices":[7]})", R"({"choices":[{"delta":[]}]})"}) {
    const auto read = read_stream_event(odd);
    ASSERT_TRUE(read) << odd;
    EXPECT_EQ(read->text, "") << odd;
  }
}

}  // namespace
}  // namespace marquee::apps
