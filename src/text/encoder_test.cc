#include "text/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "formats/model_file.h"

namespace marquee::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path encoder_golden(const std::string& name) {
  return std::filesystem::path(MARQUEE_SOURCE_DIR) / "tests/golden/encoders" / name;
}

/// Token ids and what transformers computes with them (tests/golden/encoders/make_encoder_goldens.py).
struct EncoderExpected {
  std::vector<std::vector<formats::TokenId>> ids;
  std::vector<EncoderText> texts;
  std::size_t hidden = 0;
  std::size_t labels = 0;
  std::vector<float> states;
  std::vector<float> logits;
};

EncoderExpected read_encoder_expected(const std::string& name) {
  std::ifstream stream(encoder_golden(name) / "expected.bin", std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EncoderExpected expected;
  std::size_t at = 0;
  const auto take = [&](auto& values) {
    const std::size_t size = values.size() * sizeof(values[0]);
    if (at + size > bytes.size()) throw std::runtime_error(name + "/expected.bin is too short");
    if (size > 0) std::memcpy(values.data(), bytes.data() + at, size);
    at += size;
  };
  std::vector<std::int32_t> header(3);
  take(header);
  std::size_t tokens = 0;
  std::vector<std::int32_t> seconds;
  for (std::int32_t i = 0; i < header[0]; ++i) {
    std::vector<std::int32_t> sizes(2);
    take(sizes);
    expected.ids.emplace_back(static_cast<std::size_t>(sizes[0]));
    take(expected.ids.back());
    seconds.push_back(sizes[1]);
    tokens += expected.ids.back().size();
  }
  for (std::size_t i = 0; i < expected.ids.size(); ++i) {
    EncoderText text{expected.ids[i]};
    if (seconds[i] >= 0) text.second_from = static_cast<std::size_t>(seconds[i]);
    expected.texts.push_back(text);
  }
  expected.hidden = static_cast<std::size_t>(header[1]);
  expected.labels = static_cast<std::size_t>(header[2]);
  expected.states.resize(tokens * expected.hidden);
  expected.logits.resize(expected.ids.size() * expected.labels);
  take(expected.states);
  take(expected.logits);
  EXPECT_EQ(at, bytes.size());
  return expected;
}

class EncoderRunner {
 public:
  explicit EncoderRunner(const std::string& name, EncoderPrecision precision = EncoderPrecision::kFloat32,
                         unsigned threads = 2)
      : pool_(threads), context_{pool_} {
    auto file = formats::ModelFile::open(encoder_golden(name));
    if (!file) throw std::runtime_error(file.error().message);
    file_ = std::move(file).value();
    auto model = load_encoder_model(*file_, precision, pool_);
    if (!model) throw std::runtime_error(model.error().message);
    model_ = std::move(model).value();
  }

  [[nodiscard]] const EncoderFacts& facts() const { return model_->facts(); }
  [[nodiscard]] EncoderModel& model() { return *model_; }
  [[nodiscard]] tensor::ComputeContext& context() { return context_; }

  std::vector<float> states(std::span<const EncoderText> texts) {
    std::size_t tokens = 0;
    for (const EncoderText& text : texts) tokens += text.tokens.size();
    const auto hidden = static_cast<std::size_t>(facts().hidden);
    std::vector<float> all(tokens * hidden);
    check(model_->encode(context_, texts, {all.data(), tokens, hidden}));
    return all;
  }
  std::vector<float> vectors(std::span<const EncoderText> texts) {
    const auto hidden = static_cast<std::size_t>(facts().hidden);
    std::vector<float> all(texts.size() * hidden);
    check(model_->embed(context_, texts, {all.data(), texts.size(), hidden}));
    return all;
  }
  std::vector<float> logits(std::span<const EncoderText> texts) {
    std::vector<float> all(texts.size() * facts().labels.size());
    check(model_->classify(context_, texts, {all.data(), texts.size(), facts().labels.size()}));
    return all;
  }

 private:
  static void check(const base::Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().message);
  }
  base::ThreadPool pool_;
  tensor::ComputeContext context_;
  std::unique_ptr<formats::ModelFile> file_;
  std::unique_ptr<EncoderModel> model_;
};

/// The largest difference of a row over the row's largest value, of all rows the worst.
double worst_row(const std::vector<float>& ours, const std::vector<float>& expected, std::size_t width) {
  if (ours.size() != expected.size()) return INFINITY;
  double worst = 0.0;
  for (std::size_t row = 0; row < ours.size(); row += width) {
    double difference = 0.0;
    double largest = 0.0;
    for (std::size_t i = row; i < row + width; ++i) {
      if (!std::isfinite(ours[i])) return INFINITY;
      difference = std::max(difference, std::abs(static_cast<double>(ours[i]) - expected[i]));
      largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

class EncoderGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(EncoderGolden, StatesAndLogitsAreThoseOfTransformers) {
  EncoderRunner runner(GetParam());
  const EncoderExpected expected = read_encoder_expected(GetParam());
  const double states = worst_row(runner.states(expected.texts), expected.states, expected.hidden);
  std::printf("%-20s largest relative error %.1e\n", GetParam(), states);
  EXPECT_LT(states, 1e-5);
  ASSERT_EQ(runner.facts().labels.size(), expected.labels);
  if (expected.labels == 0) return;
  const auto logits = runner.logits(expected.texts);
  for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected.logits[i], 2e-5) << i;
}

TEST_P(EncoderGolden, RoundedToInt8StaysNear) {
  EncoderRunner runner(GetParam(), EncoderPrecision::kInt8);
  const EncoderExpected expected = read_encoder_expected(GetParam());
  const auto states = runner.states(expected.texts);
  ASSERT_EQ(states.size(), expected.states.size());
  for (std::size_t row = 0; row < states.size(); row += expected.hidden) {
    EXPECT_GT(cosine({&states[row], expected.hidden}, {&expected.states[row], expected.hidden}), 0.995);
  }
}

TEST_P(EncoderGolden, NeighboursAndThreadsDoNotShow) {
  for (const auto precision : {EncoderPrecision::kFloat32, EncoderPrecision::kInt8}) {
    EncoderRunner runner(GetParam(), precision, 3);
    EncoderRunner alone(GetParam(), precision, 1);
    const EncoderExpected expected = read_encoder_expected(GetParam());
    const auto together = runner.states(expected.texts);
    std::size_t at = 0;
    for (const EncoderText& text : expected.texts) {
      const auto one = alone.states({&text, 1});
      EXPECT_TRUE(std::equal(one.begin(), one.end(), together.begin() + static_cast<std::ptrdiff_t>(at)));
      at += one.size();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, EncoderGolden,
                         ::testing::Values("bert", "bert_gelu_tanh", "bert_entailment", "bert_cross_encoder",
                                           "distilbert", "distilbert_labels", "roberta_labels", "xlm_roberta"));

TEST(Encoder, SaysWhatItIs) {
  const EncoderFacts bert = EncoderRunner("bert").facts();
  EXPECT_EQ(bert.architecture, "bert");
  EXPECT_EQ(bert.hidden, 32);
  EXPECT_EQ(bert.context_length, 48);
  EXPECT_EQ(bert.token_types, 2);
  EXPECT_TRUE(bert.labels.empty());
  EXPECT_TRUE(bert.pooling.normalize);
  EXPECT_EQ(bert.pooling.pooling, Pooling::kMean);
  const EncoderFacts labels = EncoderRunner("distilbert_labels").facts();
  EXPECT_THAT(labels.labels, ElementsAre("drama", "comedy", "heist", "romance"));
  EXPECT_EQ(labels.label_kind, LabelKind::kMulti);
  EXPECT_EQ(labels.token_types, 0);
  EXPECT_EQ(EncoderRunner("roberta_labels").facts().label_kind, LabelKind::kSingle);
  EXPECT_EQ(EncoderRunner("roberta_labels").facts().context_length, 48);  // of 50 positions two are not for tokens
  EXPECT_EQ(EncoderRunner("bert_cross_encoder").facts().label_kind, LabelKind::kMulti);
  EXPECT_LT(EncoderRunner("bert", EncoderPrecision::kInt8).facts().resident_bytes, bert.resident_bytes / 2);
}

TEST(Encoder, VectorsAreTheMeanOfTheStatesAtLengthOne) {
  EncoderRunner runner("bert");
  const EncoderExpected expected = read_encoder_expected("bert");
  const auto vectors = runner.vectors(expected.texts);
  std::size_t at = 0;
  for (std::size_t i = 0; i < expected.texts.size(); ++i) {
    std::vector<float> mean(32);
    const std::size_t tokens = expected.texts[i].tokens.size();
    for (std::size_t row = 0; row < tokens; ++row) {
      for (std::size_t d = 0; d < 32; ++d) mean[d] += expected.states[(at + row) * 32 + d];
    }
    at += tokens;
    const std::span<const float> vector(&vectors[i * 32], 32);
    EXPECT_NEAR(cosine(vector, mean), 1.0, 1e-9);
    EXPECT_NEAR(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0), 1.0, 1e-5);
  }
}

TEST(Encoder, RefusesWhatItCannotCompute) {
  EncoderRunner runner("bert");
  const auto refusal = [&](const EncoderText& text) {
    std::vector<float> vector(32);
    const auto result = runner.model().embed(runner.context(), {&text, 1}, {vector.data(), 1, 32});
    if (result) return std::string("it was computed");
    EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidArgument);
    return result.error().message;
  };
  EXPECT_THAT(refusal({}), HasSubstr("has no tokens"));
  const std::vector<formats::TokenId> long_one(49, 5);
  EXPECT_THAT(refusal({long_one}), HasSubstr("49 tokens, more than the 48"));
  for (const formats::TokenId bad : {-1, 128, 2147483647}) {
    const std::vector<formats::TokenId> ids = {5, bad};
    EXPECT_THAT(refusal({ids}), HasSubstr("not in the vocabulary of 128"));
  }
  const std::vector<formats::TokenId> good = {5, 6};
  EncoderRunner distilbert("distilbert");
  std::vector<float> vector(32);
  const EncoderText typed{good, 1};
  EXPECT_FALSE(distilbert.model().embed(distilbert.context(), {&typed, 1}, {vector.data(), 1, 32}));
  const EncoderText text{good};
  EXPECT_FALSE(runner.model().embed(runner.context(), {&text, 1}, {vector.data(), 1, 31}));
  EXPECT_FALSE(runner.model().encode(runner.context(), {&text, 1}, {vector.data(), 1, 32}));
  EXPECT_EQ(runner.model().classify(runner.context(), {&text, 1}, {vector.data(), 1, 0}).error().code,
            base::ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(runner.model().embed(runner.context(), {}, {vector.data(), 0, 32}));
}

TEST(Encoder, ScoresAreThoseOfTheLabelsKind) {
  std::vector<float> scores = {0.0F, std::log(3.0F)};
  score_labels(LabelKind::kSingle, scores);
  EXPECT_NEAR(scores[0], 0.25F, 1e-6);
  EXPECT_NEAR(scores[1], 0.75F, 1e-6);
  scores = {0.0F, std::log(3.0F)};
  score_labels(LabelKind::kMulti, scores);
  EXPECT_NEAR(scores[0], 0.5F, 1e-6);
  EXPECT_NEAR(scores[1], 0.75F, 1e-6);
  scores = {-2.0F};
  score_labels(LabelKind::kRegression, scores);
  EXPECT_EQ(scores[0], -2.0F);
}

/// A copy of a golden folder that a test may change.
class EncoderFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("marquee_encoder_" + std::to_string(::getpid()) + "_" +
                                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(encoder_golden("bert"), folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  /// The config with one text replaced by another.
  void change_config(const std::string& from, const std::string& to) const {
    std::ifstream stream(folder_ / "config.json");
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    ASSERT_NE(text.find(from), std::string::npos) << from;
    write("config.json", text.replace(text.find(from), from.size(), to));
  }
  base::Result<EncoderFacts> load() const {
    base::ThreadPool pool(1);
    MARQUEE_ASSIGN(const auto file, formats::ModelFile::open(folder_));
    MARQUEE_ASSIGN(const auto model, load_encoder_model(*file, EncoderPrecision::kFloat32, pool));
    return model->facts();
  }
  void expect_refused(base::ErrorCode code, const std::string& message) const {
    const auto facts = load();
    ASSERT_FALSE(facts) << message;
    EXPECT_EQ(facts.error().code, code) << facts.error().message;
    EXPECT_THAT(facts.error().message, HasSubstr(message));
  }

  std::filesystem::path folder_;
};

TEST_F(EncoderFolder, PoolingIsWhatSentenceTransformersWrote) {
  write("modules.json", R"([{"type":"sentence_transformers.models.Transformer"},
                            {"type":"sentence_transformers.models.Pooling"}])");
  write("1_Pooling/config.json", R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false})");
  write("sentence_bert_config.json", R"({"max_seq_length":20,"do_lower_case":false})");
  const auto facts = load();
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->pooling.pooling, Pooling::kFirst);
  EXPECT_FALSE(facts->pooling.normalize);
  EXPECT_EQ(facts->context_length, 20);
  write("modules.json", R"([{"type":"sentence_transformers.models.Normalize"}])");
  write("1_Pooling/config.json", R"({"pooling_mode":"max"})");
  EXPECT_EQ(load()->pooling.pooling, Pooling::kMax);
  EXPECT_TRUE(load()->pooling.normalize);
}

TEST_F(EncoderFolder, RefusesPoolingThatIsNotComputed) {
  write("pooling.json", R"({"pooling_mode_weightedmean_tokens":true})");
  expect_refused(base::ErrorCode::kUnsupported, "pooling_mode_weightedmean_tokens");
  write("pooling.json", R"({"pooling_mode_cls_token":true,"pooling_mode_max_tokens":true})");
  expect_refused(base::ErrorCode::kUnsupported, "are 2 that are true");
  write("pooling.json", R"({"pooling_mode":"other"})");
  expect_refused(base::ErrorCode::kUnsupported, "is 'other'");
  write("pooling.json", "[]");
  expect_refused(base::ErrorCode::kCorrupt, "is not an object");
  std::filesystem::remove(folder_ / "pooling.json");
  write("modules.json", R"([{"type":"sentence_transformers.models.Dense"}])");
  expect_refused(base::ErrorCode::kUnsupported, "Dense");
  write("modules.json", "{}");
  expect_refused(base::ErrorCode::kCorrupt, "modules.json");
}

TEST_F(EncoderFolder, RefusesConfigsThatItWouldComputeWrongly) {
  change_config("\"hidden_size\": 32", "\"hidden_size\": 33");
  expect_refused(base::ErrorCode::kCorrupt, "33 cannot be shared by 4 heads");
  change_config("\"hidden_size\": 33", "\"hidden_size\": 64");
  expect_refused(base::ErrorCode::kCorrupt, "shape");
  change_config("\"hidden_size\": 64", "\"hidden_size\": 32, \"position_embedding_type\": \"relative_key\"");
  expect_refused(base::ErrorCode::kUnsupported, "position_embedding_type");
  change_config("\"relative_key\"", "\"absolute\"");
  change_config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
  expect_refused(base::ErrorCode::kUnsupported, "encoder.layer.1");
  change_config("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 3");
  expect_refused(base::ErrorCode::kCorrupt, "is missing");
  change_config("\"model_type\": \"bert\"", "\"model_type\": \"mpnet\"");
  expect_refused(base::ErrorCode::kUnsupported, "'mpnet' is not an encoder");
}

TEST(PoolStates, EveryKindOfIt) {
  std::vector<float> states = {1, -4, 3, 2};
  const tensor::ConstMatrix two(states.data(), 2, 2);
  const auto pooled = [&](Pooling pooling) {
    std::vector<float> vector(2);
    pool_states(pooling, two, vector);
    return vector;
  };
  EXPECT_THAT(pooled(Pooling::kMean), ElementsAre(2.0F, -1.0F));
  EXPECT_THAT(pooled(Pooling::kFirst), ElementsAre(1.0F, -4.0F));
  EXPECT_THAT(pooled(Pooling::kLast), ElementsAre(3.0F, 2.0F));
  EXPECT_THAT(pooled(Pooling::kMax), ElementsAre(3.0F, 2.0F));
  EXPECT_FLOAT_EQ(pooled(Pooling::kMeanSqrtLength)[0], 4.0F / std::sqrt(2.0F));
  std::vector<float> zero = {0.0F, 0.0F};
  normalize_vector(zero);
  EXPECT_THAT(zero, ElementsAre(0.0F, 0.0F));
}

}  // namespace
}  // namespace marquee::text
