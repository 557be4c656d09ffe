#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/model_file.h"
#include "text/config_reader.h"
#include "text/decoder_config.h"

namespace marquee::text {

/// One family of decoders: what its members share, and how its files name and state the rest.
struct Architecture {
  std::string_view name;                          ///< as GGUF's general.architecture
  std::span<const std::string_view> model_types;  ///< as config.json's model_type
  DecoderConfig traits;                           ///< what no file states: kinds of norm, activation, positions
  tensor::RopePairing gguf_pairing = tensor::RopePairing::kHalves;
  /// Fills in what config.json may leave out because the family's published config class says it; may be null.
  void (*hugging_face_defaults)(DecoderConfig& config) = nullptr;
  /// Read what is particular to the family, after the common keys; either may be null.
  base::Result<void> (*read_gguf)(const ConfigReader& reader, DecoderConfig& config) = nullptr;
  base::Result<void> (*read_hugging_face)(const ConfigReader& reader, DecoderConfig& config) = nullptr;
};

/// Every family this program computes.
std::span<const Architecture> architectures();

/// @error kUnsupported naming the architecture and listing the ones that are supported
base::Result<const Architecture*> find_architecture(formats::ModelFileKind kind, std::string_view name);

}  // namespace marquee::text
