// greedy_probe MODEL PROMPTS TOKENS int8|int16: the most likely continuation of every prompt, TOKENS ids each (fewer if
// the model ends its text). PROMPTS is a file of prompts, a NUL behind each. Prints one JSON object: the instruction
// set and the ids.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "probe_model.h"

namespace {

using marquee::base::Result;
using marquee::formats::TokenId;
using marquee::oracles::ProbeModel;
using marquee::tensor::ActivationType;

constexpr std::int32_t kContext = 512;

Result<std::vector<TokenId>> continue_greedily(ProbeModel& model, const marquee::formats::Tokenizer& tokenizer,
                                               const std::string& prompt, std::size_t tokens) {
  const auto vocabulary = static_cast<std::size_t>(model.facts().vocab_size);
  std::vector<TokenId> next = tokenizer.encode(prompt, {true, true});
  std::int32_t position = 0;
  std::vector<TokenId> said;
  while (said.size() < tokens) {
    std::vector<float> logits(next.size() * vocabulary);
    MARQUEE_CHECK(model.run(next, position, logits));
    position += static_cast<std::int32_t>(next.size());
    const auto last = logits.end() - static_cast<std::ptrdiff_t>(vocabulary);
    const auto best = static_cast<TokenId>(std::max_element(last, logits.end()) - last);
    said.push_back(best);
    const auto ends = tokenizer.end_tokens();
    if (std::find(ends.begin(), ends.end(), best) != ends.end()) break;
    next = {best};
  }
  return said;
}

Result<void> run(const char* model_path, const char* prompts_path, std::size_t tokens, ActivationType activations) {
  std::ifstream file(prompts_path);
  if (!file) return marquee::base::io_error(std::string("cannot read ") + prompts_path);
  MARQUEE_ASSIGN(auto model, ProbeModel::open(model_path, {marquee::kernels::DType::kF16, kContext, 0, activations}));
  MARQUEE_ASSIGN(const auto tokenizer, model.file().tokenizer());
  std::printf("{\"isa\": \"%s\", \"said\": [", std::string(model.isa()).c_str());
  const char* between = "";
  for (std::string prompt; std::getline(file, prompt, '\0'); between = ", ") {
    MARQUEE_ASSIGN(const auto said, continue_greedily(model, *tokenizer, prompt, tokens));
    std::printf("%s[", between);
    for (std::size_t i = 0; i < said.size(); ++i) std::printf("%s%d", i == 0 ? "" : ", ", said[i]);
    std::printf("]");
  }
  std::printf("]}\n");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t tokens = argc == 5 ? std::strtoul(argv[3], nullptr, 10) : 0;
  if (tokens == 0 || tokens > kContext / 2) return 2;
  const std::string_view type = argv[4];
  if (type != "int8" && type != "int16") return 2;
  const auto result = run(argv[1], argv[2], tokens, type == "int8" ? ActivationType::kInt8 : ActivationType::kInt16);
  if (result) return 0;
  std::fprintf(stderr, "greedy_probe: %s\n", result.error().message.c_str());
  return 1;
}
