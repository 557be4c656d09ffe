#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>

#include "formats/gguf_test_writer.h"

namespace marquee::formats {
namespace {

using base::ErrorCode;
using kernels::DType;
using testing::AlignedBytes;
using ::testing::AllOf;
using testing::ByteWriter;
using ::testing::ElementsAre;
using testing::GgufWriter;
using ::testing::HasSubstr;

base::Result<GgufContents> parse(const std::string& bytes) {
  static std::vector<std::unique_ptr<AlignedBytes>> kept;  // results borrow from the bytes
  kept.push_back(std::make_unique<AlignedBytes>(bytes));
  return parse_gguf(kept.back()->span(), "test.gguf");
}

base::Error gguf_error(const std::string& bytes) {
  const AlignedBytes aligned(bytes);
  auto result = parse_gguf(aligned.span(), "test.gguf");
  EXPECT_FALSE(result) << "accepted a wrong file";
  return result ? base::Error{} : result.error();
}

/// One of everything: all value types, nested arrays, a long array, plain and quantised tensors.
GgufWriter small_model() {
  GgufWriter writer;
  writer.number("a.u8", GgufType::kU8, std::uint8_t{200}).number("a.i8", GgufType::kI8, std::int8_t{-5});
  writer.number("a.u16", GgufType::kU16, std::uint16_t{65535}).number("a.i16", GgufType::kI16, std::int16_t{-300});
  writer.u32("a.u32", 4'000'000'000U).number("a.i32", GgufType::kI32, std::int32_t{-70000});
  writer.number("a.u64", GgufType::kU64, std::numeric_limits<std::uint64_t>::max());
  writer.number("a.i64", GgufType::kI64, std::numeric_limits<std::int64_t>::min());
  writer.number("a.f32", GgufType::kF32, 0.5F).number("a.f64", GgufType::kF64, 1e-5);
  writer.number("a.bool", GgufType::kBool, std::uint8_t{1});
  writer.array("a.short", GgufType::kI32, 2, ByteWriter().number(7).number(8).bytes());
  const auto inner = ByteWriter().number(std::uint32_t{0}).number(std::uint64_t{1}).number(std::uint8_t{9}).bytes();
  writer.array("a.nested", GgufType::kArray, 1, inner);
  writer.array("a.long", GgufType::kU8, 65, std::string(65, 'x'));
  writer.tensors.push_back({"norm.weight", {4}, 0, std::string(16, '\1')});
  writer.tensors.push_back({"proj.weight", {32, 3}, 3, std::string(60, '\2')});  // Q4_1
  return writer;
}

TEST(GgufTest, ReadsEveryValueType) {
  const auto contents = parse(small_model().bytes());
  ASSERT_TRUE(contents) << contents.error().message;
  const auto& keys = contents->metadata;
  EXPECT_EQ(keys.at("general.architecture").as_string(), "llama");
  EXPECT_EQ(keys.at("a.u8").to_number<int>(), 200);
  EXPECT_EQ(keys.at("a.i8").to_number<int>(), -5);
  EXPECT_EQ(keys.at("a.u16").to_number<int>(), 65535);
  EXPECT_EQ(keys.at("a.i16").to_number<int>(), -300);
  EXPECT_EQ(keys.at("a.u32").to_number<std::uint64_t>(), 4'000'000'000U);
  EXPECT_EQ(keys.at("a.i32").to_number<int>(), -70000);
  EXPECT_EQ(keys.at("a.u64").to_number<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(keys.at("a.i64").to_number<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(keys.at("a.f32").to_number<double>(), 0.5);
  EXPECT_EQ(keys.at("a.f64").to_number<double>(), 1e-5);
  EXPECT_TRUE(keys.at("a.bool").as_bool());
  EXPECT_EQ(base::json::serialize(keys.at("a.short")), "[7,8]");
  EXPECT_EQ(base::json::serialize(keys.at("a.nested")), "[[9]]");
  EXPECT_FALSE(keys.contains("a.long")) << "long arrays stay in the file";
  EXPECT_EQ(contents->arrays.at("a.long").count, 65);
  EXPECT_EQ(contents->arrays.at("a.long").bytes.size(), 65);
}

TEST(GgufTest, ReadsTensorsOutermostFirst) {
  const AlignedBytes bytes(small_model().bytes());
  const auto file = GgufFile::from_bytes(bytes.span(), "test.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->architecture(), "llama");
  EXPECT_THAT((*file)->names(), ElementsAre("norm.weight", "proj.weight"));
  EXPECT_EQ((*file)->weight_bytes(), 76);
  const auto tensor = (*file)->find("proj.weight");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->dtype, DType::kQ4_1);
  EXPECT_THAT(tensor->shape, ElementsAre(3, 32));
  ASSERT_EQ(tensor->bytes.size(), 60);
  EXPECT_EQ(tensor->bytes[0], std::byte{2});
  EXPECT_EQ(tensor->bytes[59], std::byte{2});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor->bytes.data()) % 32, 0);
  EXPECT_TRUE((*file)->contains("norm.weight"));
  EXPECT_FALSE((*file)->contains("norm"));
  const auto missing = (*file)->find("no.such");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("no.such"), HasSubstr("test.gguf")));
}

TEST(GgufTest, ReadsVersion2AndOtherAlignments) {
  auto writer = small_model();
  writer.version = 2;
  writer.alignment = 64;
  writer.u32("general.alignment", 64);
  const auto contents = parse(writer.bytes());
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->version, 2);
  EXPECT_EQ(contents->alignment, 64);
  EXPECT_EQ(contents->tensors[1].bytes[0], std::byte{2});
}

TEST(GgufTest, KnowsTheSizeOfEverySupportedType) {
  // Blocks of 32 or 256 elements in so many bytes: ggml-common.h's static assertions.
  const std::vector<std::tuple<std::uint32_t, DType, std::uint64_t, std::size_t>> types = {
      {0, DType::kF32, 1, 4},       {1, DType::kF16, 1, 2},       {30, DType::kBF16, 1, 2},
      {2, DType::kQ4_0, 32, 18},    {3, DType::kQ4_1, 32, 20},    {6, DType::kQ5_0, 32, 22},
      {7, DType::kQ5_1, 32, 24},    {8, DType::kQ8_0, 32, 34},    {10, DType::kQ2_K, 256, 84},
      {11, DType::kQ3_K, 256, 110}, {12, DType::kQ4_K, 256, 144}, {13, DType::kQ5_K, 256, 176},
      {14, DType::kQ6_K, 256, 210}};
  for (const auto& [number, dtype, elements, bytes] : types) {
    GgufWriter writer;
    writer.tensors.push_back({"t", {elements, 2}, number, std::string(2 * bytes, 'x')});
    const auto contents = parse(writer.bytes());
    ASSERT_TRUE(contents) << number << ": " << contents.error().message;
    EXPECT_EQ(contents->tensors[0].dtype, dtype);
    EXPECT_EQ(contents->tensors[0].bytes.size(), 2 * bytes) << number;
    writer.tensors[0].data.pop_back();
    EXPECT_THAT(gguf_error(writer.bytes()).message, HasSubstr("past the end")) << number;
  }
}

TEST(GgufTest, RefusesOtherTypesByName) {
  const std::vector<std::pair<std::uint32_t, std::string>> types = {
      {4, "Q4_2"}, {9, "Q8_1"},      {15, "Q8_K"},  {16, "IQ2_XXS"}, {20, "IQ4_NL"}, {24, "I8"},
      {28, "F64"}, {31, "Q4_0_4_4"}, {34, "TQ1_0"}, {39, "MXFP4"},   {42, "Q2_0"}};
  for (const auto& [number, name] : types) {
    GgufWriter writer;
    writer.tensors.push_back({"blk.0.x", {256}, number, std::string(4096, 'x')});
    const auto error = gguf_error(writer.bytes());
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << name;
    EXPECT_THAT(error.message, AllOf(HasSubstr("type " + name + " "), HasSubstr("blk.0.x")));
  }
  GgufWriter writer;
  writer.tensors.push_back({"t", {256}, 99, std::string(4096, 'x')});
  EXPECT_THAT(gguf_error(writer.bytes()).message, HasSubstr("unknown tensor type 99"));
}

TEST(GgufTest, RefusesOtherFilesAndVersions) {
  EXPECT_THAT(gguf_error("PK\3\4 and more of a zip file").message, HasSubstr("not a GGUF file"));
  EXPECT_EQ(gguf_error("GG").code, ErrorCode::kCorrupt);
  for (const std::uint32_t version : {0U, 1U, 4U, 3U << 24, 2U << 24}) {
    auto writer = small_model();
    writer.version = version;
    const auto error = gguf_error(writer.bytes());
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << version;
    EXPECT_THAT(error.message, HasSubstr(version == 1         ? "version 1"
                                         : version > 0xffffff ? "big-endian"
                                                              : "versions 2 and 3"));
  }
}

TEST(GgufTest, RefusesAPartOfASplitModel) {
  auto writer = small_model();
  writer.number("split.count", GgufType::kU16, std::uint16_t{3});
  const auto error = gguf_error(writer.bytes());
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, AllOf(HasSubstr("3 files"), HasSubstr("--merge")));
}

struct WrongFile {
  const char* what;
  std::function<void(GgufWriter&)> make;
  const char* message;
};

TEST(GgufTest, NamesWhatIsWrongAndWhere) {
  const std::string one_string = ByteWriter().text("x").bytes();
  const std::uint64_t huge = std::uint64_t{1} << 62;
  const std::vector<WrongFile> wrong = {
      {"tensor count", [](auto& w) { w.tensor_count = std::int64_t{1} << 40; }, "1099511627776 tensors cannot be in"},
      {"negative tensor count", [](auto& w) { w.tensor_count = std::numeric_limits<std::int64_t>::max(); }, "tensors"},
      {"key count", [](auto& w) { w.key_count = std::int64_t{1} << 40; }, "metadata keys cannot be in"},
      {"one key too many", [](auto& w) { w.key_count = 99; }, "metadata key"},
      {"duplicate key", [](auto& w) { w.u32("a.u32", 1); }, "'a.u32': the key is there twice"},
      {"duplicate long key", [](auto& w) { w.u32("a.long", 1); }, "'a.long': the key is there twice"},
      {"empty key", [](auto& w) { w.u32("", 1); }, "the name must be"},
      {"key that is no UTF-8", [](auto& w) { w.u32("a\xff", 1); }, "the name must be"},
      {"boolean 2", [](auto& w) { w.number("b", GgufType::kBool, std::uint8_t{2}); }, "'b': a boolean is 2"},
      {"not finite", [](auto& w) { w.number("b", GgufType::kF32, std::numeric_limits<float>::infinity()); }, "finite"},
      {"not a number", [](auto& w) { w.number("b", GgufType::kF64, std::nan("")); }, "finite"},
      {"value type", [](auto& w) { w.value("b", static_cast<GgufType>(13), "xxxx"); }, "'b': unknown value type 13"},
      {"element type", [](auto& w) { w.array("b", static_cast<GgufType>(77), 1, "x"); }, "unknown value type 77"},
      {"string length", [=](auto& w) { w.value("b", GgufType::kString, ByteWriter().number(huge).bytes()); }, "'b'"},
      {"array length", [=](auto& w) { w.array("b", GgufType::kU32, huge, "1234"); }, "elements does not fit"},
      {"array of strings", [=](auto& w) { w.array("b", GgufType::kString, huge, one_string); }, "does not fit"},
      {"no dimension", [](auto& w) { w.tensors[0].dims = {}; }, "'norm.weight': 0 dimensions"},
      {"five dimensions",
       [](auto& w) {
         w.tensors[0].dims = {1, 1, 1, 1, 4};
       },
       "5 dimensions"},
      {"zero dimension",
       [](auto& w) {
         w.tensors[0].dims = {4, 0};
       },
       "'norm.weight': dimension 1 is 0"},
      {"negative dimension", [](auto& w) { w.tensors[0].dims = {~0ULL}; }, "dimension 0 is 18446744073709551615"},
      {"overflow",
       [=](auto& w) {
         w.tensors[0].dims = {huge, huge};
       },
       "'norm.weight': the product"},
      {"byte overflow", [=](auto& w) { w.tensors[0].dims = {huge}; }, "its size in bytes overflows"},
      {"part of a block",
       [](auto& w) {
         w.tensors[1].dims = {48, 2};
       },
       "'proj.weight': rows of 48 elements"},
      {"too long",
       [](auto& w) {
         w.tensors[1].dims = {32, 4};
       },
       "'proj.weight': its 80 bytes at offset 32 reach past"},
      {"misaligned", [](auto& w) { w.tensors[1].offset = 8; }, "offset 8 is not a multiple of the alignment 32"},
      {"offset past the end", [](auto& w) { w.tensors[1].offset = 1 << 20; }, "reach past the end"},
      {"offset that wraps", [](auto& w) { w.tensors[1].offset = std::numeric_limits<std::int64_t>::max() - 31; },
       "past"},
      {"overlap", [](auto& w) { w.tensors[1].offset = 0; }, "overlaps tensor"},
      {"empty name", [](auto& w) { w.tensors[0].name = ""; }, "the name must be 1 to 255"},
      {"long name", [](auto& w) { w.tensors[0].name = std::string(256, 'n'); }, "the name must be 1 to 255"},
      {"alignment 0", [](auto& w) { w.u32("general.alignment", 0); }, "power of two"},
      {"alignment 12", [](auto& w) { w.u32("general.alignment", 12); }, "power of two"},
      {"alignment text", [](auto& w) { w.string("general.alignment", "32"); }, "power of two"},
      {"alignment huge", [](auto& w) { w.u32("general.alignment", 1U << 31); }, "power of two"},
  };
  for (const auto& [what, make, message] : wrong) {
    auto writer = small_model();
    make(writer);
    const auto error = gguf_error(writer.bytes());
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << what << ": " << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr("test.gguf: "), HasSubstr(message), HasSubstr("at byte"))) << what;
  }
}

TEST(GgufTest, RefusesDuplicateTensors) {
  auto writer = small_model();
  writer.tensors[1].name = "norm.weight";
  const AlignedBytes bytes(writer.bytes());
  const auto file = GgufFile::from_bytes(bytes.span(), "test.gguf");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("tensor 'norm.weight' is there twice"));
}

TEST(GgufTest, RefusesDeepArrays) {
  std::string nested = ByteWriter().number(std::uint32_t{0}).number(std::uint64_t{0}).bytes();  // an empty array of u8
  for (int depth = 0; depth < 40; ++depth) {
    nested = ByteWriter().number(std::uint32_t{9}).number(std::uint64_t{1}).raw(nested).bytes();
  }
  GgufWriter writer;
  writer.array("deep", GgufType::kArray, 1, nested);
  EXPECT_THAT(gguf_error(writer.bytes()).message, HasSubstr("'deep': arrays nested deeper than 4"));
}

TEST(GgufTest, HostileNamesAreShownHarmlessly) {
  GgufWriter writer;
  writer.number("\x1b[31mred\n" + std::string(500, 'k'), GgufType::kBool, std::uint8_t{2});
  const auto error = gguf_error(writer.bytes());
  EXPECT_THAT(error.message, AllOf(HasSubstr("?[31mred?"), HasSubstr("…")));
  EXPECT_LT(error.message.size(), 250);
}

TEST(GgufTest, NeedsAnArchitecture) {
  for (const bool wrong_type : {false, true}) {
    GgufWriter writer(nullptr);
    if (wrong_type) writer.u32("general.architecture", 1);
    const AlignedBytes bytes(writer.bytes());
    const auto file = GgufFile::from_bytes(bytes.span(), "test.gguf");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(file.error().message, HasSubstr("general.architecture"));
  }
}

TEST(GgufTest, TruncationAtEveryByteIsAnError) {
  const std::string whole = small_model().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto error = gguf_error(whole.substr(0, size));
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << size << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr("test.gguf: ")) << size;
  }
  EXPECT_TRUE(parse(whole));
}

TEST(GgufTest, EveryByteOfTheHeaderMayBeAnything) {
  const std::string whole = small_model().bytes();
  AlignedBytes bytes(whole);
  int accepted = 0;
  for (std::size_t at = 0; at < whole.size() - 96; ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      bytes.writable()[at] = static_cast<std::byte>(value);
      accepted += parse_gguf(bytes.span(), "test.gguf").has_value() ? 1 : 0;
    }
    bytes.writable()[at] = static_cast<std::byte>(whole[at]);
  }
  EXPECT_GT(accepted, 0);  // values of metadata may change
}

/// A vocabulary with every key of tokenizer.ggml.
GgufWriter small_vocabulary() {
  GgufWriter writer;
  const std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "a", "b", "ab"};
  const std::vector<std::string> merges = {"a b"};
  writer.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "smollm");
  writer.strings("tokenizer.ggml.tokens", tokens).strings("tokenizer.ggml.merges", merges);
  ByteWriter types;
  ByteWriter scores;
  for (int i = 0; i < 6; ++i) {
    types.number(std::int32_t{i < 3 ? 3 : 1});
    scores.number(-static_cast<float>(i));
  }
  writer.array("tokenizer.ggml.token_type", GgufType::kI32, 6, types.bytes());
  writer.array("tokenizer.ggml.scores", GgufType::kF32, 6, scores.bytes());
  writer.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  writer.u32("tokenizer.ggml.unknown_token_id", 0).number("tokenizer.ggml.padding_token_id", GgufType::kI32, -1);
  writer.u32("tokenizer.ggml.seperator_token_id", 0xffffffffU);
  writer.number("tokenizer.ggml.add_bos_token", GgufType::kBool, std::uint8_t{0});
  writer.array("tokenizer.ggml.precompiled_charsmap", GgufType::kU8, 3, "abc");
  writer.string("tokenizer.chat_template", "{{ messages }}");
  return writer;
}

TEST(GgufTest, TruncationAtEveryByteOfAVocabularyIsAnError) {
  const std::string whole = small_vocabulary().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(gguf_error(whole.substr(0, size)).code, ErrorCode::kCorrupt) << size;
  }
  EXPECT_TRUE(parse(whole));
}

TEST(GgufTest, MetadataHasBounds) {
  GgufWriter many_keys;
  for (int i = 0; i < 4096; ++i) many_keys.u32("key" + std::to_string(i), 1);
  EXPECT_THAT(gguf_error(many_keys.bytes()).message, HasSubstr("4097 metadata keys cannot be in"));

  GgufWriter long_string;
  long_string.string("long", std::string((16 << 20) + 1, 'x'));
  EXPECT_EQ(gguf_error(long_string.bytes()).code, ErrorCode::kTooLarge);

  // Arrays of arrays: each is short, all together they are a quarter of a million elements a key.
  const auto array = [](GgufType element, std::uint64_t count) {
    return ByteWriter().number(static_cast<std::uint32_t>(element)).number(count).bytes();
  };
  std::string nested;
  for (int i = 0; i < 64; ++i) {
    nested += array(GgufType::kArray, 64);
    for (int j = 0; j < 64; ++j) nested += array(GgufType::kU8, 64) + std::string(64, 'x');
  }
  GgufWriter short_arrays;
  for (int i = 0; i < 5; ++i) short_arrays.array("nested" + std::to_string(i), GgufType::kArray, 64, nested);
  EXPECT_THAT(gguf_error(short_arrays.bytes()).message, HasSubstr("'nested3': too many short arrays"));
}

TEST(GgufTest, ReadsTheVocabulary) {
  const AlignedBytes bytes(small_vocabulary().bytes());
  const auto file = GgufFile::from_bytes(bytes.span(), "test.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto vocabulary = (*file)->vocabulary();
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->model, "gpt2");
  EXPECT_EQ(vocabulary->pre, "smollm");
  EXPECT_THAT(vocabulary->tokens, ElementsAre("<unk>", "<s>", "</s>", "a", "b", "ab"));
  EXPECT_THAT(vocabulary->merges, ElementsAre("a b"));
  EXPECT_THAT(vocabulary->types, ElementsAre(3, 3, 3, 1, 1, 1));
  EXPECT_THAT(vocabulary->scores, ElementsAre(0, -1, -2, -3, -4, -5));
  EXPECT_EQ(vocabulary->bos, 1);
  EXPECT_EQ(vocabulary->eos, 2);
  EXPECT_EQ(vocabulary->unknown, 0);
  EXPECT_EQ(vocabulary->padding, std::nullopt);
  EXPECT_EQ(vocabulary->separator, std::nullopt);
  EXPECT_EQ(vocabulary->add_bos, false);
  EXPECT_EQ(vocabulary->add_eos, std::nullopt);
  EXPECT_EQ(vocabulary->precompiled_charsmap, "abc");
  EXPECT_EQ((*file)->chat_template(), "{{ messages }}");
}

TEST(GgufTest, RefusesInconsistentVocabularies) {
  const std::vector<std::pair<std::function<void(GgufWriter&)>, std::string>> wrong = {
      {[](auto& w) { w.u32("tokenizer.ggml.eot_token_id", 6); }, "eot_token_id' is 6, outside the vocabulary of 6"},
      {[](auto& w) { w.number("tokenizer.ggml.cls_token_id", GgufType::kI32, -2); }, "cls_token_id"},
      {[](auto& w) { w.string("tokenizer.ggml.mask_token_id", "x"); }, "mask_token_id' is not a whole number"},
      {[](auto& w) { w.u32("tokenizer.ggml.add_eos_token", 1); }, "add_eos_token' is not a boolean"},
  };
  for (const auto& [change, message] : wrong) {
    auto writer = small_vocabulary();
    change(writer);
    const AlignedBytes bytes(writer.bytes());
    const auto file = GgufFile::from_bytes(bytes.span(), "test.gguf");
    ASSERT_TRUE(file) << file.error().message;
    const auto vocabulary = (*file)->vocabulary();
    ASSERT_FALSE(vocabulary) << message;
    EXPECT_EQ(vocabulary.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(vocabulary.error().message, HasSubstr(message));
  }
  const AlignedBytes none(GgufWriter().bytes());
  EXPECT_EQ((*GgufFile::from_bytes(none.span(), "test.gguf"))->vocabulary().error().code, ErrorCode::kNotFound);
}

TEST(GgufTest, RandomMutationsNeverCrash) {
  const std::string seeds[] = {small_model().bytes(), small_vocabulary().bytes()};
  std::mt19937 random(20240607);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = seeds[static_cast<std::size_t>(round) % 2];
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] ^= static_cast<char>(1U << below(8)); break;
        case 2: bytes.resize(at + 1); break;
        default:
          bytes.replace(at, std::min<std::size_t>(8, bytes.size() - at),
                        ByteWriter().number(std::uint64_t{1} << below(64)).bytes());
          break;
      }
    }
    const AlignedBytes aligned(bytes);
    const auto file = GgufFile::from_bytes(aligned.span(), "m");
    if (!file) continue;
    ++accepted;
    (void)(*file)->vocabulary();
    for (const auto& name : (*file)->names()) {
      const auto tensor = (*file)->find(name);
      ASSERT_TRUE(tensor);
      ASSERT_GE(tensor->bytes.data(), aligned.span().data());
      ASSERT_LE(tensor->bytes.data() + tensor->bytes.size(), aligned.span().data() + aligned.span().size());
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(GgufTest, OpensTheRealModel) {
  const char* path = std::getenv("MARQUEE_TEST_MODEL");
  if (path == nullptr || !std::filesystem::exists(path)) GTEST_SKIP() << "MARQUEE_TEST_MODEL names no file";
  const auto file = ModelFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->architecture(), "llama");
  EXPECT_EQ((*file)->names().size(), 272);
  EXPECT_EQ((*file)->weight_bytes(), 96'576'768);
  EXPECT_EQ((*file)->metadata().at("llama.block_count").to_number<int>(), 30);
  const auto embedding = (*file)->find("token_embd.weight");
  ASSERT_TRUE(embedding);
  EXPECT_EQ(embedding->dtype, DType::kQ8_0);
  EXPECT_THAT(embedding->shape, ElementsAre(49152, 576));
  EXPECT_THAT((*file)->chat_template().value_or(""), HasSubstr("<|im_start|>"));
  const auto vocabulary = dynamic_cast<const GgufFile&>(**file).vocabulary();
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->tokens.size(), 49152);
  EXPECT_EQ(vocabulary->merges.size(), 48900);
}

TEST(ModelFileTest, TellsWhatIsNoModel) {
  const auto folder = std::filesystem::temp_directory_path() / ("marquee-model-file-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  };
  const auto check = [](const std::filesystem::path& path, ErrorCode code, const std::string& message) {
    const auto file = ModelFile::open(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().code, code) << file.error().message;
    EXPECT_THAT(file.error().message, HasSubstr(message));
  };
  check(folder / "none.gguf", ErrorCode::kNotFound, "none.gguf");
  check(write("empty.gguf", ""), ErrorCode::kCorrupt, "empty");
  check(write("pytorch_model.bin", "\x80\x02"), ErrorCode::kUnsupported, "save_pretrained");
  check(write("model.safetensors", "12345678"), ErrorCode::kUnsupported, "give its folder");
  check(write("text.txt", "Once upon a time"), ErrorCode::kCorrupt, "not a GGUF file");
  check(folder, ErrorCode::kNotFound, "config.json");
  const auto good = ModelFile::open(write("good.gguf", small_model().bytes()));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ((*good)->kind(), ModelFileKind::kGguf);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace marquee::formats
