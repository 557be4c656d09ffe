#pragma once
// The parts of tokenizers that GGUF files describe; tokenizer_from_gguf() (formats/model_file.h) puts them together.

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "formats/tokenizers/pipeline_tokenizer.h"

namespace marquee::formats {

/// GGUF's token types.
enum class GgufTokenType : std::int32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// A GGUF vocabulary whose tables have been checked against each other.
struct CheckedVocabulary {
  const GgufVocabulary* source = nullptr;
  Vocabulary tokens;
  std::vector<GgufTokenType> types;  ///< as many as tokens
  std::vector<bool> special;         ///< control and unknown tokens
};

/// The pre-tokenisation that tokenizer.ggml.pre names.
struct PreTokenizerRecipe {
  std::vector<PreTokenizerStage> stages;
  bool ignore_merges = false;
  bool add_bos = false;  ///< where the file does not say
  bool nfc = false;      ///< the family's tokenizer.json normalises first
};
/// @error kUnsupported naming the name
base::Result<PreTokenizerRecipe> pre_tokenizer_recipe(std::string_view name);

/// Puts `bos` and `eos` around texts as the file says, or as its family does where the file is silent.
void add_ends(const GgufVocabulary& source, bool bos_by_default, bool eos_by_default, TokenizerParts& parts);

/// Fill in everything but what all families share (added tokens, special tokens, ends).
base::Result<void> build_byte_level_bpe(const CheckedVocabulary& vocabulary, TokenizerParts& parts);
base::Result<void> build_sentencepiece_bpe(const CheckedVocabulary& vocabulary, TokenizerParts& parts);
base::Result<void> build_unigram(const CheckedVocabulary& vocabulary, TokenizerParts& parts);
base::Result<void> build_word_piece(const CheckedVocabulary& vocabulary, TokenizerParts& parts);

}  // namespace marquee::formats
