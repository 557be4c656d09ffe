#include "translation/seq2seq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/thread_pool.h"
#include "nn/optimiser.h"
#include "nn/schedule.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"
#include "tensor/autograd/softmax.h"

namespace marquee::translation {
namespace {

using nn::Tensor;
using Text = std::vector<WordId>;

constexpr WordId kBegin = 1;
constexpr WordId kEnd = 2;
constexpr WordId kFirstWord = 3;

Seq2SeqSettings small(Seq2SeqKind kind) {
  return {.kind = kind,
          .source_words = 13,
          .target_words = 13,
          .width = 64,
          .layers = kind == Seq2SeqKind::kTransformer ? 2 : 1,
          .heads = 4,
          .feed_forward = 128,
          .dropout = 0.0F,
          .label_smoothing = 0.0F,
          .max_length = 16};
}

/// Texts of 1 to 6 words, the same for the same stream.
std::vector<Text> some_texts(std::size_t count, std::uint64_t stream) {
  std::vector<Text> texts(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto random = [&](std::size_t n) { return tensor::autograd::philox(i * 64 + n, stream, 5)[0]; };
    texts[i].resize(1 + random(0) % 6);
    for (std::size_t n = 0; n < texts[i].size(); ++n)
      texts[i][n] = kFirstWord + static_cast<WordId>(random(n + 1) % 10);
  }
  return texts;
}

std::vector<Text> reversed(std::vector<Text> texts) {
  for (Text& text : texts) std::reverse(text.begin(), text.end());
  return texts;
}

class Seq2SeqTest : public testing::TestWithParam<Seq2SeqKind> {
 protected:
  base::ThreadPool pool_{2};
  tensor::autograd::ComputeScope scope_{pool_, 7};
};

// What is written word by word with kept states is what the training sees all at once.
TEST_P(Seq2SeqTest, WritesAsItLearns) {
  nn::ParameterStore store(3);
  const auto model = Seq2Seq::create(store, small(GetParam())).value();
  const auto sources = some_texts(5, 1);
  const auto targets = some_texts(5, 2);
  const PairBatch batch(sources, targets, kBegin, kEnd);
  const tensor::autograd::Recording off(false);
  const Tensor expected = log_softmax(model->logits(batch, false));
  const auto writing = model->write(batch.source, batch.source_lengths);
  const std::vector<std::int32_t> same = {0, 1, 2, 3, 4};
  for (std::int64_t step = 0; step < batch.target_in.extent(1); ++step) {
    std::vector<WordId> words;
    for (std::int64_t row = 0; row < 5; ++row) {
      words.push_back(batch.target_in.i32_data()[row * batch.target_in.extent(1) + step]);
    }
    const Tensor scores = writing->next(same, words);
    for (std::int64_t row = 0; row < 5; ++row) {
      if (step >= batch.target_lengths[static_cast<std::size_t>(row)]) continue;
      for (std::int64_t word = 0; word < 13; ++word) {
        ASSERT_NEAR(scores.data()[row * 13 + word], expected.data()[(row * expected.extent(1) + step) * 13 + word],
                    1e-4)
            << "row " << row << " step " << step;
      }
    }
  }
}

// Beams change places, and padding beside a text must not show in it.
TEST_P(Seq2SeqTest, ATextDoesNotDependOnItsCompany) {
  nn::ParameterStore store(3);
  const auto model = Seq2Seq::create(store, small(GetParam())).value();
  const auto sources = some_texts(6, 4);
  const BeamOptions options{.beams = 3, .max_length = 12};
  const auto together = model->translate(sources, options);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto alone = model->translate(std::span(sources).subspan(i, 1), options);
    ASSERT_EQ(alone[0].size(), together[i].size());
    for (std::size_t n = 0; n < alone[0].size(); ++n) {
      EXPECT_EQ(alone[0][n].words, together[i][n].words);
      EXPECT_NEAR(alone[0][n].score, together[i][n].score, 1e-4);
    }
  }
}

TEST_P(Seq2SeqTest, LearnsToReverse) {
  nn::ParameterStore store(3);
  const auto model = Seq2Seq::create(store, small(GetParam())).value();
  constexpr std::int64_t kSteps = 400;
  nn::Optimiser optimiser(store, nn::OptimiserSettings::of(nn::Method::kAdamW));
  const nn::Schedule schedule(
      {.kind = nn::ScheduleKind::kCosine, .peak = 4e-3F, .total_steps = kSteps, .warm_up_steps = 40});
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const auto sources = some_texts(48, 100 + static_cast<std::uint64_t>(step));
    store.clear_gradients();
    backward(model->loss(PairBatch(sources, reversed(sources), kBegin, kEnd), true));
    nn::clip_gradient_norm(store, 1.0F);
    optimiser.step(schedule.rate(step));
  }
  const auto sources = some_texts(300, 1);
  const auto expected = reversed(sources);
  const auto found = model->translate(sources, {.beams = 2, .max_length = 12});
  std::size_t right = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) right += found[i].front().words == expected[i] ? 1 : 0;
  EXPECT_GE(right, 297U) << "of 300 texts it has not seen";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Seq2SeqTest,
                         testing::Values(Seq2SeqKind::kGru, Seq2SeqKind::kLstm, Seq2SeqKind::kTransformer),
                         [](const auto& info) {
                           return info.param == Seq2SeqKind::kGru    ? "Gru"
                                  : info.param == Seq2SeqKind::kLstm ? "Lstm"
                                                                     : "Transformer";
                         });

TEST(Seq2SeqSettings, WrongOnesAreNamed) {
  const auto field = [](auto change) {
    Seq2SeqSettings settings = small(Seq2SeqKind::kTransformer);
    change(settings);
    nn::ParameterStore store(1);
    const auto made = Seq2Seq::create(store, settings);
    return made ? std::string("accepted") : made.error().field;
  };
  EXPECT_EQ(field([](auto& s) { s.width = 0; }), "width");
  EXPECT_EQ(field([](auto& s) { s.heads = 5; }), "heads");
  EXPECT_EQ(field([](auto& s) { s.dropout = 1.0F; }), "dropout");
  EXPECT_EQ(field([](auto& s) { s.source_words = 1; }), "source_words");
  EXPECT_EQ(field([](auto& s) { s.max_length = 100'000; }), "max_length");
  EXPECT_EQ(field([](auto&) {}), "accepted");
}

/// Words by what was written before: probabilities for each text.
class Table final : public NextWords {
 public:
  explicit Table(std::map<Text, std::vector<float>> probabilities) : probabilities_(std::move(probabilities)) {}
  Tensor next(std::span<const std::int32_t> parents, std::span<const WordId> words) override {
    std::vector<Text> texts;
    std::vector<float> scores;
    for (std::size_t row = 0; row < parents.size(); ++row) {
      Text text;
      if (!texts_.empty()) {
        text = texts_[static_cast<std::size_t>(parents[row])];
        text.push_back(words[row]);
      }
      for (const float p : probabilities_.at(text)) scores.push_back(std::log(p));
      texts.push_back(std::move(text));
    }
    texts_ = std::move(texts);
    return Tensor::from({static_cast<std::int64_t>(parents.size()), 5}, scores);
  }

 private:
  std::map<Text, std::vector<float>> probabilities_;
  std::vector<Text> texts_;
};

constexpr WordId kA = 3;
constexpr WordId kB = 4;

/// The likeliest first word, A, leads only to unlikely texts.
Table garden_path() {
  return Table({{{}, {0, 0, 0.0F, 0.6F, 0.4F}},
                {{kA}, {0, 0, 0.4F, 0.3F, 0.3F}},
                {{kB}, {0, 0, 0.9F, 0.05F, 0.05F}},
                {{kA, kA}, {0, 0, 1.0F, 0, 0}},
                {{kA, kB}, {0, 0, 1.0F, 0, 0}},
                {{kB, kA}, {0, 0, 1.0F, 0, 0}},
                {{kB, kB}, {0, 0, 1.0F, 0, 0}}});
}

TEST(BeamSearch, FindsWhatTheLikeliestWordHides) {
  Table one = garden_path();
  const auto greedy = beam_search(one, 1, {.beams = 1, .length_penalty = 0.0F, .max_length = 5});
  EXPECT_EQ(greedy[0][0].words, Text{kA});
  Table two = garden_path();
  const auto wide = beam_search(two, 1, {.beams = 2, .length_penalty = 0.0F, .max_length = 5});
  ASSERT_EQ(wide[0].size(), 2U);
  EXPECT_EQ(wide[0][0].words, Text{kB});
  EXPECT_NEAR(wide[0][0].score, std::log(0.4F * 0.9F), 1e-6);
  EXPECT_EQ(wide[0][1].words, Text{kA});
  EXPECT_FALSE(wide[0][0].cut);
}

TEST(BeamSearch, ThePenaltyFavoursLongerTexts) {
  const auto table = [] {
    return Table({{{}, {0, 0, 0.5F, 0.5F, 0}}, {{kA}, {0, 0, 0.1F, 0.9F, 0}}, {{kA, kA}, {0, 0, 1.0F, 0, 0}}});
  };
  Table plain = table();
  EXPECT_EQ(beam_search(plain, 1, {.beams = 2, .length_penalty = 0.0F, .max_length = 4})[0][0].words, Text{});
  Table favoured = table();
  EXPECT_EQ(beam_search(favoured, 1, {.beams = 2, .length_penalty = 2.0F, .max_length = 4})[0][0].words,
            (Text{kA, kA}));
}

TEST(BeamSearch, WhatDoesNotEndIsCut) {
  Table table({{{}, {0, 0, 0, 1.0F, 0}}, {{kA}, {0, 0, 0, 1.0F, 0}}, {{kA, kA}, {0, 0, 0, 1.0F, 0}}});
  const auto found = beam_search(table, 1, {.beams = 2, .max_length = 3});
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_EQ(found[0][0].words, (Text{kA, kA, kA}));
  EXPECT_TRUE(found[0][0].cut);
}

}  // namespace
}  // namespace marquee::translation
