#pragma once

#include <string>
#include <string_view>

namespace marquee::serving {

/// Whether a Hugging Face folder's file belongs to the model as this program reads it (configuration, tokenizer,
/// template, safetensors): the others (pickles, ONNX, pictures, code) are neither downloaded nor copied.
bool is_model_folder_file(std::string_view name);

/// What such a file is called in the store, which has no sub-folders: sentence-transformers' 1_Pooling/config.json
/// becomes pooling.json, others keep their names.
std::string stored_name(std::string_view name);

}  // namespace marquee::serving
