#include "formats/model_file.h"

namespace marquee::formats {

base::Result<std::unique_ptr<Tokenizer>> tokenizer_from_json(std::string_view, std::string_view) {
  return base::unsupported("tokenizer.json is not read yet; use a GGUF file of the model");
}

}  // namespace marquee::formats
