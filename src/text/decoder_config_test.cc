#include "text/decoder_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "formats/gguf_test_writer.h"
#include "text/decoder_fixture.h"

namespace marquee::text {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;

/// A folder of its own for each test, gone with it.
class DecoderConfigTest : public ::testing::Test {
 protected:
  DecoderConfigTest()
      : folder_(std::filesystem::temp_directory_path() / ("marquee-decoder-config-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~DecoderConfigTest() override { std::filesystem::remove_all(folder_); }

  base::Result<std::unique_ptr<LanguageModel>> load(const std::filesystem::path& path) {
    auto file = formats::ModelFile::open(path);
    if (!file) return std::move(file).error();
    file_ = std::move(file).value();
    return load_language_model(*file_, {kernels::DType::kF32, 0}, pool_);
  }

  static base::json::object config_of(const std::string& name) {
    std::ifstream stream(golden(name) / "config.json");
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    return base::parse_json(text, "config.json").value().get_object();
  }

  /// Loads a golden folder whose config.json is this one instead.
  base::Result<std::unique_ptr<LanguageModel>> load_with(const std::string& name, const base::json::object& config) {
    if (copied_ != name) {
      std::filesystem::copy_file(golden(name) / "model.safetensors", folder_ / "model.safetensors",
                                 std::filesystem::copy_options::overwrite_existing);
      copied_ = name;
    }
    std::ofstream(folder_ / "config.json") << base::json::serialize(config);
    return load(folder_);
  }

  base::Result<std::unique_ptr<LanguageModel>> load_gguf(const std::string& bytes) {
    std::ofstream(folder_ / "model.gguf", std::ios::binary) << bytes;
    return load(folder_ / "model.gguf");
  }

  std::filesystem::path folder_;
  std::string copied_;  ///< whose weights lie in the folder
  base::ThreadPool pool_{1};
  std::unique_ptr<formats::ModelFile> file_;
};

struct Refused {
  const char* model;
  const char* key;
  const char* value;  ///< JSON; "" takes the key out
  ErrorCode code;
  const char* message;
};

TEST_F(DecoderConfigTest, RefusesByNameWhatItDoesNotCompute) {
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  const std::vector<Refused> cases = {
      {"llama", "model_type", R"("mamba")", unsupported, "'mamba' is not supported; supported are llama, mistral"},
      {"llama", "quantization_config", R"({"quant_method":"awq"})", unsupported, "'quantization_config'"},
      {"llama", "rope_scaling", R"({"rope_type":"warped","factor":2.0})", unsupported, "'warped'"},
      {"llama", "hidden_act", R"("tanhshrink")", unsupported, "'hidden_act' is 'tanhshrink'"},
      {"qwen3_sliding", "layer_types", R"(["full_attention","linear_attention"])", unsupported, "'linear_attention'"},
      {"gemma3", "use_bidirectional_attention", "true", unsupported, "'use_bidirectional_attention'"},
      {"gpt2", "add_cross_attention", "true", unsupported, "'add_cross_attention'"},
  };
  for (const auto& one : cases) {
    auto config = config_of(one.model);
    config[one.key] = base::parse_json(one.value, "value").value();
    const auto model = load_with(one.model, config);
    ASSERT_FALSE(model) << one.model << ' ' << one.key;
    EXPECT_EQ(model.error().code, one.code) << model.error().message;
    EXPECT_THAT(model.error().message, HasSubstr(one.message));
  }
}

TEST_F(DecoderConfigTest, SaysWhichValueIsWrong) {
  const ErrorCode corrupt = ErrorCode::kCorrupt;
  const std::vector<Refused> cases = {
      {"llama", "hidden_size", "", corrupt, "'hidden_size' is missing"},
      {"llama", "hidden_size", "0", corrupt, "'hidden_size' is 0"},
      {"llama", "hidden_size", "-32", corrupt, "'hidden_size' is -32"},
      {"llama", "hidden_size", "1e12", corrupt, "'hidden_size' is 1000000000000"},
      {"llama", "hidden_size", R"("32")", corrupt, "'hidden_size' is not a number"},
      {"llama", "hidden_size", "32.5", corrupt, "'hidden_size' is not a whole number"},
      {"llama", "hidden_size", "64", corrupt, "model.embed_tokens.weight"},
      {"llama", "num_hidden_layers", "3", corrupt, "model.layers.2."},
      {"llama", "num_attention_heads", "3", corrupt, "3 query heads cannot share 2"},
      {"llama", "head_dim", "7", corrupt, "7 rotary dimensions"},
      {"llama", "vocab_size", "129", corrupt, "model.embed_tokens.weight"},
      {"llama", "rms_norm_eps", "-1", corrupt, "'rms_norm_eps' is -1"},
      {"llama", "tie_word_embeddings", R"("yes")", corrupt, "'tie_word_embeddings' is neither"},
      {"llama", "rope_scaling", R"({"rope_type":"linear"})", corrupt, "'factor' is missing"},
      {"llama", "rope_scaling", R"({"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":1})",
       corrupt, "'high_freq_factor' is not above"},
      {"qwen3_sliding", "layer_types", R"(["full_attention"])", corrupt, "names 1 layers of 2"},
      {"phi3", "rope_scaling", R"({"type":"longrope","short_factor":[1],"long_factor":[1,2,3,4]})", corrupt,
       "'short_factor' has 1 elements where 4 are needed"},
  };
  for (const auto& one : cases) {
    auto config = config_of(one.model);
    config.erase(one.key);
    if (*one.value != '\0') config[one.key] = base::parse_json(one.value, "value").value();
    const auto model = load_with(one.model, config);
    ASSERT_FALSE(model) << one.model << ' ' << one.key << ' ' << one.value;
    EXPECT_THAT(model.error().message, HasSubstr(one.message));
  }
}

/// A config is as hostile as any input: whatever a key holds, loading ends with a model or an error.
TEST_F(DecoderConfigTest, NoValueOfAnyKeyBreaksLoading) {
  const std::vector<std::string> values = {"-1", "3", "1e300", "\"x\"", "null", "[0,null]", "{}"};
  std::size_t refused = 0;
  for (const char* name : {"llama", "qwen3_sliding", "phi3", "gpt2"}) {
    const auto original = config_of(name);
    for (const auto& [key, unused] : original) {
      for (const auto& value : values) {
        auto config = original;
        config[key] = base::parse_json(value, "value").value();
        const auto model = load_with(name, config);
        if (model) continue;
        ++refused;
        EXPECT_FALSE(model.error().message.empty());
        EXPECT_NE(model.error().code, ErrorCode::kInternal) << key << ' ' << value << ": " << model.error().message;
      }
    }
  }
  EXPECT_GT(refused, 100U);
}

TEST_F(DecoderConfigTest, RefusesGgufArchitecturesByName) {
  formats::testing::GgufWriter mamba(nullptr);
  mamba.string("general.architecture", "mamba");
  const auto unknown = load_gguf(mamba.bytes());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(unknown.error().message, HasSubstr("'mamba' is not supported; supported are llama, qwen2"));

  formats::testing::GgufWriter experts;
  experts.u32("llama.expert_count", 8);
  const auto mixture = load_gguf(experts.bytes());
  ASSERT_FALSE(mixture);
  EXPECT_EQ(mixture.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(mixture.error().message, HasSubstr("'llama.expert_count'"));
}

TEST_F(DecoderConfigTest, RefusesWeightsItWouldLeaveOut) {
  std::ifstream stream(golden("llama.gguf"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const std::string bias = "blk.1.ffn_norm.weight";
  auto renamed = bytes;
  ASSERT_NE(renamed.find(bias), std::string::npos);
  renamed.replace(renamed.find(bias), bias.size(), "blk.1.ffn_form.weight");
  const auto missing = load_gguf(renamed);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr(bias));
}

/// The first Gemma 2 files lack these keys; llama.cpp's defaults, which are the published models', hold for them.
TEST_F(DecoderConfigTest, Gemma2GgufWithoutCapsHasThePublishedOnes) {
  formats::testing::GgufWriter writer(nullptr);
  writer.string("general.architecture", "gemma2");
  writer.u32("gemma2.embedding_length", 64).u32("gemma2.attention.head_count", 4).u32("gemma2.block_count", 2);
  writer.u32("gemma2.feed_forward_length", 64).u32("gemma2.context_length", 8192);
  writer.number("gemma2.attention.layer_norm_rms_epsilon", formats::GgufType::kF32, 1e-6F);
  std::ofstream(folder_ / "model.gguf", std::ios::binary) << writer.bytes();
  const auto file = formats::ModelFile::open(folder_ / "model.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto config = read_decoder_config(**file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->attention_soft_cap, 50.0F);
  EXPECT_EQ(config->final_soft_cap, 30.0F);
  EXPECT_EQ(config->layers[0].window, 4096);
  EXPECT_EQ(config->layers[1].window, 0);
}

}  // namespace
}  // namespace marquee::text
