#include <array>
#include <cstdint>
#include <string>

#include "formats/byte_cursor.h"
#include "formats/tokenizers/tokenizer_gguf.h"

namespace marquee::formats {
namespace {

enum class Recipe : std::uint8_t {
  kGpt2,
  kDigitsGpt2,
  kLlama3,
  kLlama3Rule,
  kGlm4,
  kQwen2,
  kQwen2NoNfc,
  kQwen35,
  kTekken,
  kGpt4o,
  kSeedCoder,
  kDeepSeek3,
};

struct Name {
  std::string_view name;
  Recipe recipe;
};

/// Names that llama.cpp's converter writes, by the rule they stand for.
constexpr std::array<Name, 37> kNames = {{
    {"default", Recipe::kGpt2},
    {"gpt-2", Recipe::kGpt2},
    {"gpt2", Recipe::kGpt2},
    {"phi-2", Recipe::kGpt2},
    {"mpt", Recipe::kGpt2},
    {"olmo", Recipe::kGpt2},
    {"jais", Recipe::kGpt2},
    {"exaone4", Recipe::kGpt2},
    {"smollm", Recipe::kDigitsGpt2},
    {"starcoder", Recipe::kDigitsGpt2},
    {"refact", Recipe::kDigitsGpt2},
    {"command-r", Recipe::kDigitsGpt2},
    {"codeshell", Recipe::kDigitsGpt2},
    {"exaone", Recipe::kDigitsGpt2},
    {"minerva-7b", Recipe::kDigitsGpt2},
    {"llama3", Recipe::kLlama3},
    {"llama-v3", Recipe::kLlama3},
    {"llama-bpe", Recipe::kLlama3},
    {"falcon3", Recipe::kLlama3},
    {"lfm2", Recipe::kLlama3},
    {"dbrx", Recipe::kLlama3Rule},
    {"smaug-bpe", Recipe::kLlama3Rule},
    {"chatglm-bpe", Recipe::kLlama3Rule},
    {"glm4", Recipe::kGlm4},
    {"qwen2", Recipe::kQwen2},
    {"megrez", Recipe::kQwen2},
    {"deepseek-r1-qwen", Recipe::kQwen2NoNfc},
    {"stablelm2", Recipe::kQwen2NoNfc},
    {"hunyuan", Recipe::kQwen2NoNfc},
    {"bailingmoe", Recipe::kQwen2NoNfc},
    {"qwen35", Recipe::kQwen35},
    {"tekken", Recipe::kTekken},
    {"gpt-4o", Recipe::kGpt4o},
    {"llama4", Recipe::kGpt4o},
    {"seed-coder", Recipe::kSeedCoder},
    {"deepseek-v3", Recipe::kDeepSeek3},
    {"hunyuan-dense", Recipe::kDeepSeek3},
}};

PreTokenizerRecipe make_recipe(Recipe recipe) {
  const auto isolated = [](const SplitRule& rule) { return RuleSplit{rule, SplitBehavior::kIsolated, false}; };
  switch (recipe) {
    case Recipe::kGpt2: return {{isolated(SplitRule::gpt2())}};
    case Recipe::kDigitsGpt2: return {{isolated(SplitRule::number(1)), isolated(SplitRule::gpt2())}};
    case Recipe::kLlama3: return {{isolated(SplitRule::llama3())}, true, true};
    case Recipe::kLlama3Rule: return {{isolated(SplitRule::llama3())}};
    case Recipe::kGlm4: return {{isolated(SplitRule::llama3())}, true};
    case Recipe::kQwen2: return {{isolated(SplitRule::qwen2())}, false, false, true};
    case Recipe::kQwen2NoNfc: return {{isolated(SplitRule::qwen2())}};
    case Recipe::kQwen35: return {{isolated(SplitRule::qwen35())}, false, false, true};
    case Recipe::kTekken: return {{isolated(SplitRule::tekken())}, true, true};
    case Recipe::kGpt4o: return {{isolated(SplitRule::gpt4o())}};
    case Recipe::kSeedCoder: return {{isolated(SplitRule::seed_coder())}};
    case Recipe::kDeepSeek3:
      return {{isolated(SplitRule::number(3)), isolated(SplitRule::cjk_run()), isolated(SplitRule::deepseek3())}};
  }
  return {};
}

}  // namespace

base::Result<PreTokenizerRecipe> pre_tokenizer_recipe(std::string_view name) {
  for (const auto& known : kNames) {
    if (known.name == name) return make_recipe(known.recipe);
  }
  return base::unsupported("tokenizer.ggml.pre '" + printable_name(name) +
                           "' names no pre-tokenisation rule known here; known are gpt-2, smollm, starcoder, "
                           "llama-bpe, qwen2, qwen35, tekken, gpt-4o, deepseek-v3 and their other names. Convert the "
                           "model from its Hugging Face folder, or serve that folder");
}

}  // namespace marquee::formats
