#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "formats/model_file.h"
#include "formats/tokenizers/token_decoder.h"

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;

/// A SentencePiece-like vocabulary: 3 special tokens, the 256 bytes from 3 on, then words.
constexpr TokenId kWords = 259;

std::unique_ptr<Tokenizer> make_tokenizer() {
  std::string vocab = R"("<unk>":0,"<s>":1,"</s>":2)";
  for (int byte = 0; byte < 256; ++byte) {
    char name[16];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    vocab += ",\"" + std::string(name) + "\":" + std::to_string(byte + 3);
  }
  vocab += R"(,"▁":259,"▁a":260,"b":261)";
  auto made = tokenizer_from_json(
      R"({"added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true},
          {"id":2,"content":"</s>","special":true}],
          "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
            {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
          "model":{"type":"BPE","vocab":{)" +
          vocab + R"(},"merges":[],"byte_fallback":true,"unk_token":"<unk>"}})",
      "");
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TokenId byte_token(unsigned char byte) { return static_cast<TokenId>(byte) + 3; }

TEST(StreamingDetokenizerTest, NeverEmitsHalfACharacter) {
  const auto tokenizer = make_tokenizer();
  StreamingDetokenizer stream(*tokenizer);
  const std::string smile = "🙂";
  std::vector<std::string> pieces;
  for (const char byte : smile) pieces.push_back(stream.push(byte_token(static_cast<unsigned char>(byte))));
  EXPECT_THAT(pieces, ElementsAre("", "", "", smile));
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamingDetokenizerTest, WhatNeverBecomesACharacterIsReplaced) {
  const auto tokenizer = make_tokenizer();
  StreamingDetokenizer stream(*tokenizer);
  EXPECT_EQ(stream.push(byte_token(0xE2)), "");
  EXPECT_EQ(stream.push(byte_token(0x82)), "");
  EXPECT_EQ(stream.push(261), "\ufffdb");  // one for the two bytes, which could have become a character
  EXPECT_EQ(stream.push(byte_token(0xFF)), "\ufffd");
  EXPECT_EQ(stream.push(byte_token(0xC3)), "");
  EXPECT_EQ(stream.finish(), "\ufffd");
}

TEST(StreamingDetokenizerTest, LeavesOutTheSpaceThatStartsAText) {
  const auto tokenizer = make_tokenizer();
  StreamingDetokenizer stream(*tokenizer);
  EXPECT_EQ(stream.push(1), "");  // special
  EXPECT_EQ(stream.push(260), "a");
  EXPECT_EQ(stream.push(260), " a");
  EXPECT_EQ(stream.push(-1) + stream.push(100'000), "");
  StreamingDetokenizer shown(*tokenizer, false);
  EXPECT_EQ(shown.push(1), "<s>");
  EXPECT_EQ(shown.push(260), " a");
}

TEST(StreamingDetokenizerTest, AfterATextTheFirstWordKeepsItsSpace) {
  const auto tokenizer = make_tokenizer();
  StreamingDetokenizer stream(*tokenizer, true, true);
  EXPECT_EQ(stream.push(260), " a");
}

TEST(StreamingDetokenizerTest, PiecesTogetherAreTheDecodedText) {
  const auto tokenizer = make_tokenizer();
  std::mt19937 random(17);
  for (int round = 0; round < 3000; ++round) {
    std::vector<TokenId> ids;
    for (std::size_t count = random() % 12; count > 0; --count) {
      ids.push_back(static_cast<TokenId>(random() % 3 == 0 ? kWords + random() % 3 : 3 + 0x80 + random() % 128));
    }
    for (const bool skip : {false, true}) {
      StreamingDetokenizer stream(*tokenizer, skip);
      std::string text;
      for (const auto id : ids) {
        const auto piece = stream.push(id);
        ASSERT_TRUE(base::is_valid_utf8(piece));
        text += piece;
      }
      ASSERT_EQ(text + stream.finish(), tokenizer->decode(ids, skip));
    }
  }
}

TEST(TokenDecoderTest, Stages) {
  const auto run = [](DecoderStage stage, std::string_view token, bool first = false, bool added = false) {
    return TokenDecoder({std::move(stage)}).decode(token, first, added);
  };
  EXPECT_EQ(run(DecodeByteLevel{}, "ĠaĊÃ©"), " a\n\xc3\xa9");
  EXPECT_EQ(run(DecodeByteLevel{}, "Ġa", false, true), "Ġa");  // an added token's characters are themselves
  EXPECT_EQ(run(DecodeByteLevel{}, "漢"), "漢");
  EXPECT_EQ(run(DecodeByteFallback{}, "<0x0a>"), "\n");
  EXPECT_EQ(run(DecodeByteFallback{}, "<0xGG>"), "<0xGG>");
  EXPECT_EQ(run(DecodeMetaspace{"_", true}, "_a", true) + run(DecodeMetaspace{"_", true}, "_b"), "a b");
  EXPECT_EQ(run(DecodeWordPiece{}, "un", true) + run(DecodeWordPiece{}, "##able") + run(DecodeWordPiece{}, "."),
            "unable.");
  EXPECT_EQ(run(DecodeSpaced{}, "a", true) + run(DecodeSpaced{}, "b"), "a b");
  EXPECT_EQ(run(DecodeStrip{"x", 1, 2}, "xxaxxx"), "xax");
}

}  // namespace
}  // namespace marquee::formats
