#include "apps/chat_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving/scratch_folder_test.h"

namespace marquee::apps {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Answers each question with its number, and keeps what it was asked.
class NumberedAnswerer : public Answerer {
 public:
  [[nodiscard]] const std::string& model() const override { return model_; }
  base::Result<Answer> chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                            const OnText& on_text, const std::atomic<bool>&) override {
    if (messages.size() > most_messages) return base::Error{base::ErrorCode::kTooLarge, "too long"};
    if (broken) return base::Error{base::ErrorCode::kUnavailable, "the server left"};
    std::vector<std::string> texts;
    for (const auto& message : messages) texts.push_back(message.role + ":" + message.content);
    asked.push_back(texts);
    temperatures.push_back(options.temperature.value_or(-1));
    Answer answer;
    answer.text = "answer " + std::to_string(asked.size());
    answer.finish_reason = "stop";
    on_text(" " + answer.text + "\n\n");
    return answer;
  }
  base::Result<Answer> complete(const std::string&, const AnswerOptions&, const OnText&,
                                const std::atomic<bool>&) override {
    return base::unsupported("chat only");
  }

  std::vector<std::vector<std::string>> asked;
  std::vector<float> temperatures;
  std::size_t most_messages = 100;
  bool broken = false;

 private:
  std::string model_ = "numbers";
};

struct Said {
  bool good;
  std::string out;
  std::string err;
};

/// A conversation whose lines come from a file.
Said converse(Answerer& answerer, const std::string& lines, const std::string& system = "") {
  std::FILE* input = std::tmpfile();
  std::fwrite(lines.data(), 1, lines.size(), input);
  std::rewind(input);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  LineReader reader("", input);
  ChatSession session(answerer, {}, system);
  const bool good = session.run(reader);
  std::fclose(input);
  return {good, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(ChatSession, EachQuestionCarriesTheConversation) {
  NumberedAnswerer answerer;
  const Said said = converse(answerer, "hello\n\nand \\\nthen?\n", "Be brief");
  EXPECT_TRUE(said.good);
  EXPECT_EQ(said.out, "answer 1\nanswer 2\n") << "white space around answers is left out";
  ASSERT_EQ(answerer.asked.size(), 2U);
  EXPECT_THAT(answerer.asked[0], ElementsAre("system:Be brief", "user:hello"));
  EXPECT_THAT(answerer.asked[1],
              ElementsAre("system:Be brief", "user:hello", "assistant:answer 1", "user:and \nthen?"));
}

TEST(ChatSession, CommandsChangeWhatIsAsked) {
  NumberedAnswerer answerer;
  converse(answerer, "a\n/retry\n/system You are a dragon\n/set temperature 0.5\nb\n/clear\nc\n/quit\nd\n");
  ASSERT_EQ(answerer.asked.size(), 4U) << "nothing is asked after /quit";
  EXPECT_THAT(answerer.asked[1], ElementsAre("user:a")) << "/retry asks the same anew";
  EXPECT_THAT(answerer.asked[2], ElementsAre("system:You are a dragon", "user:a", "assistant:answer 2", "user:b"));
  EXPECT_THAT(answerer.asked[3], ElementsAre("system:You are a dragon", "user:c"));
  EXPECT_EQ(answerer.temperatures, (std::vector<float>{-1, -1, 0.5F, 0.5F}));
}

TEST(ChatSession, WrongCommandsAreExplained) {
  NumberedAnswerer answerer;
  const Said said =
      converse(answerer, "/hlp\n/set temprature 1\n/set temperature 99\n/set temperature\n/retry\n/save\n/xyzzy\n");
  EXPECT_THAT(said.err, AllOf(HasSubstr("did you mean /help?"), HasSubstr("did you mean 'temperature'?"),
                              HasSubstr("temperature must be a number in 0..2"), HasSubstr("nothing to answer anew"),
                              HasSubstr("/save FILE"), HasSubstr("there is no /xyzzy; /help lists")));
  EXPECT_TRUE(answerer.asked.empty());
}

TEST(ChatSession, ForgetsTheOldestExchangeWhenTheContextIsFull) {
  NumberedAnswerer answerer;
  answerer.most_messages = 4;
  const Said said = converse(answerer, "a\nb\nc\n", "s");
  ASSERT_EQ(answerer.asked.size(), 3U);
  EXPECT_THAT(answerer.asked[2], ElementsAre("system:s", "user:b", "assistant:answer 2", "user:c"));
  EXPECT_THAT(said.err, HasSubstr("no longer fits"));
  EXPECT_TRUE(said.good);
}

TEST(ChatSession, AFailedQuestionIsTakenBack) {
  NumberedAnswerer answerer;
  answerer.most_messages = 0;
  const Said said = converse(answerer, "too long for this model\n");
  EXPECT_FALSE(said.good);
  EXPECT_THAT(said.err, HasSubstr("too long"));
  answerer.most_messages = 100;
  answerer.broken = true;
  EXPECT_THAT(converse(answerer, "a\n/retry\n").err,
              AllOf(HasSubstr("the server left"), HasSubstr("nothing to answer anew")));
}

TEST(ChatSession, InvalidTextIsNotSent) {
  NumberedAnswerer answerer;
  const Said said = converse(answerer, "\xFF\n");
  EXPECT_FALSE(said.good);
  EXPECT_THAT(said.err, HasSubstr("not valid UTF-8"));
  EXPECT_TRUE(answerer.asked.empty());
}

TEST(ChatSession, SavesAsMarkdownAndOverwritesNothing) {
  const serving::ScratchFolder folder;
  const auto file = folder.path() / "talk.md";
  NumberedAnswerer answerer;
  const Said said = converse(answerer, "a\n/save " + file.string() + "\nb\n/save " + file.string() + "\n", "s");
  EXPECT_EQ(serving::read_all(file), "**system**: s\n\n**user**: a\n\n**assistant**: answer 1\n\n");
  EXPECT_THAT(said.err, AllOf(HasSubstr("saved to"), HasSubstr("is there already")));
}

}  // namespace
}  // namespace marquee::apps
