#include "formats/model_file.h"

#include <system_error>

#include "formats/gguf.h"
#include "formats/huggingface.h"
#include "formats/pickle.h"

namespace marquee::formats {

base::Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return base::not_found(path.string() + ": no such file");
  if (error) return base::io_error(path.string() + ": " + error.message());
  if (std::filesystem::is_directory(status)) {
    MARQUEE_ASSIGN(auto folder, HuggingFaceFolder::open(path));
    return std::unique_ptr<ModelFile>(std::move(folder));
  }
  if (has_pickle_name(path)) return pickle_refused(path);
  if (path.extension() == ".safetensors") {
    return base::unsupported(path.string() +
                             ": a .safetensors file holds only weights; give its folder, with "
                             "config.json and tokenizer.json");
  }
  MARQUEE_ASSIGN(auto file, GgufFile::open(path));
  return std::unique_ptr<ModelFile>(std::move(file));
}

}  // namespace marquee::formats
