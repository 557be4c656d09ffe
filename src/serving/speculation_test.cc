// Guessing tokens ahead changes how fast an answer comes, never the answer.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "serving/grammar_cache.h"
#include "serving/guessing.h"
#include "serving/scheduler_fixture_test.h"

namespace marquee::serving::testing {
namespace {

std::vector<TokenId> guess(const std::vector<TokenId>& tokens, std::size_t most = 3) { return look_up(tokens, most); }

TEST(LookUp, GuessesWhatFollowedTheLastOccurrence) {
  using Tokens = std::vector<TokenId>;
  EXPECT_EQ(guess({1, 2, 3, 9, 9, 9, 1, 2, 3}), (Tokens{9, 9, 9}));
  EXPECT_EQ(guess({1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3}), (Tokens{8, 1, 2}));
  EXPECT_EQ(guess({1, 2, 3, 9, 9, 9, 1, 2, 3}, 1), (Tokens{9}));
  EXPECT_EQ(guess({1, 2, 3, 9, 9, 9, 1, 2, 3}, 0), Tokens());
  EXPECT_EQ(guess({1, 2, 3, 9, 9, 9, 0, 2, 3}), Tokens());
  EXPECT_EQ(guess({5, 5, 5, 5}), (Tokens{5, 5, 5}));
  EXPECT_EQ(guess({1, 2, 3, 1, 2, 3}, 7), (Tokens{1, 2, 3, 1, 2, 3, 1}));
  EXPECT_EQ(guess({5, 5, 5}), Tokens());
  EXPECT_EQ(guess({}), Tokens());
}

TEST(GuessPace, GrowsWhileRightAndStopsWhileWrong) {
  GuessPace pace;
  pace.note(3, 3, 0.6F);
  EXPECT_EQ(pace.next(), 6);
  pace.note(6, 6, 1.2F);
  EXPECT_EQ(pace.next(), kMostGuesses);
  pace.note(7, 1, 1.4F);
  EXPECT_EQ(pace.next(), 2);
  int wrong = 0;
  while (pace.next() > 0) {
    pace.note(1, 0, 0.2F);
    ASSERT_LT(++wrong, 20);
  }
  int silent = 1;
  while (pace.next() == 0) ASSERT_LT(++silent, 100);
  EXPECT_GE(silent, 31);
  pace.note(1, 0, 0.2F);
  int longer = 0;
  while (pace.next() == 0) ASSERT_LT(++longer, 200);
  EXPECT_GT(longer, silent) << "the second pause is longer";
}

TEST(GuessPace, SeldomTriesWhatIsSeldomRight) {
  std::mt19937 random(1);
  GuessPace pace;
  int guessed = 0;
  for (int step = 0; step < 5000; ++step) {
    const std::int32_t guesses = pace.next();
    if (guesses == 0) continue;
    guessed += guesses;
    pace.note(guesses, random() % 10 == 0 ? 1 : 0, kGuessCost * static_cast<float>(guesses));
  }
  EXPECT_GT(guessed, 0);
  EXPECT_LT(guessed, 250);
}

TEST(GuessPace, WeighsWhatGuessesCost) {
  GuessPace cheap;
  GuessPace dear;
  for (int i = 0; i < 10; ++i) {
    cheap.note(4, 2, 0.8F);
    dear.note(4, 2, 2.8F);
  }
  EXPECT_GT(cheap.next(), 0);
  EXPECT_EQ(dear.next(), 0);
}

class SpeculationTest : public SchedulerTest {
 protected:
  double guessed() { return metrics_.model("fake").guessed_tokens->Value(); }
  double right() { return metrics_.model("fake").right_guesses->Value(); }
  /// A request whose answer repeats itself: only `letters` are likely.
  GenerationRequest repeating(const std::string& letters, std::uint64_t variant, std::int32_t max_tokens = 80) {
    auto request = make_request(5 + static_cast<std::int32_t>(variant % 20), max_tokens, variant);
    for (const char letter : letters) {
      request.sampling.logit_bias.emplace_back(*tokenizer_.find(std::string(1, letter)), 50.0F);
    }
    return request;
  }
};

TEST_F(SpeculationTest, EveryAnswerIsTheOneWithoutIt) {
  GrammarCache grammars(tokenizer_, kFakeVocab);
  const auto grammar = grammars.get({text::grammar::Source::Kind::kGbnf, "root ::= (\"ab\" | \"ba\"){4,30} \"c\"?"});
  ASSERT_TRUE(grammar);
  for (const std::int32_t pages : {1024, 24}) {  // with 24 pages sequences are preempted and recomputed
    start(pages, {.prefill_chunk_tokens = 7, .speculation = true});
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (std::uint64_t variant = 0; variant < 24; ++variant) {
      auto request = repeating(variant % 3 == 0 ? "a" : variant % 3 == 1 ? "ab" : "abc", variant);
      request.n = variant % 4 == 1 ? 2 : 1;
      request.ignore_eos = variant % 5 == 0;
      if (variant % 6 == 2) request.sampling.temperature = 0;
      if (variant % 7 == 3) request.sampling.repetition_penalty = 1.1F;
      if (variant % 8 == 4) request.stop = {"abba", "aaaaaaaaaaaaa"};
      if (variant % 8 == 5) request.grammar = *grammar;
      if (variant % 8 == 6) request.sampling.logit_bias.emplace_back(kFakeEnd, 50.0F);
      if (variant % 8 == 7) request.sampling.top_logprobs = 2;
      requests.push_back(request);
      sinks.push_back(submit(request));
      if (variant % 6 == 5) {
        ASSERT_TRUE(sinks.back()->wait());  // few together, many together
      }
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      ASSERT_TRUE(sinks[i]->wait());
      expect_reference(*sinks[i], requests[i]);
    }
    TearDown();
  }
  scheduler_.reset();
  EXPECT_GT(right(), 0);
  EXPECT_GT(guessed(), right());
}

TEST_F(SpeculationTest, ManyTokensComeOfOneStep) {
  start(1024, {.speculation = true});
  const auto request = repeating("a", 1, 100);
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_LT(model_.step_count(), 25U);
}

TEST_F(SpeculationTest, StopsWhereItDoesNotPay) {
  start(1024, {.speculation = true});
  const auto request = repeating("abcdefgh", 3, 240);
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_LT(guessed() - right(), 40) << "of 240 tokens, each a draw from eight";
}

TEST_F(SpeculationTest, TakesNoPageFromOthers) {
  start(kContext / tensor::kKvPageTokens, {.speculation = true});
  std::vector<GenerationRequest> requests;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (std::uint64_t variant = 0; variant < 4; ++variant) {
    requests.push_back(repeating("a", 20 * variant, 59));
    sinks.push_back(submit(requests.back()));
  }
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    ASSERT_TRUE(sinks[i]->wait());
    expect_reference(*sinks[i], requests[i]);
  }
  scheduler_->stop();  // what is counted shows after the step
  EXPECT_EQ(metrics_.model("fake").preemptions->Value(), 0) << "4 x 64 positions fit without guesses";
}

/// Says the least likely token of the fake model.
class ContraryModel final : public text::LanguageModel {
 public:
  explicit ContraryModel(std::int32_t context) : model_(context) {}
  [[nodiscard]] const text::ModelFacts& facts() const override { return model_.facts(); }
  base::Result<void> forward(tensor::ComputeContext& context, std::span<const text::SequenceSlice> slices,
                             tensor::KvPool& cache, tensor::Matrix logits) override {
    MARQUEE_CHECK(model_.forward(context, slices, cache, logits));
    for (std::size_t i = 0; i < logits.rows * logits.cols; ++i) logits.data[i] = -logits.data[i];
    return {};
  }

 private:
  FakeModel model_;
};

class DraftTest : public SpeculationTest {
 protected:
  void start_with(text::LanguageModel& draft, std::int32_t draft_pages = 64) {
    draft_pool_ = tensor::KvPool::create(draft.facts().kv, draft_pages).value();
    draft_ = std::make_unique<DraftModel>(draft, *draft_pool_, 7);
    start(1024, {.prefill_chunk_tokens = 7, .speculation = true});
  }
  void TearDown() override {
    SpeculationTest::TearDown();
    EXPECT_EQ(draft_pool_->free_pages(), draft_pool_->total_pages());
    EXPECT_TRUE(twin_.complaints().empty()) << twin_.complaints().front();
  }
  static GenerationRequest greedy(std::uint64_t variant, std::int32_t max_tokens) {
    auto request = make_request(5 + static_cast<std::int32_t>(variant % 40), max_tokens, variant);
    request.sampling.temperature = 0;
    request.ignore_eos = true;
    return request;
  }

  FakeModel twin_{kContext};  ///< guesses right whenever the answer is the most likely one
  std::unique_ptr<tensor::KvPool> draft_pool_;
};

TEST_F(DraftTest, ManyTokensComeOfOneStep) {
  // A step that costs far more than a draft, even one that the machine interrupts: else guessing does not pay.
  model_.set_hook([](const FakeModel::Step&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return base::Result<void>();
  });
  start_with(twin_);
  const auto request = greedy(30, 100);
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_LT(model_.step_count(), 35U) << "100 tokens and 5 chunks of prompt";
  EXPECT_EQ(right(), guessed());
}

TEST_F(DraftTest, EveryAnswerIsTheOneWithoutIt) {
  for (const std::int32_t draft_pages : {64, 4}) {  // with 4 pages most sequences find no room for drafts
    start_with(twin_, draft_pages);
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (std::uint64_t variant = 0; variant < 24; ++variant) {
      auto request = greedy(variant, 60);
      request.n = variant % 4 == 1 ? 2 : 1;
      request.ignore_eos = variant % 5 == 0;
      if (variant % 3 == 1) request.sampling.temperature = 0.3F;
      if (variant % 8 == 4) request.stop = {"a", "the"};
      if (variant % 8 == 7) request.sampling.top_logprobs = 2;
      requests.push_back(request);
      sinks.push_back(submit(request));
      if (variant % 3 == 2) {
        ASSERT_TRUE(sinks.back()->wait());
      }
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      ASSERT_TRUE(sinks[i]->wait());
      expect_reference(*sinks[i], requests[i]);
    }
    TearDown();
  }
  scheduler_.reset();
  EXPECT_GT(right(), 0);
  EXPECT_GT(guessed(), right());
}

TEST_F(DraftTest, StopsWhereItDoesNotPay) {
  ContraryModel contrary(kContext);
  start_with(contrary);
  const auto request = greedy(3, 200);
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_LT(guessed(), 20);
  EXPECT_EQ(right(), 0);
  scheduler_->stop();
}

TEST_F(DraftTest, AFailureLeavesTheModelAlone) {
  twin_.set_hook([](const FakeModel::Step&) { return base::corrupt("no"); });
  start_with(twin_);
  const auto request = greedy(3, 50);
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_EQ(guessed(), 0);
}

}  // namespace
}  // namespace marquee::serving::testing
