// Encoders through the whole engine: loaded from a folder, batched, refused what is not theirs, unloaded.

#include "serving/encoder_instance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "serving/fake_model_test.h"

namespace marquee::serving::testing {
namespace {

using ::testing::HasSubstr;

class EncoderEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::err);
    const auto goldens = std::filesystem::path(MARQUEE_SOURCE_DIR) / "tests/golden/encoders";
    auto engine = Engine::create({.threads = 2}, {{"vectors", goldens / "bert"},
                                                  {"labels", goldens / "distilbert_labels"},
                                                  {"no-tokenizer", goldens / "distilbert"}});
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  static EncodingOutcome outcome_of(LoadedModel& model, std::vector<EncodingText> texts) {
    std::promise<EncodingOutcome> promise;
    const auto id = model.encoder()->encode({"studio", std::move(texts)},
                                            [&](EncodingOutcome outcome) { promise.set_value(std::move(outcome)); });
    if (!id) return {.error = id.error()};
    return promise.get_future().get();
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(EncoderEngine, ServesVectorsAndLabels) {
  const auto vectors = engine_->acquire("vectors");
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_EQ((*vectors)->task(), ModelTask::kEmbedding);
  EXPECT_EQ((*vectors)->context_length(), 48);
  const auto ids = (*vectors)->tokenizer().encode("a good film", {.add_special = true});
  const EncodingOutcome outcome = outcome_of(**vectors, {{ids}, {{2, 3}}, {ids}});
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_EQ(outcome.width, 32U);
  EXPECT_TRUE(std::equal(outcome.row(0).begin(), outcome.row(0).end(), outcome.row(2).begin()));
  EXPECT_FALSE(std::equal(outcome.row(0).begin(), outcome.row(0).end(), outcome.row(1).begin()));
  const auto labels = engine_->acquire("labels");
  ASSERT_TRUE(labels) << labels.error().message;
  EXPECT_EQ((*labels)->task(), ModelTask::kClassification);
  EXPECT_EQ(outcome_of(**labels, {{{2, 3}}}).width, 4U);
}

TEST_F(EncoderEngine, RefusesWhatModelsForTextDo) {
  const auto model = engine_->acquire("vectors").value();
  const auto submitted = model->submit(make_request(3, 3, 1), std::make_shared<CollectingSink>());
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().code, base::ErrorCode::kUnsupported);
  EXPECT_THAT(submitted.error().message, HasSubstr("'vectors' is for embedding"));
  EXPECT_THAT(submitted.error().message, HasSubstr("/v1/embeddings"));
  EXPECT_FALSE(model->grammar({}));
  EXPECT_EQ(engine_->save_cache("vectors", "studio", "x").error().code, base::ErrorCode::kUnsupported);
  EXPECT_EQ(engine_->restore_cache("vectors", "studio", "x").error().code, base::ErrorCode::kUnsupported);
  EXPECT_EQ(engine_->clear_cache("vectors", "studio").error().code, base::ErrorCode::kUnsupported);
}

TEST_F(EncoderEngine, LoadsAndUnloadsLikeAnyModel) {
  EXPECT_FALSE(engine_->acquire("no-tokenizer"));
  auto model = engine_->acquire("vectors").value();
  const auto statuses = engine_->models();
  const auto status =
      std::find_if(statuses.begin(), statuses.end(), [](const auto& one) { return one.id == "vectors"; });
  ASSERT_NE(status, statuses.end());
  EXPECT_EQ(status->state, ModelState::kLoaded);
  EXPECT_EQ(status->task, ModelTask::kEmbedding);
  EXPECT_GT(status->resident_bytes, 0U);
  EXPECT_FALSE(engine_->unload("vectors")) << "it is held";
  model.reset();
  EXPECT_TRUE(engine_->unload("vectors"));
  model = engine_->acquire("vectors").value();
  engine_->drain();
  EXPECT_EQ(outcome_of(*model, {{{2, 3}}}).error->code, base::ErrorCode::kUnavailable);
  engine_.reset();
  EXPECT_EQ(outcome_of(*model, {{{2, 3}}}).error->code, base::ErrorCode::kUnavailable)
      << "a handle outlives the engine";
}

}  // namespace
}  // namespace marquee::serving::testing
