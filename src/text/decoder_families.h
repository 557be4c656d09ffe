#pragma once
// What each family's files state beside the common keys; the rows of the registry point here.

#include <string_view>

#include "base/result.h"
#include "text/config_reader.h"
#include "text/decoder_config.h"

namespace marquee::text {

base::Result<void> read_llama_gguf(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_gemma2_gguf(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_gemma3_gguf(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_phi3_gguf(const ConfigReader& reader, DecoderConfig& config);

void qwen3_defaults(DecoderConfig& config);
void gemma2_defaults(DecoderConfig& config);
void gemma3_defaults(DecoderConfig& config);

base::Result<void> read_llama_hugging_face(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_qwen_hugging_face(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_gemma2_hugging_face(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_gemma3_hugging_face(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_phi3_hugging_face(const ConfigReader& reader, DecoderConfig& config);
base::Result<void> read_gpt2_hugging_face(const ConfigReader& reader, DecoderConfig& config);

/// Reads rotary positions of any family from config.json: `rope_parameters` (transformers 5), also one for each kind of
/// layer, or `rope_theta` with `rope_scaling` (before). What `config` holds already is the default.
base::Result<void> read_rope_hugging_face(const ConfigReader& reader, DecoderConfig& config);

/// Reads the name of an activation if the file states it. @error kUnsupported by name
base::Result<void> read_activation(const ConfigReader& reader, std::string_view key, tensor::Activation& activation);

}  // namespace marquee::text
