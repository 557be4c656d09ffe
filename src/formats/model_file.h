#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tokenizer.h"
#include "tensor/weight_source.h"

namespace marquee::formats {

enum class ModelFileKind { kGguf, kHuggingFace };

/// A model on disk, memory-mapped: weights, metadata, tokenizer, chat template. Either one GGUF file or a Hugging Face
/// folder. Everything it returns borrows from the mapping and lives as long as the ModelFile.
class ModelFile : public tensor::WeightSource {
 public:
  /// Opens a .gguf file or a folder with config.json; checks every length, offset, dimension and count against the file
  /// before allocating. @error kNotFound, kIo, kCorrupt or kUnsupported, naming what is wrong and where
  static base::Result<std::unique_ptr<ModelFile>> open(const std::filesystem::path& path);

  [[nodiscard]] virtual ModelFileKind kind() const = 0;
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
  /// GGUF's general.architecture ("llama", "qwen3", "gemma3", "phi3", "gpt2") or config.json's model_type.
  [[nodiscard]] virtual std::string_view architecture() const = 0;
  /// GGUF metadata as one flat object ("llama.block_count": 30; arrays of more than 64 elements are left out), or
  /// config.json as it is.
  [[nodiscard]] virtual const base::json::object& metadata() const = 0;
  /// The file's Jinja chat template, if it has one.
  [[nodiscard]] virtual std::optional<std::string> chat_template() const = 0;
  /// Bytes of weights on disk.
  [[nodiscard]] virtual std::uint64_t weight_bytes() const = 0;
  /// Gives back the memory of what was read of the file; what is used again is read again.
  virtual void release_pages() const = 0;
  /// Builds the tokenizer stored with the model. @error kUnsupported naming the tokenizer model or pre-tokenizer
  [[nodiscard]] virtual base::Result<std::unique_ptr<Tokenizer>> tokenizer() const = 0;
};

/// The tokenizer data of a GGUF file (keys under tokenizer.ggml.*), as tokenizer_gguf.cc takes it.
struct GgufVocabulary {
  std::string model;  ///< "gpt2" (byte-level BPE), "llama" (SentencePiece), "t5" (unigram), "bert"
  std::string pre;    ///< pre-tokenizer name: "default", "gpt-2", "smollm", "llama-bpe", "qwen2", …
  std::vector<std::string_view> tokens;
  std::span<const float> scores;    ///< may be empty
  std::vector<std::int32_t> types;  ///< 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string_view> merges;
  std::optional<TokenId> bos, eos, eot, unknown, separator, padding, cls, mask;
  std::optional<bool> add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
  std::optional<bool> lowercase, strip_accents;  ///< keys normalizer.lowercase and normalizer.strip_accents (BERT)
  std::string_view precompiled_charsmap;         ///< SentencePiece normalisation, may be empty
};

/// @error kCorrupt for inconsistent tables (ids out of range, merges that name no token), kUnsupported by name
base::Result<std::unique_ptr<Tokenizer>> tokenizer_from_gguf(const GgufVocabulary& vocabulary);
/// From the text of a Hugging Face tokenizer.json (and tokenizer_config.json, may be empty).
/// @error kCorrupt / kInvalidArgument with the byte or the field; kUnsupported naming the component
base::Result<std::unique_ptr<Tokenizer>> tokenizer_from_json(std::string_view tokenizer_json,
                                                             std::string_view tokenizer_config_json);

}  // namespace marquee::formats
