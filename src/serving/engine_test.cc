// The whole engine over real decoders: the same request gives the same answer whatever else is served, however prompts
// are cut, however many threads work and however often its pages are taken away.

#include "serving/engine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "serving/fake_model_test.h"
#include "serving/metrics.h"
#include "serving/model_loader.h"
#include "text/language_model.h"

namespace marquee::serving::testing {
namespace {

/// One printable character for each of the golden models' 128 tokens.
class CharacterTokenizer final : public formats::Tokenizer {
 public:
  CharacterTokenizer() {
    for (int id = 0; id < 128; ++id) pieces_.emplace_back(id < 96 ? 1 : 2, static_cast<char>(' ' + id % 95));
  }
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, formats::EncodeOptions /*options*/) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back((c - ' ') % 95);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool /*skip_special*/) const override {
    std::string text;
    for (const TokenId id : ids) text += token_bytes(id);
    return text;
  }
  [[nodiscard]] std::string_view token_bytes(TokenId id) const override {
    return id < 0 || id >= 128 ? std::string_view() : pieces_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] std::int32_t vocab_size() const override { return 128; }
  [[nodiscard]] bool is_special(TokenId /*id*/) const override { return false; }
  [[nodiscard]] std::optional<TokenId> find(std::string_view /*token*/) const override { return std::nullopt; }
  [[nodiscard]] std::optional<TokenId> bos() const override { return std::nullopt; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return std::nullopt; }
  [[nodiscard]] std::span<const TokenId> end_tokens() const override { return {}; }

 private:
  std::vector<std::string> pieces_;
};

base::Result<ModelParts> load_golden(const Engine::Source& source, base::ThreadPool& pool,
                                     const text::OnWeightsReady&) {
  ModelParts parts;
  MARQUEE_ASSIGN(parts.file, formats::ModelFile::open(source.path));
  parts.tokenizer = std::make_unique<CharacterTokenizer>();
  MARQUEE_ASSIGN(parts.model, text::load_language_model(*parts.file, {}, pool));
  return parts;
}

/// What every answer in a run of `requests`, all submitted at once, was.
std::vector<std::vector<std::string>> answers(Engine& engine, const std::vector<GenerationRequest>& requests) {
  const auto model = engine.acquire("m").value();
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (const auto& request : requests) {
    sinks.push_back(std::make_shared<CollectingSink>());
    const auto submitted = model->submit(request, sinks.back());
    EXPECT_TRUE(submitted) << submitted.error().message;
  }
  std::vector<std::vector<std::string>> texts;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(sinks[i]->wait());
    EXPECT_TRUE(sinks[i]->violations().empty());
    EXPECT_FALSE(sinks[i]->error()) << sinks[i]->error()->message;
    texts.emplace_back();
    for (std::int32_t choice = 0; choice < requests[i].n; ++choice) texts.back().push_back(sinks[i]->text(choice));
  }
  return texts;
}

/// Requests of every kind; each prompt `prompt_tokens` or fewer.
std::vector<GenerationRequest> mixed_requests(std::int32_t count, std::int32_t prompt_tokens, std::int32_t max_tokens,
                                              std::int32_t vocabulary) {
  std::vector<GenerationRequest> requests;
  for (std::int32_t i = 0; i < count; ++i) {
    GenerationRequest request;
    request.tenant = "tenant" + std::to_string(i % 3);
    request.max_tokens = max_tokens - i % 5;
    request.ignore_eos = true;
    request.sampling.seed = static_cast<std::uint64_t>(i) * 7919;
    request.sampling.temperature = i % 4 == 3 ? 0.0F : 1.0F + 0.4F * static_cast<float>(i % 4);
    if (i % 3 == 1) request.sampling.top_p = 0.9F;
    if (i % 5 == 2) request.sampling.repetition_penalty = 1.2F;
    if (i % 6 == 0) request.n = 3;
    if (i % 7 == 1) request.priority = Priority::kBatch;
    const std::int32_t length = 1 + (i * 13 + 5) % prompt_tokens;
    for (std::int32_t t = 0; t < length; ++t) request.prompt.push_back((i * 31 + t * t * 17 + 3) % vocabulary);
    requests.push_back(std::move(request));
  }
  return requests;
}

class EngineGolden : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::err); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  static std::unique_ptr<Engine> engine(EngineOptions options) {
    const auto path = std::filesystem::path(MARQUEE_SOURCE_DIR) / "tests/golden/decoders" / GetParam();
    options.memory_budget_bytes = std::uint64_t{1} << 30U;
    return create_engine(options, {{"m", path}}, load_golden).value();
  }
};

TEST_P(EngineGolden, AnAnswerDependsOnItsRequestAlone) {
  const auto requests = mixed_requests(17, 30, 30, 128);
  const auto alone = engine({.threads = 1});
  std::vector<std::vector<std::string>> expected;
  for (const auto& request : requests) expected.push_back(answers(*alone, {request}).front());
  std::set<std::string> different;
  for (const auto& choices : expected) different.insert(choices.begin(), choices.end());
  EXPECT_GT(different.size(), 8U) << "answers that are all alike would prove nothing";
  struct Case {
    const char* name;
    EngineOptions options;
  };
  const std::vector<Case> cases = {
      {"all at once", {.threads = 2}},
      {"tiny chunks", {.threads = 2, .prefill_chunk_tokens = 3}},
      {"more threads than cores, few slots", {.threads = 3, .prefill_chunk_tokens = 16, .max_running_sequences = 5}},
      {"one context of cache for all", {.threads = 2, .kv_bytes_per_model = 1, .prefill_chunk_tokens = 16}},
  };
  for (const Case& one : cases) {
    const auto crowded = engine(one.options);
    EXPECT_EQ(answers(*crowded, requests), expected) << one.name;
    while (!crowded->unload("m")) std::this_thread::yield();  // the last request is being forgotten
    EXPECT_EQ(crowded->metrics().model("m").kv_pages_used->Value(), 0.0) << one.name;
    EXPECT_EQ(crowded->metrics().model("m").kv_pages_total->Value(), 0.0) << one.name;
  }
}

/// Every token of every choice with its log probability, which shows a changed bit that the text would hide.
std::vector<std::pair<TokenId, float>> tokens_of(const CollectingSink& sink) {
  std::vector<std::pair<TokenId, float>> tokens;
  for (const auto& event : sink.events()) {
    for (const auto& token : event.tokens) tokens.emplace_back(token.sampled.id, token.sampled.logprob.value().logprob);
  }
  return tokens;
}

TEST_P(EngineGolden, ACachedPrefixChangesNoBit) {
  auto requests = mixed_requests(12, 10, 14, 128);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].sampling.top_logprobs = 0;
    requests[i].n = 1;
    requests[i].tenant = "tenant";
    const std::size_t shared = i % 4 * 9;  // within pages, at their borders and over several
    for (std::size_t t = 0; t < shared; ++t) {
      requests[i].prompt.insert(requests[i].prompt.begin() + static_cast<std::ptrdiff_t>(t),
                                static_cast<TokenId>(t * t % 97));
    }
  }
  const auto plain = engine({.threads = 1, .prefix_cache_percent = 0});
  const auto cached = engine({.threads = 2, .prefill_chunk_tokens = 16});
  std::int64_t hits = 0;
  for (int round = 0; round < 2; ++round) {
    for (const auto& request : requests) {
      const auto expected = std::make_shared<CollectingSink>();
      const auto got = std::make_shared<CollectingSink>();
      ASSERT_TRUE(plain->acquire("m").value()->submit(request, expected));
      ASSERT_TRUE(cached->acquire("m").value()->submit(request, got));
      ASSERT_TRUE(expected->wait() && got->wait());
      ASSERT_GE(tokens_of(*got).size(), 5U);
      EXPECT_EQ(tokens_of(*got), tokens_of(*expected));
      EXPECT_EQ(expected->usage().cached_tokens, 0);
      hits += got->usage().cached_tokens;
    }
  }
  EXPECT_GT(hits, 200) << "an empty cache would prove nothing";
}

INSTANTIATE_TEST_SUITE_P(Models, EngineGolden,
                         ::testing::Values("llama", "gemma3", "llama_legacy_quants.gguf", "gpt2"));

// The same with the real model and its own tokenizer and stop tokens.
TEST(Engine, ARealModelsAnswerDependsOnItsRequestAlone) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "minutes under the thread sanitizer, which sees the same threads over the golden models";
#endif
  const char* path = std::getenv("MARQUEE_TEST_MODEL");
  if (path == nullptr || !std::filesystem::exists(path)) GTEST_SKIP() << "MARQUEE_TEST_MODEL names no file";
  const auto engine_with = [&](EngineOptions options) { return Engine::create(options, {{"m", path}}).value(); };
  auto requests = mixed_requests(17, 24, 16, 49'000);
  const auto alone = engine_with({});
  const auto model = alone->acquire("m").value();
  requests[0].prompt = model->tokenizer().encode("Once upon a time, a small robot found a theatre and");
  requests[0].ignore_eos = false;
  std::vector<std::vector<std::string>> expected;
  for (std::size_t i = 0; i < 4; ++i) expected.push_back(answers(*alone, {requests[i]}).front());
  for (const std::int32_t chunk : {7, 256}) {
    auto crowd = answers(*engine_with({.prefill_chunk_tokens = chunk}), requests);
    crowd.resize(4);
    EXPECT_EQ(crowd, expected) << "chunks of " << chunk;
  }
}

}  // namespace
}  // namespace marquee::serving::testing
