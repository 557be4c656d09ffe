#include "text/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "text/decoder_fixture.h"

namespace marquee::text {
namespace {

/// The largest difference in a row over the largest logit of that row, of all rows the worst.
double relative_error(const std::vector<float>& ours, const Expected& expected) {
  if (ours.size() != expected.logits.size()) return INFINITY;
  double worst = 0.0;
  for (std::size_t row = 0; row < expected.tokens.size(); ++row) {
    double difference = 0.0;
    double largest = 0.0;
    for (std::size_t i = row * expected.vocabulary; i < (row + 1) * expected.vocabulary; ++i) {
      if (!std::isfinite(ours[i])) return INFINITY;
      difference = std::max(difference, std::abs(static_cast<double>(ours[i]) - expected.logits[i]));
      largest = std::max(largest, std::abs(static_cast<double>(expected.logits[i])));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

struct GoldenCase {
  const char* name;  ///< a folder, or a .gguf file
  double tolerance;
  const char* expected = nullptr;  ///< path if it is not the usual one
  std::int32_t max_context = 0;
};

void PrintTo(const GoldenCase& golden_case, std::ostream* stream) { *stream << golden_case.name; }

std::filesystem::path expected_path(const GoldenCase& golden_case) {
  if (golden_case.expected != nullptr) return golden(golden_case.expected);
  const std::string name = golden_case.name;
  if (!name.ends_with(".gguf")) return golden(name) / "expected.bin";
  const auto own = golden(name + ".expected.bin");
  return std::filesystem::exists(own) ? own : golden(name.substr(0, name.size() - 5)) / "expected.bin";
}

class DecoderGolden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(DecoderGolden, LogitsAreThoseOfTransformers) {
  const GoldenCase& golden_case = GetParam();
  Runner runner(golden(golden_case.name), {kernels::DType::kF32, golden_case.max_context});
  const Expected expected = read_expected(expected_path(golden_case));
  const double error = relative_error(runner.all_logits(expected.tokens, expected.tokens.size()), expected);
  RecordProperty("relative_error", std::to_string(error));
  std::printf("%-26s largest relative error %.1e\n", golden_case.name, error);
  EXPECT_LT(error, golden_case.tolerance);
}

constexpr double kF32 = 1e-4;        // the issue asks for 1e-3; measured at most 2.1e-6
constexpr double kQuantised = 5e-3;  // one int8 rounded the other way costs about 1e-3; measured 6.1e-7

INSTANTIATE_TEST_SUITE_P(Folders, DecoderGolden,
                         ::testing::Values(GoldenCase{"llama", kF32}, GoldenCase{"llama_sharded", kF32},
                                           GoldenCase{"llama_llama3", kF32}, GoldenCase{"llama_yarn", kF32},
                                           GoldenCase{"llama_linear", kF32},
                                           GoldenCase{"llama_dynamic", kF32, nullptr, 40}, GoldenCase{"mistral", kF32},
                                           GoldenCase{"qwen2", kF32}, GoldenCase{"qwen3", kF32},
                                           GoldenCase{"qwen3_sliding", kF32}, GoldenCase{"gemma2", kF32},
                                           GoldenCase{"gemma3", kF32}, GoldenCase{"gemma3_short", kF32},
                                           GoldenCase{"gemma3_nested", kF32}, GoldenCase{"phi3", kF32},
                                           GoldenCase{"phi3", kF32, "phi3/expected_short.bin", 24},
                                           GoldenCase{"gpt2", kF32}, GoldenCase{"gpt2_scales", kF32}));
INSTANTIATE_TEST_SUITE_P(Gguf, DecoderGolden,
                         ::testing::Values(GoldenCase{"llama.gguf", kF32}, GoldenCase{"llama_sharded.gguf", kF32},
                                           GoldenCase{"llama_llama3.gguf", kF32}, GoldenCase{"llama_yarn.gguf", kF32},
                                           GoldenCase{"llama_linear.gguf", kF32}, GoldenCase{"qwen2.gguf", kF32},
                                           GoldenCase{"qwen3.gguf", kF32}, GoldenCase{"gemma2.gguf", kF32},
                                           GoldenCase{"gemma3.gguf", kF32}, GoldenCase{"phi3.gguf", kF32},
                                           GoldenCase{"phi3.gguf", kF32, "phi3/expected_short.bin", 24},
                                           GoldenCase{"gpt2.gguf", kF32}));
INSTANTIATE_TEST_SUITE_P(Quantised, DecoderGolden,
                         ::testing::Values(GoldenCase{"llama_legacy_quants.gguf", kQuantised},
                                           GoldenCase{"llama_k_quants.gguf", kQuantised}));

TEST(Decoder, LongRopeChoosesItsFactorsByTheContextItMayReach) {
  const Expected expected = read_expected(golden("phi3/expected_short.bin"));
  Runner runner(golden("phi3"));  // up to 64 positions, past the original 24
  EXPECT_GT(relative_error(runner.all_logits(expected.tokens, expected.tokens.size()), expected), 0.01);
}

/// Bits must not depend on how a prompt is cut, what shares the batch, or how many threads work.
class DecoderInvariance : public ::testing::TestWithParam<const char*> {
 protected:
  static std::vector<TokenId> tokens(TokenId seed, std::size_t count) {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < count; ++i) {
      seed = static_cast<TokenId>((static_cast<std::int64_t>(seed) * 1103515245 + 12345) % 2147483648LL);
      ids.push_back(seed / 65536 % 128);
    }
    return ids;
  }
};

TEST_P(DecoderInvariance, ChunksGiveTheSameBits) {
  Runner runner(golden(GetParam()), {kernels::DType::kF16, 0});
  const auto ids = tokens(1, 39);
  const auto whole = runner.all_logits(ids, ids.size());
  for (const std::size_t chunk : {1U, 7U, 16U})
    EXPECT_EQ(runner.all_logits(ids, chunk), whole) << "chunks of " << chunk;
}

TEST_P(DecoderInvariance, ThreadsGiveTheSameBits) {
  const auto ids = tokens(2, 39);
  Runner one(golden(GetParam()));
  Runner two(golden(GetParam()), {kernels::DType::kF32, 0}, 2);
  Runner three(golden(GetParam()), {kernels::DType::kF32, 0}, 3);
  const auto expected = one.all_logits(ids, ids.size());
  EXPECT_EQ(two.all_logits(ids, ids.size()), expected);
  EXPECT_EQ(three.all_logits(ids, 5), expected);
}

TEST_P(DecoderInvariance, NeighboursInTheBatchDoNotShow) {
  Runner runner(golden(GetParam()), {kernels::DType::kF16, 0}, 2);
  const auto vocabulary = static_cast<std::size_t>(runner.facts().vocab_size);
  const auto first = tokens(3, 21);
  const auto second = tokens(4, 37);
  const auto third = tokens(5, 12);
  const auto alone_first = runner.all_logits(first, first.size());
  const auto alone_third = runner.all_logits(third, third.size());
  const auto pages_first = runner.pages(first.size());
  const auto pages_second = runner.pages(second.size());
  const auto pages_third = runner.pages(third.size());
  using Logits = SequenceSlice::Logits;
  std::vector<float> logits;
  // First a prompt of each, one without logits; then one token of the first between a prompt and a chunk.
  const std::vector<SequenceSlice> prompts = {{{first.data(), 20}, 0, pages_first, Logits::kLast},
                                              {{second.data(), 9}, 0, pages_second, Logits::kNone}};
  ASSERT_TRUE(runner.step(prompts, logits, 1));
  EXPECT_TRUE(std::equal(logits.begin(), logits.end(), alone_first.begin() + 19 * static_cast<long>(vocabulary)));
  const std::vector<SequenceSlice> mixed = {{third, 0, pages_third, Logits::kAll},
                                            {{first.data() + 20, 1}, 20, pages_first, Logits::kLast},
                                            {{second.data() + 9, 28}, 9, pages_second, Logits::kNone}};
  ASSERT_TRUE(runner.step(mixed, logits, 13));
  EXPECT_TRUE(std::equal(alone_third.begin(), alone_third.end(), logits.begin()));
  EXPECT_TRUE(std::equal(logits.end() - static_cast<long>(vocabulary), logits.end(),
                         alone_first.end() - static_cast<long>(vocabulary)));
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderInvariance,
                         ::testing::Values("llama", "mistral", "gemma3", "phi3", "gpt2", "qwen3.gguf",
                                           "llama_legacy_quants.gguf", "llama_k_quants.gguf"));

TEST(Decoder, SaysWhatItIs) {
  Runner runner(golden("llama"), {kernels::DType::kF16, 0});
  const ModelFacts& facts = runner.facts();
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.vocab_size, 128);
  EXPECT_EQ(facts.context_length, 64);
  EXPECT_EQ(facts.parameters, 22688);  // as PyTorch counts them, the tied head once
  EXPECT_GT(facts.resident_bytes, 0U);
  EXPECT_EQ(facts.kv.layers, 2);
  EXPECT_EQ(facts.kv.kv_heads, 2);
  EXPECT_EQ(facts.kv.head_dim, 8);
  EXPECT_EQ(facts.kv.dtype, kernels::DType::kF16);
  EXPECT_EQ(Runner(golden("llama"), {kernels::DType::kF16, 32}).facts().context_length, 32);
  EXPECT_EQ(Runner(golden("llama"), {kernels::DType::kF16, 4096}).facts().context_length, 64);
  EXPECT_EQ(Runner(golden("llama_dynamic"), {kernels::DType::kF16, 4096}).facts().context_length, 40);
}

class DecoderRefuses : public ::testing::Test {
 protected:
  void expect_refused(const SequenceSlice& slice, std::string_view message, std::size_t rows = 8) {
    std::vector<float> logits;
    const auto result = runner_.step({&slice, 1}, logits, rows);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
  }

  Runner runner_{golden("llama")};
  std::vector<std::int32_t> pages_ = runner_.pages(64);
  std::vector<TokenId> good_ = {1, 2, 3};
};

TEST_F(DecoderRefuses, TokensOutsideTheVocabulary) {
  for (const TokenId bad : {-1, 128, 2147483647}) {
    const std::vector<TokenId> ids = {1, bad};
    expect_refused({ids, 0, pages_}, "not in the vocabulary of 128");
  }
}

TEST_F(DecoderRefuses, PositionsPastTheContext) {
  expect_refused({good_, -1, pages_}, "do not fit the context of 64");
  expect_refused({good_, 62, pages_}, "do not fit the context of 64");
  expect_refused({good_, 2147483647, pages_}, "do not fit the context of 64");
}

TEST_F(DecoderRefuses, PagesThatAreTooFewOrUnknown) {
  expect_refused({good_, 14, std::span(pages_).first(1)}, "too few");
  const std::vector<std::int32_t> unknown = {64};
  expect_refused({good_, 0, unknown}, "page 64");
  const std::vector<std::int32_t> negative = {-1};
  expect_refused({good_, 0, negative}, "page -1");
}

TEST_F(DecoderRefuses, LogitsWithTooFewRows) {
  expect_refused({good_, 0, pages_, SequenceSlice::Logits::kAll}, "[3, 128] are needed", 2);
}

TEST_F(DecoderRefuses, ACacheOfAnotherModel) {
  Runner other(golden("mistral"));
  const SequenceSlice slice{good_, 0, pages_};
  std::vector<float> logits(128);
  EXPECT_FALSE(runner_.model().forward(runner_.context(), {&slice, 1}, other.cache(), {logits.data(), 1, 128}));
}

TEST_F(DecoderRefuses, NothingWhenThereIsNothingToDo) {
  std::vector<float> logits;
  EXPECT_TRUE(runner_.step({}, logits, 0));
  const SequenceSlice empty{{}, 0, pages_};
  EXPECT_TRUE(runner_.step({&empty, 1}, logits, 0));
  const SequenceSlice silent{good_, 0, pages_, SequenceSlice::Logits::kNone};
  EXPECT_TRUE(runner_.step({&silent, 1}, logits, 0));
}

TEST(Decoder, RefusesOptionsItCannotHonour) {
  base::ThreadPool pool(1);
  const auto file = formats::ModelFile::open(golden("llama"));
  ASSERT_TRUE(file);
  EXPECT_EQ(load_language_model(**file, {kernels::DType::kQ8_0, 0}, pool).error().field, "kv_dtype");
  EXPECT_EQ(load_language_model(**file, {kernels::DType::kF16, -1}, pool).error().field, "max_context");
}

}  // namespace
}  // namespace marquee::text
