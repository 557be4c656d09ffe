// Answers that are held to a grammar, together with all else that the scheduler does.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "serving/grammar_cache.h"
#include "serving/scheduler_fixture_test.h"
#include "text/grammar/stacks.h"

namespace marquee::serving::testing {
namespace {

class GrammarSchedulingTest : public SchedulerTest {
 protected:
  std::shared_ptr<const text::grammar::TokenGrammar> gbnf(const std::string& source) {
    auto compiled = cache_.get({text::grammar::Source::Kind::kGbnf, source});
    EXPECT_TRUE(compiled) << compiled.error().message;
    return compiled ? *compiled : nullptr;
  }
  /// @param whole whether the text must also end there
  static void expect_follows(const GenerationRequest& request, const std::string& text, bool whole) {
    text::grammar::Recognizer recognizer(request.grammar->automaton());
    EXPECT_TRUE(recognizer.read(text)) << text;
    EXPECT_TRUE(!whole || recognizer.can_end()) << text;
  }

  GrammarCache cache_{tokenizer_, kFakeVocab};
  static constexpr const char* kWords = "root ::= word (\" \" word){3,8}\nword ::= [a-m]{2,6} | \"\u00e9\" | \"the\"";
};

TEST_F(GrammarSchedulingTest, EveryChoiceFollowsItWhateverElseRuns) {
  for (const std::int32_t pages : {1024, 24}) {  // with 24 pages sequences are preempted and recomputed
    start(pages, {.prefill_chunk_tokens = 7});
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (std::uint64_t variant = 0; variant < 16; ++variant) {
      auto request = make_request(5 + static_cast<std::int32_t>(variant * 3), 60, variant);
      request.n = variant % 4 == 0 ? 3 : 1;
      request.ignore_eos = variant % 5 == 0;
      if (variant % 3 == 0) request.sampling.temperature = 0;
      if (variant % 3 == 1) request.sampling.top_p = 0.8F;
      if (variant % 7 == 3) request.sampling.repetition_penalty = 1.3F;
      if (variant % 2 == 0) request.grammar = gbnf(kWords);
      requests.push_back(request);
      sinks.push_back(submit(request));
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      ASSERT_TRUE(sinks[i]->wait());
      expect_reference(*sinks[i], requests[i]);
      if (!requests[i].grammar) continue;
      for (std::int32_t choice = 0; choice < requests[i].n; ++choice) {
        expect_follows(requests[i], sinks[i]->text(choice), sinks[i]->finish(choice) == FinishReason::kStop);
      }
    }
    TearDown();
  }
  scheduler_.reset();
}

TEST_F(GrammarSchedulingTest, EndsAsSoonAsNothingCanFollow) {
  start();
  auto request = make_request(5, 60, 1);
  request.grammar = gbnf("root ::= \"abc\" \" \" [xy]");
  for (const bool ignore_eos : {false, true}) {
    request.ignore_eos = ignore_eos;
    const auto sink = submit(request);
    ASSERT_TRUE(sink->wait());
    EXPECT_EQ(sink->finish(), FinishReason::kStop);
    expect_follows(request, sink->text(), true);
    EXPECT_LE(sink->usage().completion_tokens, 5) << "no step was spent on an end token";
  }
}

TEST_F(GrammarSchedulingTest, CutAndStoppedAnswersAreBeginnings) {
  start();
  auto request = make_request(5, 4, 2);
  request.grammar = gbnf("root ::= [a-f]{30}");
  const auto cut = submit(request);
  ASSERT_TRUE(cut->wait());
  EXPECT_EQ(cut->finish(), FinishReason::kLength);
  expect_follows(request, cut->text(), false);
  request.max_tokens = 60;
  request.stop = {"a"};
  request.grammar = gbnf("root ::= [b-f]{3} \"a\" [b-f]{30}");
  const auto stopped = submit(request);
  ASSERT_TRUE(stopped->wait());
  EXPECT_EQ(stopped->finish(), FinishReason::kStop);
  EXPECT_EQ(stopped->text().size(), 3U);
}

TEST_F(GrammarSchedulingTest, LogProbabilitiesAreTheModelsOwn) {
  start();
  auto request = make_request(5, 8, 3);
  request.sampling.top_logprobs = 3;
  request.grammar = gbnf("root ::= \"z\"{6}");
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->text(), "zzzzzz");
  bool surprised = false;
  for (const auto& event : sink->events()) {
    for (const auto& token : event.tokens) surprised = surprised || token.sampled.logprob->logprob < -1.0F;
  }
  EXPECT_TRUE(surprised) << "the mask must not show in them";
}

TEST_F(GrammarSchedulingTest, WhatCannotGoOnIsAnErrorAndNeverFreeText) {
  start();
  auto request = make_request(5, 60, 4);
  request.grammar = gbnf("root ::= \"ab\" \"5\"");  // no token holds a 5 alone
  const auto sink = submit(request);
  auto other = make_request(5, 20, 5);
  const auto unharmed = submit(other);
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->finish(), FinishReason::kError);
  ASSERT_TRUE(sink->error());
  EXPECT_NE(sink->error()->message.find("no token of this model's vocabulary"), std::string::npos);
  ASSERT_TRUE(unharmed->wait());
  expect_reference(*unharmed, other);
}

TEST(GrammarCacheTest, KeepsWhatWasUsedLast) {
  const FakeTokenizer tokenizer;
  GrammarCache cache(tokenizer, kFakeVocab);
  const auto source = [](std::size_t i) {
    return text::grammar::Source{text::grammar::Source::Kind::kGbnf, "root ::= [a-z]{" + std::to_string(i + 1) + "}"};
  };
  const auto first = cache.get(source(0)).value();
  EXPECT_EQ(cache.get(source(0)).value(), first);
  for (std::size_t i = 1; i < GrammarCache::kMaxGrammars; ++i) ASSERT_TRUE(cache.get(source(i)));
  EXPECT_EQ(cache.get(source(0)).value(), first);
  for (std::size_t i = 0; i < GrammarCache::kMaxGrammars; ++i) ASSERT_TRUE(cache.get(source(100 + i)));
  EXPECT_NE(cache.get(source(0)).value(), first);
  EXPECT_FALSE(cache.get({text::grammar::Source::Kind::kGbnf,
                          "root ::="
                          " root"}));
}

}  // namespace
}  // namespace marquee::serving::testing
