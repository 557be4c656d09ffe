#include "serving/model_folder.h"

#include <algorithm>
#include <array>

#include "serving/model_store.h"

namespace marquee::serving {

namespace {
constexpr std::string_view kPoolingFile = "1_Pooling/config.json";
}

bool is_model_folder_file(std::string_view name) {
  constexpr std::array<std::string_view, 13> kNames = {
      "config.json",
      "generation_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "special_tokens_map.json",
      "chat_template.jinja",
      "model.safetensors",
      "model.safetensors.index.json",
      "added_tokens.json",
      "modules.json",
      "sentence_bert_config.json",
      "pooling.json",
      kPoolingFile,
  };
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  return is_plain_file_name(name) && name.starts_with("model-") && name.ends_with(".safetensors");
}

std::string stored_name(std::string_view name) {
  return std::string(name == kPoolingFile ? std::string_view("pooling.json") : name);
}

}  // namespace marquee::serving
