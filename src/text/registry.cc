#include "text/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/decoder_families.h"

namespace marquee::text {

namespace {

using tensor::Activation;
using tensor::RopePairing;

constexpr std::array<std::string_view, 2> kLlamaTypes = {"llama", "mistral"};
constexpr std::array<std::string_view, 1> kQwen2Types = {"qwen2"};
constexpr std::array<std::string_view, 1> kQwen3Types = {"qwen3"};
constexpr std::array<std::string_view, 1> kGemma2Types = {"gemma2"};
constexpr std::array<std::string_view, 2> kGemma3Types = {"gemma3_text", "gemma3"};
constexpr std::array<std::string_view, 1> kPhi3Types = {"phi3"};
constexpr std::array<std::string_view, 1> kGpt2Types = {"gpt2"};

DecoderConfig qwen3_traits() {
  DecoderConfig traits;
  traits.qk_norm = true;
  return traits;
}

DecoderConfig gemma2_traits() {
  DecoderConfig traits;
  traits.post_norms = true;
  traits.activation = Activation::kGeluTanh;
  traits.tied_embeddings = true;
  return traits;
}

DecoderConfig gemma3_traits() {
  DecoderConfig traits = gemma2_traits();
  traits.qk_norm = true;
  return traits;
}

DecoderConfig gpt2_traits() {
  DecoderConfig traits;
  traits.norm = NormKind::kLayer;
  traits.positions = PositionKind::kLearned;
  traits.activation = Activation::kGeluTanh;
  traits.gated = false;
  traits.tied_embeddings = true;
  return traits;
}

}  // namespace

std::span<const Architecture> architectures() {
  // Only Llama's GGUF conversion reorders the rows of q and k so that neighbours turn together.
  static const std::array<Architecture, 7> kArchitectures = {{
      {"llama", kLlamaTypes, {}, RopePairing::kInterleaved, nullptr, read_llama_gguf, read_llama_hugging_face},
      {"qwen2", kQwen2Types, {}, RopePairing::kHalves, nullptr, nullptr, read_qwen_hugging_face},
      {"qwen3", kQwen3Types, qwen3_traits(), RopePairing::kHalves, qwen3_defaults, nullptr, read_qwen_hugging_face},
      {"gemma2", kGemma2Types, gemma2_traits(), RopePairing::kHalves, gemma2_defaults, read_gemma2_gguf,
       read_gemma2_hugging_face},
      {"gemma3", kGemma3Types, gemma3_traits(), RopePairing::kHalves, gemma3_defaults, read_gemma3_gguf,
       read_gemma3_hugging_face},
      {"phi3", kPhi3Types, {}, RopePairing::kHalves, nullptr, read_phi3_gguf, read_phi3_hugging_face},
      {"gpt2", kGpt2Types, gpt2_traits(), RopePairing::kHalves, nullptr, nullptr, read_gpt2_hugging_face},
  }};
  return kArchitectures;
}

base::Result<const Architecture*> find_architecture(formats::ModelFileKind kind, std::string_view name) {
  std::string known;
  for (const auto& architecture : architectures()) {
    const auto& types = architecture.model_types;
    const bool is_it = kind == formats::ModelFileKind::kGguf
                           ? architecture.name == name
                           : std::find(types.begin(), types.end(), name) != types.end();
    if (is_it) return &architecture;
    if (kind == formats::ModelFileKind::kGguf) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", architecture.name);
      continue;
    }
    for (const auto type : types) known += fmt::format("{}{}", known.empty() ? "" : ", ", type);
  }
  return base::unsupported(fmt::format("architecture '{}' is not supported; supported are {}", name, known));
}

}  // namespace marquee::text
