#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "formats/model_file.h"
#include "formats/tensor_index.h"

namespace marquee::formats {

/// A Hugging Face folder: config.json, tokenizer.json, tokenizer_config.json, chat_template.jinja and safetensors.
class HuggingFaceFolder final : public ModelFile {
 public:
  /// @error kNotFound for a missing config.json or weights; kUnsupported for pickled weights and symbolic links, saying
  ///        how to convert them; kCorrupt and kTooLarge as the readers of its files
  static base::Result<std::unique_ptr<HuggingFaceFolder>> open(const std::filesystem::path& folder);

  [[nodiscard]] ModelFileKind kind() const override { return ModelFileKind::kHuggingFace; }
  [[nodiscard]] const std::filesystem::path& path() const override { return folder_; }
  [[nodiscard]] std::string_view architecture() const override { return architecture_; }
  [[nodiscard]] const base::json::object& metadata() const override { return config_; }
  [[nodiscard]] std::optional<std::string> chat_template() const override { return chat_template_; }
  [[nodiscard]] std::uint64_t weight_bytes() const override { return index_.total_bytes(); }
  void release_pages() const override;
  [[nodiscard]] base::Result<std::unique_ptr<Tokenizer>> tokenizer() const override;

  /// The bytes are aligned for the tensor's type; a tensor that the file misaligns is copied on first use.
  [[nodiscard]] base::Result<tensor::StoredTensor> find(std::string_view name) const override;
  [[nodiscard]] bool contains(std::string_view name) const override { return index_.contains(name); }
  [[nodiscard]] std::vector<std::string> names() const override { return index_.names(); }

 private:
  HuggingFaceFolder() = default;
  base::Result<void> read_config();
  base::Result<void> read_chat_template();
  base::Result<void> map_weights();
  [[nodiscard]] std::span<const std::byte> aligned_copy(const tensor::StoredTensor& tensor) const;

  std::filesystem::path folder_;
  base::json::object config_;
  std::string architecture_;
  std::optional<std::string> chat_template_;
  std::vector<base::MappedFile> mappings_;
  TensorIndex index_;
  mutable std::mutex copies_mutex_;
  mutable std::map<std::string, std::vector<double>, std::less<>> copies_;  // double for its alignment
};

}  // namespace marquee::formats
