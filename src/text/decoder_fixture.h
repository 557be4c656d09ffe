#pragma once
// What the decoder's tests share: golden models and a way to run token ids through a model in slices of any size.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "tensor/kv_cache.h"
#include "text/language_model.h"

namespace marquee::text {

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(MARQUEE_SOURCE_DIR) / "tests/golden/decoders" / name;
}

/// Token ids and the logits that transformers computes with them (tests/golden/decoders/make_goldens.py).
struct Expected {
  std::vector<TokenId> tokens;
  std::size_t vocabulary = 0;
  std::vector<float> logits;
};

inline Expected read_expected(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  Expected expected;
  if (bytes.size() < 8) {
    ADD_FAILURE() << path << " is missing";
    return expected;
  }
  std::int32_t header[2];
  std::memcpy(header, bytes.data(), sizeof(header));
  expected.tokens.resize(static_cast<std::size_t>(header[0]));
  expected.vocabulary = static_cast<std::size_t>(header[1]);
  expected.logits.resize(expected.tokens.size() * expected.vocabulary);
  const std::size_t ids_bytes = expected.tokens.size() * sizeof(TokenId);
  EXPECT_EQ(bytes.size(), sizeof(header) + ids_bytes + expected.logits.size() * sizeof(float));
  std::memcpy(expected.tokens.data(), bytes.data() + sizeof(header), ids_bytes);
  std::memcpy(expected.logits.data(), bytes.data() + sizeof(header) + ids_bytes,
              expected.logits.size() * sizeof(float));
  return expected;
}

/// A loaded model with a cache and threads of its own.
class Runner {
 public:
  explicit Runner(const std::filesystem::path& path, LoadOptions options = {kernels::DType::kF32, 0},
                  unsigned threads = 1)
      : pool_(std::make_unique<base::ThreadPool>(threads)), context_{*pool_} {
    auto file = formats::ModelFile::open(path);
    if (!file) throw std::runtime_error(file.error().message);
    file_ = std::move(file).value();
    auto model = load_language_model(*file_, options, *pool_);
    if (!model) throw std::runtime_error(model.error().message);
    model_ = std::move(model).value();
    auto cache = tensor::KvPool::create(model_->facts().kv, kPages);
    if (!cache) throw std::runtime_error(cache.error().message);
    cache_ = std::move(cache).value();
  }

  [[nodiscard]] const ModelFacts& facts() const { return model_->facts(); }
  [[nodiscard]] LanguageModel& model() { return *model_; }
  [[nodiscard]] tensor::KvPool& cache() { return *cache_; }
  [[nodiscard]] tensor::ComputeContext& context() { return context_; }

  /// Pages for one sequence of so many tokens, taken from the end so that they are in no tidy order.
  std::vector<std::int32_t> pages(std::size_t tokens) {
    std::vector<std::int32_t> pages;
    for (std::size_t held = 0; held < tokens; held += tensor::kKvPageTokens) {
      auto page = cache_->allocate();
      if (!page) throw std::runtime_error(page.error().message);
      pages.insert(pages.begin(), *page);
    }
    return pages;
  }

  base::Result<void> step(std::span<const SequenceSlice> slices, std::vector<float>& logits, std::size_t rows) {
    const auto vocabulary = static_cast<std::size_t>(facts().vocab_size);
    logits.assign(rows * vocabulary, 0.0F);
    return model_->forward(context_, slices, *cache_, {logits.data(), rows, vocabulary});
  }

  /// Logits of every token of one fresh sequence, run in chunks of at most `chunk` tokens.
  std::vector<float> all_logits(const std::vector<TokenId>& tokens, std::size_t chunk) {
    const auto held = pages(tokens.size());
    std::vector<float> all;
    for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
      const std::size_t count = std::min(chunk, tokens.size() - begin);
      const SequenceSlice slice{
          {tokens.data() + begin, count}, static_cast<std::int32_t>(begin), held, SequenceSlice::Logits::kAll};
      std::vector<float> logits;
      auto result = step({&slice, 1}, logits, count);
      if (!result) throw std::runtime_error(result.error().message);
      all.insert(all.end(), logits.begin(), logits.end());
    }
    for (const auto page : held) cache_->release(page);
    return all;
  }

 private:
  static constexpr std::int32_t kPages = 64;
  std::unique_ptr<base::ThreadPool> pool_;
  tensor::ComputeContext context_;
  std::unique_ptr<formats::ModelFile> file_;
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<tensor::KvPool> cache_;
};

}  // namespace marquee::text
