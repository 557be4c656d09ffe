#include "formats/huggingface.h"

#include <array>
#include <cstring>
#include <utility>

#include "formats/pickle.h"
#include "formats/safetensors.h"
#include "formats/small_file.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::size_t kMaxConfigBytes = 16 << 20;
constexpr std::size_t kMaxTokenizerBytes = 128 << 20;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

/// The text of a file that may be missing.
Result<std::optional<std::string>> read_optional(const std::filesystem::path& path, std::size_t max_bytes) {
  if (!is_there(path)) return std::optional<std::string>{};
  MARQUEE_CHECK(refuse_symlink(path));
  MARQUEE_ASSIGN(auto text, read_small_file(path, max_bytes));
  return std::optional<std::string>(std::move(text));
}

/// tokenizer_config.json's chat_template: a text, or a list of named ones of which "default" is ours.
std::optional<std::string> template_in_config(const base::json::value& config) {
  const auto* object = config.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains("chat_template");
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->if_string()) return std::string(*text);
  const auto* list = value->if_array();
  if (list == nullptr) return std::nullopt;
  for (const auto& item : *list) {
    const auto* entry = item.if_object();
    const auto* name = entry == nullptr ? nullptr : entry->if_contains("name");
    const auto* text = entry == nullptr ? nullptr : entry->if_contains("template");
    if (name == nullptr || text == nullptr || !name->is_string() || !text->is_string()) continue;
    if (name->get_string() == "default") return std::string(text->get_string());
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<HuggingFaceFolder>> HuggingFaceFolder::open(const std::filesystem::path& folder) {
  std::unique_ptr<HuggingFaceFolder> model(new HuggingFaceFolder());
  model->folder_ = folder;
  MARQUEE_CHECK(model->read_config());
  MARQUEE_CHECK(model->read_chat_template());
  MARQUEE_CHECK(model->map_weights());
  return model;
}

Result<void> HuggingFaceFolder::read_config() {
  const auto path = folder_ / "config.json";
  MARQUEE_CHECK(refuse_symlink(path));
  MARQUEE_ASSIGN(const std::string text, read_small_file(path, kMaxConfigBytes));
  MARQUEE_ASSIGN(auto config, parse_json_file(text, path));
  if (!config.is_object()) return base::corrupt(path.string() + ": not a JSON object");
  config_ = std::move(config.get_object());
  const auto* type = config_.if_contains("model_type");
  if (type == nullptr || !type->is_string() || type->get_string().empty()) {
    return base::corrupt(path.string() + ": 'model_type' is missing or not a string");
  }
  architecture_ = type->get_string();
  return {};
}

Result<void> HuggingFaceFolder::read_chat_template() {
  MARQUEE_ASSIGN(chat_template_, read_optional(folder_ / "chat_template.jinja", kMaxConfigBytes));
  if (chat_template_) return {};
  const auto path = folder_ / "tokenizer_config.json";
  MARQUEE_ASSIGN(const auto text, read_optional(path, kMaxConfigBytes));
  if (!text) return {};
  MARQUEE_ASSIGN(const auto config, parse_json_file(*text, path));
  chat_template_ = template_in_config(config);
  return {};
}

Result<void> HuggingFaceFolder::map_weights() {
  auto files = open_safetensors(folder_);
  if (!files && files.error().code == base::ErrorCode::kNotFound) {
    for (const auto* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.pth"}) {
      if (is_there(folder_ / pickled)) return pickle_refused(folder_ / pickled);
    }
  }
  if (!files) return std::move(files).error();
  mappings_ = std::move(files->mappings);
  MARQUEE_ASSIGN(index_, TensorIndex::build(std::move(files->tensors), folder_.string()));
  return {};
}

Result<std::unique_ptr<Tokenizer>> HuggingFaceFolder::tokenizer() const {
  const auto path = folder_ / "tokenizer.json";
  MARQUEE_ASSIGN(const auto text, read_optional(path, kMaxTokenizerBytes));
  if (!text) {
    return base::not_found(path.string() +
                           ": there is no such file; the fast tokenizer is needed "
                           "(in Python: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes it)");
  }
  MARQUEE_ASSIGN(const auto config, read_optional(folder_ / "tokenizer_config.json", kMaxConfigBytes));
  return tokenizer_from_json(*text, config.value_or(""));
}

std::span<const std::byte> HuggingFaceFolder::aligned_copy(const tensor::StoredTensor& tensor) const {
  const std::lock_guard lock(copies_mutex_);
  auto& copy = copies_[tensor.name];
  if (copy.empty()) {
    copy.resize((tensor.bytes.size() + sizeof(double) - 1) / sizeof(double));
    std::memcpy(copy.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  return std::as_bytes(std::span(copy)).first(tensor.bytes.size());
}

Result<tensor::StoredTensor> HuggingFaceFolder::find(std::string_view name) const {
  MARQUEE_ASSIGN(auto tensor, index_.find(name));
  const std::size_t element_bytes = kernels::dtype_info(tensor.dtype).block_bytes;
  if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % element_bytes != 0) tensor.bytes = aligned_copy(tensor);
  return tensor;
}

void HuggingFaceFolder::release_pages() const {
  for (const base::MappedFile& mapping : mappings_) mapping.release_pages();
}

}  // namespace marquee::formats
