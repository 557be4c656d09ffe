// What answers look like, whole and streamed, in both formats.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "http/answers/answer_format.h"
#include "http/answers/json_text.h"
#include "http/answers/tool_call_reader.h"
#include "http/error_response.h"
#include "serving/fake_model_test.h"

namespace marquee::http {
namespace {

namespace json = base::json;
using serving::FinishReason;
using serving::TokenRecord;

TokenRecord record(std::string bytes, float logprob, std::vector<text::TokenLogprob> top = {}) {
  TokenRecord made;
  made.bytes = std::move(bytes);
  made.sampled.logprob = text::TokenLogprob{.id = 2, .logprob = logprob};
  made.sampled.top = std::move(top);
  return made;
}

AnswerInfo info(bool logprobs = false, bool usage = false, std::int32_t choices = 1) {
  return {.id = "id-1",
          .model = "m\"1",
          .created_unix_s = 5,
          .fingerprint = "fp_x",
          .include_usage = usage,
          .logprobs = logprobs,
          .choices = choices};
}

/// The objects of "data: {…}\n\n" events.
std::vector<json::value> events_of(std::string_view text) {
  std::vector<json::value> events;
  while (!text.empty()) {
    EXPECT_TRUE(text.starts_with("data: ")) << text;
    const std::size_t end = text.find("\n\n");
    EXPECT_NE(end, std::string_view::npos);
    events.push_back(json::parse(text.substr(6, end - 6)));
    text.remove_prefix(end + 2);
  }
  return events;
}

TEST(JsonTextTest, Strings) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    EXPECT_NO_THROW(static_cast<void>(json::parse(out))) << out;
    return out;
  };
  EXPECT_EQ(quoted("a\"\\\n\r\t\b/\x7F"), R"("a\"\\\n\r\t\u0008/\u007f")");
  EXPECT_EQ(quoted(std::string_view("\0\x1F", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(quoted("\xC3\xA9\xF0\x9F\x99\x82"), "\"\xC3\xA9\xF0\x9F\x99\x82\"");
  EXPECT_EQ(quoted("a\xC3"), "\"a\xEF\xBF\xBD\"") << "half a character";
  EXPECT_EQ(quoted("\xED\xA0\x80").find("\xED\xA0"), std::string::npos) << "a surrogate is no character";
}

TEST(JsonTextTest, Numbers) {
  const auto text = [](auto value) {
    std::string out;
    append_json_number(out, value);
    return out;
  };
  EXPECT_EQ(text(-0.1F), "-0.1");
  EXPECT_EQ(text(std::numeric_limits<float>::infinity()), "-9999");
  EXPECT_EQ(text(-std::numeric_limits<float>::infinity()), "-9999");
  EXPECT_EQ(text(std::numeric_limits<float>::quiet_NaN()), "-9999");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(std::stof(text(1.17549435e-38F)), 1.17549435e-38F);
}

TEST(ChatAnswerTest, Whole) {
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_chat_format(info(true, false, 2), tokenizer);
  const std::vector<Choice> choices = {
      {.text = "h\xC3\xA9",
       .tokens = {record("h", -0.5F, {{9, -0.5F}, {28, -2}}), record("\xC3", -1), record("\xA9", -2)},
       .finish = FinishReason::kStop},
      {.text = "", .tokens = {}, .finish = FinishReason::kDeadline}};
  const auto answer =
      json::parse(format->whole(choices, {.prompt_tokens = 3, .completion_tokens = 4, .cached_tokens = 1}));
  EXPECT_EQ(answer.at("object"), json::value("chat.completion"));
  EXPECT_EQ(answer.at("model"), json::value("m\"1"));
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                                               "prompt_tokens_details": {"cached_tokens": 1}})"));
  const auto& first = answer.at("choices").at(0);
  EXPECT_EQ(first.at("message"),
            json::parse("{\"role\": \"assistant\", \"content\": \"h\xC3\xA9\", \"refusal\": null}"));
  EXPECT_EQ(first.at("finish_reason"), json::value("stop"));
  const auto& content = first.at("logprobs").at("content").as_array();
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(content[0].at("bytes"), (json::array{104}));
  EXPECT_EQ(content[0].at("top_logprobs").as_array().size(), 2U);
  EXPECT_EQ(content[1].at("bytes"), (json::array{0xC3})) << "half a character keeps its bytes";
  EXPECT_EQ(content[1].at("token"), json::value("\xEF\xBF\xBD"));
  EXPECT_EQ(answer.at("choices").at(1).at("finish_reason"), json::value("length"));
}

TEST(ChatAnswerTest, Streamed) {
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_chat_format(info(false, true), tokenizer);
  std::string out;
  format->append_opening(out, 0);
  format->append_piece(out, {.choice = 0, .text = "a\nb", .tokens = {}});
  format->append_finish(out, 0, FinishReason::kLength);
  format->append_usage(out, {.prompt_tokens = 1, .completion_tokens = 2});
  const auto events = events_of(out);
  ASSERT_EQ(events.size(), 4U);
  for (const auto& event : events) {
    EXPECT_EQ(event.at("object"), json::value("chat.completion.chunk"));
    EXPECT_EQ(event.at("id"), json::value("id-1"));
  }
  EXPECT_EQ(events[0].at("choices").at(0).at("delta"), json::parse(R"({"role": "assistant", "content": ""})"));
  EXPECT_TRUE(events[0].at("usage").is_null());
  EXPECT_EQ(events[1].at("choices").at(0).at("delta").at("content"), json::value("a\nb"));
  EXPECT_TRUE(events[1].at("choices").at(0).at("finish_reason").is_null());
  EXPECT_EQ(events[2].at("choices").at(0).at("finish_reason"), json::value("length"));
  EXPECT_EQ(events[3].at("choices"), json::array());
  EXPECT_EQ(events[3].at("usage").at("total_tokens"), json::value(3));
}

TEST(CompletionAnswerTest, LogprobsAndEcho) {
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_completion_format(info(true, false, 2), tokenizer, {"E\xC3\xA9", "F"});
  const std::vector<Choice> choices = {
      {.text = "\xC3\xB6x",
       .tokens = {record("\xC3\xB6", -1, {{31, -1}, {2, -3}, {2, -4}}), record("\xE2", -2)},
       .finish = FinishReason::kStop},
      {.text = "y", .tokens = {}, .finish = FinishReason::kLength}};
  const auto answer = json::parse(format->whole(choices, {}));
  const auto& first = answer.at("choices").at(0);
  EXPECT_EQ(first.at("text"), json::value("E\xC3\xA9\xC3\xB6x"));
  EXPECT_EQ(first.at("logprobs").at("tokens"), (json::array{"\xC3\xB6", "bytes:\\xe2"}));
  EXPECT_EQ(first.at("logprobs").at("text_offset"), (json::array{0, 1})) << "in characters, not bytes";
  EXPECT_EQ(first.at("logprobs").at("top_logprobs").at(0).as_object().size(), 2U) << "a name is a key once";
  EXPECT_EQ(answer.at("choices").at(1).at("text"), json::value("Fy"));
  EXPECT_TRUE(answer.at("choices").at(1).at("logprobs").is_null());
}

TEST(CompletionAnswerTest, StreamedOffsetsGoOn) {
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_completion_format(info(true), tokenizer, {});
  const std::vector<TokenRecord> tokens = {record("ab", -1)};
  std::string out;
  format->append_opening(out, 0);
  EXPECT_TRUE(out.empty()) << "nothing to echo";
  format->append_piece(out, {.choice = 0, .text = "ab", .tokens = tokens});
  format->append_piece(out, {.choice = 0, .text = "ab", .tokens = tokens});
  format->append_finish(out, 0, FinishReason::kStop);
  const auto events = events_of(out);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[1].at("choices").at(0).at("logprobs").at("text_offset"), (json::array{2}));
  EXPECT_FALSE(events[0].as_object().contains("usage"));
  EXPECT_EQ(events[2].at("choices").at(0).at("finish_reason"), json::value("stop"));
}

TEST(ErrorResponseTest, EveryCodeHasAStatusAndABody) {
  for (int i = 0; i <= static_cast<int>(base::ErrorCode::kInternal); ++i) {
    const base::Error error{static_cast<base::ErrorCode>(i), "what \"happened\"", "field"};
    const Response response = error_response(error, {}, std::chrono::seconds(7));
    EXPECT_GE(response.status, 400);
    EXPECT_NE(reason_phrase(response.status), "Unknown") << response.status;
    const auto body = json::parse(response.body).at("error");
    EXPECT_EQ(body.at("message"), json::value("what \"happened\""));
    EXPECT_EQ(body.at("param"), json::value("field"));
    EXPECT_FALSE(body.at("type").as_string().empty());
    EXPECT_FALSE(body.at("code").as_string().empty());
    const bool waits = response.status == 429 || response.status == 503;
    const NameValue retry{"retry-after", "7"};
    EXPECT_EQ(std::count(response.headers.begin(), response.headers.end(), retry), waits ? 1 : 0) << response.status;
  }
  EXPECT_TRUE(json::parse(error_response({base::ErrorCode::kNotFound, "x"}).body).at("error").at("param").is_null());
}

constexpr std::string_view kCalls =
    "Let me see.<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"{\"}}\n</tool_call>\n<tool_call>\n"
    "{\"name\": \"g_2\", \"arguments\": {}}\n</tool_call>";

TEST(ToolCallReaderTest, ReadsTheSameHoweverItIsCut) {
  for (std::size_t step = 1; step <= kCalls.size(); ++step) {
    ToolCallReader reader;
    std::string text;
    std::vector<std::string> calls;
    for (std::size_t at = 0; at < kCalls.size(); at += step) {
      for (const auto& part : reader.push(kCalls.substr(at, step))) {
        if (part.kind == ToolCallReader::Part::Kind::kText) text += part.text;
        if (part.kind == ToolCallReader::Part::Kind::kName) calls.push_back(part.text + " ");
        if (part.kind == ToolCallReader::Part::Kind::kArguments) calls.back() += part.text;
      }
    }
    EXPECT_TRUE(reader.finish().empty());
    EXPECT_EQ(text, "Let me see.");
    ASSERT_EQ(calls.size(), 2U) << step;
    EXPECT_EQ(calls[0], R"(f {"a": "}\"{"})");
    EXPECT_EQ(calls[1], "g_2 {}");
    EXPECT_TRUE(reader.complete());
  }
}

TEST(ToolCallReaderTest, HoldsBackOnlyWhatMayBecomeACall) {
  ToolCallReader reader;
  EXPECT_EQ(reader.push("a <tool").at(0).text, "a ");
  EXPECT_EQ(reader.push("s> <").at(0).text, "<tools> ");
  EXPECT_EQ(reader.finish().at(0).text, "<");
  EXPECT_FALSE(reader.complete());
}

TEST(ChatFormatTest, ToolCallsWhole) {
  AnswerInfo with_calls = info();
  with_calls.tool_calls = true;
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_chat_format(with_calls, tokenizer);
  const Choice calls{.text = std::string(kCalls), .tokens = {}, .finish = FinishReason::kStop};
  const auto choice = json::parse(format->whole(std::vector<Choice>{calls}, {})).at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), json::value("tool_calls"));
  EXPECT_EQ(choice.at("message").at("content"), json::value("Let me see."));
  const json::value& list = choice.at("message").at("tool_calls");
  EXPECT_EQ(list.at(0).at("function"), json::parse(R"({"name": "f", "arguments": "{\"a\": \"}\\\"{\"}"})"));
  EXPECT_EQ(list.at(1).at("type"), json::value("function"));
  EXPECT_EQ(list.at(1).at("id"), json::value(tool_call_id("id-1", 0, 1)));
  EXPECT_NE(list.at(0).at("id"), list.at(1).at("id"));
  const Choice cut{.text = std::string(kCalls.substr(11, 50)), .tokens = {}, .finish = FinishReason::kLength};
  const auto half = json::parse(format->whole(std::vector<Choice>{cut}, {})).at("choices").at(0);
  EXPECT_EQ(half.at("finish_reason"), json::value("length"));
  EXPECT_TRUE(half.at("message").at("content").is_null());
  const Choice text{.text = "Hi", .tokens = {}, .finish = FinishReason::kStop};
  const auto plain = json::parse(format->whole(std::vector<Choice>{text}, {})).at("choices").at(0);
  EXPECT_EQ(plain.at("finish_reason"), json::value("stop"));
  EXPECT_FALSE(plain.at("message").get_object().contains("tool_calls"));
}

TEST(ChatFormatTest, ToolCallsStreamed) {
  AnswerInfo with_calls = info();
  with_calls.tool_calls = true;
  const serving::testing::FakeTokenizer tokenizer;
  const auto format = make_chat_format(with_calls, tokenizer);
  std::string out;
  for (std::size_t at = 0; at < kCalls.size(); at += 7) format->append_piece(out, {0, kCalls.substr(at, 7), {}});
  format->append_finish(out, 0, FinishReason::kStop);
  std::string content;
  std::vector<std::string> arguments;
  std::vector<std::string> names;
  for (const json::value& event : events_of(out)) {
    const json::value& delta = event.at("choices").at(0).at("delta");
    if (const auto* text = delta.get_object().if_contains("content")) content += text->get_string();
    if (const auto* calls = delta.get_object().if_contains("tool_calls")) {
      const json::value& call = calls->at(0);
      if (call.get_object().contains("id")) {
        EXPECT_EQ(call.at("id"), json::value(tool_call_id("id-1", 0, names.size())));
        names.emplace_back(call.at("function").at("name").get_string());
        arguments.emplace_back();
      }
      EXPECT_EQ(call.at("index").to_number<std::size_t>(), names.size() - 1);
      arguments.back() += call.at("function").at("arguments").get_string();
    }
  }
  EXPECT_EQ(content, "Let me see.");
  EXPECT_EQ(names, (std::vector<std::string>{"f", "g_2"}));
  EXPECT_EQ(arguments, (std::vector<std::string>{R"({"a": "}\"{"})", "{}"}));
  EXPECT_EQ(events_of(out).back().at("choices").at(0).at("finish_reason"), json::value("tool_calls"));
}

}  // namespace
}  // namespace marquee::http
