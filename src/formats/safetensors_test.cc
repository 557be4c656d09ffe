#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "formats/gguf_test_writer.h"
#include "formats/huggingface.h"

namespace marquee::formats {
namespace {

using base::ErrorCode;
using kernels::DType;
using testing::AlignedBytes;
using ::testing::AllOf;
using testing::ByteWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string safetensors(const std::string& header, const std::string& data) {
  return ByteWriter().number<std::uint64_t>(header.size()).raw(header).raw(data).bytes();
}

// Two tensors of 8 and 6 bytes.
const std::string kHeader = R"({"__metadata__":{"format":"pt"},)"
                            R"("b.weight":{"dtype":"F16","shape":[3,1],"data_offsets":[8,14]},)"
                            R"("a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   )";
const std::string kData(14, '\7');

base::Error safetensors_error(const std::string& bytes) {
  const AlignedBytes aligned(bytes);
  auto result = parse_safetensors(aligned.span(), "x.safetensors");
  EXPECT_FALSE(result) << "accepted a wrong file: " << bytes;
  return result ? base::Error{} : result.error();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(SafetensorsTest, ReadsTensorsInTheirOrder) {
  const AlignedBytes bytes(safetensors(kHeader, kData));
  const auto tensors = parse_safetensors(bytes.span(), "x.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2);
  EXPECT_EQ((*tensors)[0].name, "a.weight");
  EXPECT_EQ((*tensors)[0].dtype, DType::kF32);
  EXPECT_THAT((*tensors)[0].shape, ElementsAre(2));
  EXPECT_EQ((*tensors)[0].bytes.size(), 8);
  EXPECT_EQ((*tensors)[1].name, "b.weight");
  EXPECT_THAT((*tensors)[1].shape, ElementsAre(3, 1));
  EXPECT_EQ((*tensors)[1].bytes.size(), 6);
}

TEST(SafetensorsTest, ReadsEveryTypeAndScalars) {
  const std::vector<std::pair<std::string, std::size_t>> types = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},
                                                                  {"I8", 1},  {"I16", 2}, {"I32", 4},  {"I64", 8},
                                                                  {"U8", 1},  {"BOOL", 1}};
  for (const auto& [name, size] : types) {
    const std::string header =
        R"({"t":{"dtype":")" + name + R"(","shape":[],"data_offsets":[0,)" + std::to_string(size) + "]}}";
    const AlignedBytes bytes(safetensors(header, std::string(size, 'x')));
    const auto tensors = parse_safetensors(bytes.span(), "x");
    ASSERT_TRUE(tensors) << name << ": " << tensors.error().message;
    EXPECT_EQ((*tensors)[0].elements(), 1);
    EXPECT_EQ(kernels::dtype_info((*tensors)[0].dtype).name, name);
  }
}

TEST(SafetensorsTest, NamesWhatIsWrong) {
  const std::vector<std::tuple<std::string, std::string, std::string>> wrong = {
      {"F16", "F8_E4M3", "'b.weight': dtype 'F8_E4M3' is not supported"},
      {"\"F16\"", "16", "'dtype' is not a text"},
      {"[3,1]", "[3,0]", "'shape' holds something other than positive"},
      {"[3,1]", "[3,-1]", "'shape' holds something other than positive"},
      {"[3,1]", "[3,1.0]", "'shape' holds something other than positive"},
      {"[3,1]", "[3,18446744073709551615]", "'shape' holds something other"},
      {"[3,1]", "[9223372036854775807,9223372036854775807]", "the product of its dimensions overflows"},
      {"[3,1]", "[1,1,1,1,1,1,1,1,3]", "more than 8 extents"},
      {"[3,1]", "[3,[1]]", "'shape' holds something other"},
      {"[3,1]", "3", "'shape' is not an array"},
      {"[3,1]", "[4]", "'b.weight': its shape takes 8 bytes, its data_offsets 6"},
      {"[8,14]", "[8,15]", "'b.weight': ends at byte 15 of the data, which has 14"},
      {"[8,14]", "[9,14]", "begins at byte 9 of the data where byte 8 must follow"},
      {"[8,14]", "[2,8]", "begins at byte 2"},
      {"[8,14]", "[14,8]", "not an ascending pair"},
      {"[8,14]", "[8]", "not an ascending pair"},
      {"[8,14]", "[8,14,20]", "not a pair"},
      {"[8,14]", "{}", "'data_offsets' is not an array"},
      {"\"shape\":[3,1],", "", "lacks 'dtype', 'shape' or 'data_offsets'"},
      {"\"shape\":[3,1],", "\"shape\":[3,1],\"shape\":[3,1],", "'shape' is there twice"},
      {"\"shape\":[3,1],", "\"shape\":[3,1],\"code\":1,", "unknown field 'code'"},
      {"b.weight", "", "the name must be"},
      {"{\"format\":\"pt\"}", "{\"format\":1}", "__metadata__: holds something other than texts"},
      {"{\"format\":\"pt\"}", "[]", "__metadata__"},
      {"{\"dtype\":\"F16\"", "[{\"dtype\":\"F16\"", "its description is not an object"},
      {"}}   ", "}}  x", "extra text"},
      {"}}   ", "}", "not valid JSON at byte"},
      {"\"a.weight\":{\"dtype\"", "\"a.weight\":{'dtype'", "not valid JSON at byte"},
  };
  for (const auto& [from, to, message] : wrong) {
    const auto error = safetensors_error(safetensors(replaced(kHeader, from, to), kData));
    EXPECT_THAT(error.message, AllOf(HasSubstr("x.safetensors: "), HasSubstr(message))) << from << " -> " << to;
    EXPECT_EQ(error.code, to == "F8_E4M3" ? ErrorCode::kUnsupported : ErrorCode::kCorrupt) << from << " -> " << to;
  }
  EXPECT_THAT(safetensors_error(safetensors("[]", "")).message, HasSubstr("not a JSON object"));
  EXPECT_THAT(safetensors_error(safetensors("[[[[[[[[", "")).message, HasSubstr("not a JSON object"));
  EXPECT_THAT(safetensors_error(safetensors(kHeader, kData + "x")).message, HasSubstr("the tensors end at byte 14"));
  EXPECT_THAT(safetensors_error("1234567").message, HasSubstr("too few"));
  EXPECT_THAT(safetensors_error(ByteWriter().number(~std::uint64_t{0}).raw(kHeader).bytes()).message,
              HasSubstr("at byte 0"));
}

TEST(SafetensorsTest, RefusesAHeaderPastTheCap) {
  std::string bytes = ByteWriter().number<std::uint64_t>(100'000'001).bytes();
  bytes.resize(bytes.size() + 100'000'001, ' ');
  const auto error = safetensors_error(bytes);
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("100 MB"));
}

TEST(SafetensorsTest, TruncationAtEveryByteIsAnError) {
  const std::string whole = safetensors(kHeader, kData);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(safetensors_error(whole.substr(0, size)).code, ErrorCode::kCorrupt) << size;
  }
}

TEST(SafetensorsTest, RandomMutationsNeverCrash) {
  const std::string seed = safetensors(kHeader, kData);
  const std::string pieces[] = {"[",     "]", "{",    "}",      "\"", ",", ":", "0", "9223372036854775807",
                                "1e999", "-", "null", "\\u0000"};
  std::mt19937 random(20240608);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = seed;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] ^= static_cast<char>(1U << below(8)); break;
        case 2: bytes.resize(at + 1); break;
        default: bytes.replace(at, 1, pieces[below(std::size(pieces))]); break;
      }
    }
    const AlignedBytes aligned(bytes);
    const auto tensors = parse_safetensors(aligned.span(), "m");
    if (!tensors) continue;
    ++accepted;
    for (const auto& tensor : *tensors) {
      ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(), aligned.span().data() + aligned.span().size());
    }
  }
  EXPECT_GT(accepted, 1000);
}

class HuggingFaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("marquee-hf-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    write("config.json", R"({"model_type":"llama","hidden_size":2})");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] base::Error error() const {
    const auto model = ModelFile::open(folder_);
    EXPECT_FALSE(model);
    return model ? base::Error{} : model.error();
  }
  void write_shards() const {
    write("model-00001-of-00002.safetensors",
          safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"));
    write("model-00002-of-00002.safetensors",
          safetensors(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "5678"));
  }

  fs::path folder_;
};

TEST_F(HuggingFaceTest, OpensOneFile) {
  write("model.safetensors", safetensors(kHeader, kData));
  write("tokenizer_config.json", R"({"chat_template":"{{ bos_token }}"})");
  const auto model = ModelFile::open(folder_);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->kind(), ModelFileKind::kHuggingFace);
  EXPECT_EQ((*model)->architecture(), "llama");
  EXPECT_EQ((*model)->metadata().at("hidden_size").to_number<int>(), 2);
  EXPECT_EQ((*model)->weight_bytes(), 14);
  EXPECT_EQ((*model)->chat_template(), "{{ bos_token }}");
  EXPECT_TRUE((*model)->contains("a.weight"));
  const auto tokenizer = (*model)->tokenizer();
  ASSERT_FALSE(tokenizer);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("tokenizer.json"));
}

TEST_F(HuggingFaceTest, AlignsWhatTheFileMisaligns) {
  const std::string padding = kHeader.substr(0, kHeader.find_last_not_of(' ') + 1);
  for (const std::string& header : {padding, padding + " ", padding + "  ", padding + "   "}) {
    write("model.safetensors", safetensors(header, kData));
    const auto model = ModelFile::open(folder_);
    ASSERT_TRUE(model) << model.error().message;
    for (int again = 0; again < 2; ++again) {
      const auto tensor = (*model)->find("a.weight");
      ASSERT_TRUE(tensor);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor->bytes.data()) % 4, 0);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size()),
                kData.substr(0, 8));
    }
  }
}

TEST_F(HuggingFaceTest, PrefersTheTemplateFile) {
  write("model.safetensors", safetensors(kHeader, kData));
  write("tokenizer_config.json",
        R"({"chat_template":[{"name":"rag","template":"r"},{"name":"default","template":"d"}]})");
  EXPECT_EQ((*ModelFile::open(folder_))->chat_template(), "d");
  write("chat_template.jinja", "file");
  EXPECT_EQ((*ModelFile::open(folder_))->chat_template(), "file");
}

TEST_F(HuggingFaceTest, OpensShards) {
  write_shards();
  write("model.safetensors.index.json",
        R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  const auto model = ModelFile::open(folder_);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_THAT((*model)->names(), ElementsAre("a", "b"));
  EXPECT_EQ((*model)->find("b")->bytes[0], std::byte{'5'});
}

TEST_F(HuggingFaceTest, RefusesWrongIndexes) {
  write_shards();
  fs::create_symlink(folder_ / "model-00001-of-00002.safetensors", folder_ / "link.safetensors");
  fs::create_directory(folder_ / "sub");
  fs::copy(folder_ / "model-00001-of-00002.safetensors", folder_ / "sub/x.safetensors");
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"weight_map":{"a":"../x.safetensors"}})", "is not the plain name"},
      {R"({"weight_map":{"a":"sub/x.safetensors"}})", "is not the plain name"},
      {R"({"weight_map":{"a":"/etc/passwd"}})", "is not the plain name"},
      {R"({"weight_map":{"a":".."}})", "is not the plain name"},
      {R"({"weight_map":{"a":"x\u0000.safetensors"}})", "is not the plain name"},
      {R"({"weight_map":{"a":"weights.bin"}})", "is not the plain name"},
      {R"({"weight_map":{"a":"link.safetensors"}})", "symbolic link"},
      {R"({"weight_map":{"a":"none.safetensors"}})", "none.safetensors"},
      {R"({"weight_map":{"c":"model-00001-of-00002.safetensors"}})", "lacks tensor 'c'"},
      {R"({"weight_map":{"a":1}})", "other than names"},
      {R"({"weight_map":{}})", "missing or empty"},
      {R"([])", "missing or empty"},
      {R"({"weight_map":)", "not valid JSON"},
  };
  for (const auto& [index, message] : wrong) {
    write("model.safetensors.index.json", index);
    EXPECT_THAT(error().message, HasSubstr(message)) << index;
  }
}

TEST_F(HuggingFaceTest, RefusesTheSameTensorInTwoShards) {
  write_shards();
  write("model-00002-of-00002.safetensors", safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                                        R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                                                        "12345678"));
  write("model.safetensors.index.json",
        R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  EXPECT_THAT(error().message, HasSubstr("tensor 'a' is there twice"));
}

TEST_F(HuggingFaceTest, RefusesTheSameTensorTwiceInAFile) {
  write("model.safetensors", safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                                         "12345678"));
  EXPECT_THAT(error().message, HasSubstr("tensor 'a' is there twice"));
}

TEST_F(HuggingFaceTest, RefusesPicklesAndLinks) {
  write("pytorch_model.bin", "\x80\x02");
  auto refused = error();
  EXPECT_EQ(refused.code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message, AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("safe_serialization=True")));
  write("elsewhere", safetensors(kHeader, kData));
  fs::create_symlink(folder_ / "elsewhere", folder_ / "model.safetensors");
  EXPECT_THAT(error().message, AllOf(HasSubstr("symbolic link"), HasSubstr("cp -rL")));
}

TEST_F(HuggingFaceTest, RefusesWrongConfigs) {
  write("model.safetensors", safetensors(kHeader, kData));
  for (const auto* config : {"[]", "{", "{}", R"({"model_type":1})", R"({"model_type":""})"}) {
    write("config.json", config);
    const auto refused = error();
    EXPECT_EQ(refused.code, ErrorCode::kCorrupt) << config;
    EXPECT_THAT(refused.message, HasSubstr("config.json")) << config;
  }
}

}  // namespace
}  // namespace marquee::formats
