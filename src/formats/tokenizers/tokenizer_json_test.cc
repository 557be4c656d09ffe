#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "formats/model_file.h"

namespace marquee::formats {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kBpe =
    R"("model":{"type":"BPE","vocab":{"<s>":0,"a":1,"b":2,"Ġ":3,"ab":4,"Ġab":5},"merges":["a b",["Ġ","ab"]]})";

std::string with_model(const std::string& more, const std::string& model = kBpe) {
  return "{" + more + (more.empty() ? "" : ",") + model + "}";
}

base::Error error_of(const std::string& json, std::string_view config = "") {
  const auto made = tokenizer_from_json(json, config);
  EXPECT_FALSE(made) << json;
  return made ? base::Error{} : made.error();
}

TEST(TokenizerJsonTest, SaysWhatGoesAroundTwoTexts) {
  const auto pair_of = [](const std::string& post_processor) -> std::optional<PairFrame> {
    const auto made = tokenizer_from_json(with_model("\"post_processor\":" + post_processor), "");
    if (!made) ADD_FAILURE() << made.error().message;
    return made && (*made)->pair() != nullptr ? std::optional(*(*made)->pair()) : std::nullopt;
  };
  const auto bert = pair_of(R"({"type":"BertProcessing","cls":["a",1],"sep":["b",2]})");
  ASSERT_TRUE(bert);
  EXPECT_THAT(bert->before, ElementsAre(1));
  EXPECT_THAT(bert->between, ElementsAre(2));
  EXPECT_THAT(bert->after, ElementsAre(2));
  EXPECT_TRUE(bert->second_has_own_type);
  const auto roberta = pair_of(R"({"type":"RobertaProcessing","cls":["a",1],"sep":["b",2]})");
  ASSERT_TRUE(roberta);
  EXPECT_THAT(roberta->between, ElementsAre(2, 2));
  EXPECT_FALSE(roberta->second_has_own_type);
  const auto with_pair = [](const std::string& pieces) {
    return R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}],"pair":[)" + pieces +
           R"(],"special_tokens":{"a":{"ids":[1]},"b":{"ids":[2,4]}}})";
  };
  const auto written = pair_of(with_pair(R"({"SpecialToken":{"id":"a","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
      {"SpecialToken":{"id":"b","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"a","type_id":1}})"));
  ASSERT_TRUE(written);
  EXPECT_THAT(written->before, ElementsAre(1));
  EXPECT_THAT(written->between, ElementsAre(2, 4));
  EXPECT_THAT(written->after, ElementsAre(1));
  EXPECT_TRUE(written->second_has_own_type);
  EXPECT_FALSE(pair_of(with_pair(R"({"Sequence":{"id":"B"}},{"Sequence":{"id":"A"}})")));
  EXPECT_FALSE(pair_of(with_pair(R"({"Sequence":{"id":"A"}})")));
  EXPECT_FALSE(pair_of(with_pair(R"({"Sequence":{"id":"A","type_id":1}},{"Sequence":{"id":"B"}})")));
  EXPECT_FALSE(pair_of(R"({"type":"ByteLevel"})"));
}

TEST(TokenizerJsonTest, ByteLevelBpe) {
  const auto made = tokenizer_from_json(
      with_model(R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},
                    "added_tokens":[{"id":0,"content":"<s>","special":true}],
                    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},
                      {"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[0]}}})"),
      R"({"bos_token":"<s>","eos_token":{"content":"b"}})");
  ASSERT_TRUE(made) << made.error().message;
  const auto& tokenizer = **made;
  EXPECT_THAT(tokenizer.encode("ab ab"), ElementsAre(4, 5));
  EXPECT_THAT(tokenizer.encode("a<s>b", {.add_special = true, .parse_special = true}), ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(tokenizer.encode("a<s>"), ElementsAre(1));  // what no token covers is dropped, as the file says
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{0, 4, 5}, true), "ab ab");
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{0, 4, 5}, false), "<s>ab ab");
  EXPECT_EQ(tokenizer.bos(), 0);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_THAT(tokenizer.end_tokens(), ElementsAre(2));
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_EQ(tokenizer.find("Ġab"), 5);
  EXPECT_EQ(tokenizer.vocab_size(), 6);
}

TEST(TokenizerJsonTest, AUsersTextNeverBecomesASpecialToken) {
  // Also where the model's own vocabulary holds the special token's text.
  const auto unigram = tokenizer_from_json(
      R"({"added_tokens":[{"id":1,"content":"</s>","special":true}],
          "model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["</s>",0],["<",-9],["/",-9],["s",-9],[">",-9]]}})",
      "");
  ASSERT_TRUE(unigram) << unigram.error().message;
  EXPECT_THAT((*unigram)->encode("</s>"), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT((*unigram)->encode("</s>", {.parse_special = true}), ElementsAre(1));
  const auto merged = tokenizer_from_json(
      R"({"added_tokens":[{"id":2,"content":"ab","special":true}],
          "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"ignore_merges":true}})",
      "");
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_THAT((*merged)->encode("ab"), ElementsAre(0, 1));
}

TEST(TokenizerJsonTest, NamesWhatIsWrong) {
  const std::string unigram = R"("model":{"type":"Unigram","unk_id":0,"vocab":[["a",-1]]})";
  const std::vector<std::tuple<ErrorCode, std::string, std::string>> wrong = {
      {ErrorCode::kInvalidArgument, "{", "tokenizer.json"},
      {ErrorCode::kCorrupt, "[]", "it is not an object"},
      {ErrorCode::kCorrupt, "{}", "model is missing"},
      {ErrorCode::kCorrupt, R"({"model":{}})", "model.vocab is missing"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{}}})", "model.vocab is empty"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":-1}}})", "model.vocab of 'a' is not a token id"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":1.5}}})", "model.vocab of 'a' is not a token id"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":0,"b":0}}})",
       "'b' has the id 0, which belongs to 'a'"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":4000000}}})", "too high for a vocabulary of 1"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}})",
       "merges[0] is not two tokens"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}})", "merges[0] is not two"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}})",
       "merges[0] names 'aa', which"},
      {ErrorCode::kUnsupported, R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}})", "dropout"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}})", "unk_token '?'"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"WordPiece","vocab":{"a":0}}})", "unk_token '[UNK]' is no token"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"Unigram","vocab":[["a",-1]]}})", "unk_id is missing"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":1}})", "unk_id is outside"},
      {ErrorCode::kCorrupt, R"({"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}})", "at 0"},
      {ErrorCode::kUnsupported, R"({"model":{"type":"WordLevel","vocab":{"a":0}}})", "the model 'WordLevel'"},
      {ErrorCode::kUnsupported, with_model(R"("version":"2.0")"), "version '2.0'"},
      {ErrorCode::kUnsupported, with_model(R"("normalizer":{"type":"Nmt"})"), "the normalizer 'Nmt'"},
      {ErrorCode::kCorrupt, with_model(R"("normalizer":{"type":"Replace","content":"x"})"),
       "normalizer.pattern is missing"},
      {ErrorCode::kUnsupported, with_model(R"("normalizer":{"type":"Replace","pattern":{"Regex":"a+"},"content":""})"),
       "the regular expression 'a+'"},
      {ErrorCode::kUnsupported,
       with_model(R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace",
                     "pattern":{"String":"a"},"content":")" +
                  std::string(256, 'x') + "\"}]}"),
       "more than 256 times longer"},
      {ErrorCode::kCorrupt, with_model(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"AA"})"), "base64"},
      {ErrorCode::kUnsupported, with_model(R"("pre_tokenizer":{"type":"UnicodeScripts"})"), "'UnicodeScripts'"},
      {ErrorCode::kUnsupported, with_model(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+b"}})"),
       "the pre-tokenisation rule '(a+)+b' is not one that is known here"},
      {ErrorCode::kCorrupt, with_model(R"("pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"x"})"),
       "pre_tokenizer.behavior 'x'"},
      {ErrorCode::kUnsupported,
       with_model(R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})"),
       "pre_tokenizer.pretokenizers[1]: nothing is supported after a ByteLevel"},
      {ErrorCode::kUnsupported, "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}," + unigram + "}", "goes with BPE only"},
      {ErrorCode::kUnsupported, with_model(R"("decoder":{"type":"CTC"})"), "the decoder 'CTC'"},
      {ErrorCode::kUnsupported,
       with_model(R"("decoder":{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]})"),
       "not supported after Fuse"},
      {ErrorCode::kUnsupported, with_model(R"("post_processor":{"type":"Other"})"), "the post-processor 'Other'"},
      {ErrorCode::kCorrupt, with_model(R"("post_processor":{"type":"BertProcessing","cls":["x",99],"sep":["y",1]})"),
       "adds the token 99, which does not exist"},
      {ErrorCode::kCorrupt,
       with_model(R"("post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}],
                     "pair":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"z"}},{"Sequence":{"id":"B"}}],
                     "special_tokens":{}})"),
       "has no 'z'"},
      {ErrorCode::kCorrupt, with_model(R"("added_tokens":{})"), "added_tokens is not an array"},
      {ErrorCode::kCorrupt, with_model(R"("added_tokens":[{"content":"x"}])"), "added_tokens[0].id is missing"},
      {ErrorCode::kCorrupt, with_model(R"("added_tokens":[{"id":9,"content":"a"}])"), "'a' the id 9, but it has 1"},
      {ErrorCode::kCorrupt, with_model(R"("added_tokens":[{"id":4000000,"content":"x"}])"),
       "too high for a vocabulary"},
      {ErrorCode::kTooLarge, with_model(R"("added_tokens":[{"id":7,"content":")" + std::string(5000, 'x') + "\"}]"),
       "has 5000 bytes"},
  };
  for (const auto& [code, json, message] : wrong) {
    const auto error = error_of(json);
    EXPECT_EQ(error.code, code) << error.message << "\n" << json.substr(0, 200);
    EXPECT_THAT(error.message, HasSubstr(message)) << json.substr(0, 200);
  }
  EXPECT_THAT(error_of(with_model(""), "[]").message, HasSubstr("tokenizer_config.json"));
}

TEST(TokenizerJsonTest, NeitherDepthNorNumberIsWithoutBound) {
  std::string nested = R"({"type":"NFC"})";
  for (int i = 0; i < 200; ++i) nested = R"({"type":"Sequence","normalizers":[)" + nested + "]}";
  EXPECT_EQ(error_of(with_model("\"normalizer\":" + nested)).code, ErrorCode::kTooLarge);
  std::string many = R"({"type":"NFC"})";
  for (int i = 0; i < 99; ++i) many += R"(,{"type":"NFC"})";
  EXPECT_THAT(error_of(with_model(R"("normalizer":{"type":"Sequence","normalizers":[)" + many + "]}")).message,
              HasSubstr("100 entries; at most 64"));
}

TEST(TokenizerJsonTest, BytesThatAreNoUtf8) {
  const auto bytes = tokenizer_from_json(
      R"({"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},
          "model":{"type":"BPE","vocab":{"a":0,"ÿ":1},"merges":[]}})",
      "");
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_THAT((*bytes)->encode("a\xff"), ElementsAre(0, 1));
  EXPECT_EQ((*bytes)->decode(std::vector<TokenId>{0, 1}, true), "a\ufffd");
  const auto chars = tokenizer_from_json(R"({"model":{"type":"BPE","vocab":{"a":0,"�":1},"merges":[]}})", "");
  ASSERT_TRUE(chars) << chars.error().message;
  EXPECT_THAT((*chars)->encode("a\xff"), ElementsAre(0, 1));
}

TEST(TokenizerJsonTest, RandomMutationsNeverCrash) {
  const std::string seed = with_model(
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"String":"a"},"content":"b"}]},
         "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"b"},"behavior":"Isolated"},
           {"type":"Metaspace","replacement":"_","prepend_scheme":"first"},{"type":"ByteLevel"}]},
         "decoder":{"type":"Sequence","decoders":[{"type":"Strip","content":"a","start":1,"stop":1},{"type":"ByteLevel"}]},
         "added_tokens":[{"id":0,"content":"<s>","special":true,"lstrip":true},{"id":6,"content":"ab","normalized":true}])");
  const std::string pieces[] = {"[",    "]",    "{",      "}", "\"", ",", ":", "0", "9223372036854775807",
                                "null", "true", "\\u0000"};
  std::mt19937 random(3);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  std::size_t accepted = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string json = seed;
    for (std::size_t edits = 1 + below(2); edits > 0; --edits) {
      const std::size_t at = below(json.size());
      if (below(2) == 0) {
        json[at] = static_cast<char>(' ' + below(95));
      } else {
        json.replace(at, below(3), pieces[below(std::size(pieces))]);
      }
    }
    const auto made = tokenizer_from_json(json, "");
    if (!made) continue;
    ++accepted;
    const auto ids = (*made)->encode("<s>ab a bb  \xff", {.add_special = true, .parse_special = true});
    for (const auto id : ids) ASSERT_TRUE(id >= 0 && id < (*made)->vocab_size());
    ASSERT_TRUE(base::is_valid_utf8((*made)->decode(ids, true)));
  }
  EXPECT_GT(accepted, 300);
}

}  // namespace
}  // namespace marquee::formats
