#pragma once

#include <string_view>

namespace marquee::serving {

/// Whether a Hugging Face folder's file belongs to the model as this program reads it (configuration, tokenizer,
/// template, safetensors): the others (pickles, ONNX, pictures, code) are neither downloaded nor copied.
bool is_model_folder_file(std::string_view name);

}  // namespace marquee::serving
