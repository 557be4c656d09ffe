// perplexity_probe MODEL TEXT [chunks [chunk_tokens [int8]]]: the perplexity of a model over a text, by
// llama-perplexity's definition (llama.cpp, tools/perplexity/perplexity.cpp): the text's ids are cut into chunks of
// 512; in each, every id past its middle is scored given all before it in the chunk (255 of 512); and a chunk begins
// with BOS in place of its first id if the model's texts do. Prints one JSON object; "after_chunk" holds the perplexity
// so far, once per chunk.
//   chunks        how many chunks to run at most; all by default
//   chunk_tokens  ids in a chunk; 512 by default
//   int8          keys and values are kept as I8; else as F16, as both programs do when they serve
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "probe_model.h"

namespace {

using marquee::base::Result;
using marquee::formats::TokenId;
using marquee::oracles::ProbeModel;

struct Score {
  std::vector<double> after_chunk;
  std::size_t scored = 0;
  double sum = 0.0;  ///< of negative log-likelihoods
  double sum_of_squares = 0.0;

  [[nodiscard]] double perplexity() const { return std::exp(sum / static_cast<double>(scored)); }
  [[nodiscard]] double standard_error() const {
    const auto count = static_cast<double>(scored);
    const double mean = sum / count;
    return perplexity() * std::sqrt((sum_of_squares / count - mean * mean) / (count - 1));
  }
};

double negative_log_likelihood(std::span<const float> logits, TokenId token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[static_cast<std::size_t>(token)];
}

Result<void> score_chunk(ProbeModel& model, const std::vector<TokenId>& ids, Score& score) {
  const auto vocabulary = static_cast<std::size_t>(model.facts().vocab_size);
  const std::size_t middle = ids.size() / 2;
  std::vector<float> logits((ids.size() - middle) * vocabulary);
  const std::span<const TokenId> all(ids);
  MARQUEE_CHECK(model.run(all.first(middle), 0, {}));
  MARQUEE_CHECK(model.run(all.subspan(middle), static_cast<std::int32_t>(middle), logits));
  std::vector<double> losses(ids.size() - middle - 1);
  model.pool().parallel_for(losses.size(), [&](std::size_t row) {
    const std::span<const float> of_row(logits.data() + row * vocabulary, vocabulary);
    losses[row] = negative_log_likelihood(of_row, ids[middle + row + 1]);
  });
  for (const double loss : losses) {
    score.sum += loss;
    score.sum_of_squares += loss * loss;
  }
  score.scored += losses.size();
  score.after_chunk.push_back(score.perplexity());
  return {};
}

void print(const Score& score, const ProbeModel& model, std::size_t tokens, double seconds) {
  std::printf("{\"perplexity\": %.6f, \"standard_error\": %.6f, \"scored\": %zu, \"tokens\": %zu, \"isa\": \"%s\", ",
              score.perplexity(), score.standard_error(), score.scored, tokens, std::string(model.isa()).c_str());
  std::printf("\"seconds\": %.2f, \"after_chunk\": [", seconds);
  for (std::size_t i = 0; i < score.after_chunk.size(); ++i) {
    std::printf("%s%.4f", i == 0 ? "" : ", ", score.after_chunk[i]);
  }
  std::printf("]}\n");
}

Result<void> run(const char* model_path, const char* text_path, std::size_t most_chunks, std::size_t chunk_tokens,
                 marquee::kernels::DType kv_dtype) {
  std::ifstream file(text_path, std::ios::binary);
  if (!file) return marquee::base::io_error(std::string("cannot read ") + text_path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.ends_with('\n')) text.pop_back();  // as llama.cpp reads a prompt's file
  const auto context = static_cast<std::int32_t>(chunk_tokens);
  MARQUEE_ASSIGN(auto model, ProbeModel::open(model_path, {kv_dtype, context, 0}));
  MARQUEE_ASSIGN(const auto tokenizer, model.file().tokenizer());
  const std::vector<TokenId> ids = tokenizer->encode(text, {true, false});
  // Whether texts of this model begin with BOS is what the tokenizer did with this one.
  const bool starts_with_bos = tokenizer->bos() && !ids.empty() && ids.front() == *tokenizer->bos();
  const std::size_t chunks = std::min(ids.size() / chunk_tokens, most_chunks);
  if (chunks == 0) return marquee::base::invalid_argument("the text does not fill one chunk");
  Score score;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    std::vector<TokenId> part(ids.data() + chunk * chunk_tokens, ids.data() + (chunk + 1) * chunk_tokens);
    if (starts_with_bos) part.front() = *tokenizer->bos();
    MARQUEE_CHECK(score_chunk(model, part, score));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print(score, model, ids.size(), took.count());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::size_t most_chunks = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : SIZE_MAX;
  const std::size_t chunk_tokens = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 512;
  if (chunk_tokens < 4 || chunk_tokens > 8192) return 2;
  using marquee::kernels::DType;
  const bool int8 = argc > 5 && std::string_view(argv[5]) == "int8";
  const auto result = run(argv[1], argv[2], most_chunks, chunk_tokens, int8 ? DType::kI8 : DType::kF16);
  if (result) return 0;
  std::fprintf(stderr, "perplexity_probe: %s\n", result.error().message.c_str());
  return 1;
}
