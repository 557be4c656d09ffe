#include "formats/tokenizers/tokenizer_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/model_file.h"

namespace marquee::formats {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;

GgufVocabulary byte_level() {
  GgufVocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.pre = "gpt-2";
  vocabulary.tokens = {"<|im_end|>", "a", "b", "Ġ", "ab", "Ġab", "<tool>"};
  vocabulary.types = {kControl, kNormal, kNormal, kNormal, kNormal, kNormal, kUserDefined};
  vocabulary.merges = {"a b", "Ġ ab"};
  vocabulary.eos = 0;
  return vocabulary;
}

const std::vector<float> kScores = {0, 0, 0, -1, -2, -3, -4};

GgufVocabulary sentencepiece() {
  GgufVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.tokens = {"<unk>", "<s>", "</s>", "▁a", "▁", "a", "b"};
  vocabulary.types = {kUnknown, kControl, kControl, kNormal, kNormal, kNormal, kNormal};
  vocabulary.scores = kScores;
  vocabulary.unknown = 0;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  return vocabulary;
}

std::vector<TokenId> encode(const GgufVocabulary& vocabulary, std::string_view text, EncodeOptions options = {}) {
  const auto made = tokenizer_from_gguf(vocabulary);
  EXPECT_TRUE(made) << made.error().message;
  return made ? (*made)->encode(text, options) : std::vector<TokenId>{};
}

TEST(TokenizerGgufTest, ByteLevelBpe) {
  EXPECT_THAT(encode(byte_level(), "ab ab<tool><|im_end|>", {.parse_special = true}), ElementsAre(4, 5, 6, 0));
  EXPECT_THAT(encode(byte_level(), "a<|im_end|>b"), ElementsAre(1, 2));  // no token covers the signs
  const auto made = tokenizer_from_gguf(byte_level());
  EXPECT_EQ((*made)->decode(std::vector<TokenId>{4, 5, 6, 0}, true), "ab ab<tool>");
  EXPECT_THAT((*made)->end_tokens(), ElementsAre(0));
}

TEST(TokenizerGgufTest, SentencePiece) {
  EXPECT_THAT(encode(sentencepiece(), "a ab", {.add_special = true}), ElementsAre(1, 3, 3, 6));
  EXPECT_THAT(encode(sentencepiece(), "漢字a"), ElementsAre(4, 0, 5));
  auto without_prefix = sentencepiece();
  without_prefix.add_space_prefix = false;
  without_prefix.add_bos = false;
  without_prefix.add_eos = true;
  EXPECT_THAT(encode(without_prefix, "a a", {.add_special = true}), ElementsAre(5, 3, 2));
  const auto made = tokenizer_from_gguf(sentencepiece());
  EXPECT_EQ((*made)->decode(std::vector<TokenId>{1, 3, 3, 6}, true), "a ab");
}

TEST(TokenizerGgufTest, Unigram) {
  auto vocabulary = sentencepiece();
  vocabulary.model = "t5";
  EXPECT_THAT(encode(vocabulary, "a a", {.add_special = true}), ElementsAre(3, 3, 2));
}

TEST(TokenizerGgufTest, WordPiece) {
  GgufVocabulary vocabulary;
  vocabulary.model = "bert";
  vocabulary.tokens = {"[UNK]", "[CLS]", "[SEP]", "▁un", "able", "▁.", "unused"};
  vocabulary.types = {kUnknown, kControl, kControl, kNormal, kNormal, kNormal, kUnused};
  EXPECT_THAT(encode(vocabulary, "UNABLE. x", {.add_special = true}), ElementsAre(1, 3, 4, 5, 0, 2));
  const auto made = tokenizer_from_gguf(vocabulary);
  EXPECT_EQ((*made)->decode(std::vector<TokenId>{1, 3, 4, 5, 2}, true), "unable.");
}

TEST(TokenizerGgufTest, NamesWhatIsWrong) {
  using Change = std::function<void(GgufVocabulary&)>;
  const std::vector<float> infinite(7, std::numeric_limits<float>::infinity());
  const std::vector<std::tuple<GgufVocabulary, Change, ErrorCode, std::string>> wrong = {
      {byte_level(), [](auto& v) { v.tokens.clear(); }, ErrorCode::kCorrupt, "tokenizer.ggml.tokens is empty"},
      {byte_level(), [](auto& v) { v.types.pop_back(); }, ErrorCode::kCorrupt, "token_type has 6 entries for 7 tokens"},
      {byte_level(), [](auto& v) { v.types[2] = 7; }, ErrorCode::kCorrupt, "token_type[2] is 7"},
      {byte_level(),
       [](auto& v) {
         v.scores = {kScores.data(), 3};
       },
       ErrorCode::kCorrupt, "scores has 3 entries for 7"},
      {byte_level(), [](auto& v) { v.tokens[2] = "a"; }, ErrorCode::kCorrupt, "'a' twice, as 1 and 2"},
      {byte_level(), [](auto& v) { v.eos = 7; }, ErrorCode::kCorrupt, "eos_token_id is 7, outside the vocabulary of 7"},
      {byte_level(), [](auto& v) { v.mask = -5; }, ErrorCode::kCorrupt, "mask_token_id is -5"},
      {byte_level(), [](auto& v) { v.merges.clear(); }, ErrorCode::kCorrupt, "merges is missing or empty"},
      {byte_level(), [](auto& v) { v.merges[1] = "ab"; }, ErrorCode::kCorrupt, "merges[1] 'ab' is not two tokens"},
      {byte_level(), [](auto& v) { v.merges[1] = "a x"; }, ErrorCode::kCorrupt, "merges[1] names 'x'"},
      {byte_level(), [](auto& v) { v.merges[0] = "b a"; }, ErrorCode::kCorrupt, "merges[0] names 'ba'"},
      {byte_level(), [](auto& v) { v.pre = "no-such"; }, ErrorCode::kUnsupported, "tokenizer.ggml.pre 'no-such'"},
      {byte_level(), [](auto& v) { v.model = "rwkv"; }, ErrorCode::kUnsupported, "tokenizer.ggml.model 'rwkv'"},
      {sentencepiece(), [](auto& v) { v.scores = {}; }, ErrorCode::kCorrupt, "scores is missing"},
      {sentencepiece(), [&](auto& v) { v.scores = infinite; }, ErrorCode::kCorrupt, "not a finite number"},
      {sentencepiece(), [](auto& v) { v.precompiled_charsmap = "abc"; }, ErrorCode::kCorrupt, "precompiled_charsmap"},
      {sentencepiece(),
       [](auto& v) {
         v.unknown.reset();
         v.types[0] = kControl;
       },
       ErrorCode::kCorrupt, "unknown_token_id is missing"},
  };
  for (const auto& [good, change, code, message] : wrong) {
    auto vocabulary = good;
    change(vocabulary);
    const auto made = tokenizer_from_gguf(vocabulary);
    ASSERT_FALSE(made) << message;
    EXPECT_EQ(made.error().code, code) << made.error().message;
    EXPECT_THAT(made.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace marquee::formats
