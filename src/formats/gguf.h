#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "formats/gguf_parser.h"
#include "formats/model_file.h"
#include "formats/tensor_index.h"

namespace marquee::formats {

/// A model in one GGUF file. See ModelFile and parse_gguf for errors.
class GgufFile final : public ModelFile {
 public:
  static base::Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
  /// From bytes that outlive the object, at an address that is a multiple of 64; `name` stands for the path.
  static base::Result<std::unique_ptr<GgufFile>> from_bytes(std::span<const std::byte> bytes,
                                                            std::filesystem::path name);

  [[nodiscard]] ModelFileKind kind() const override { return ModelFileKind::kGguf; }
  [[nodiscard]] const std::filesystem::path& path() const override { return path_; }
  [[nodiscard]] std::string_view architecture() const override { return architecture_; }
  [[nodiscard]] const base::json::object& metadata() const override { return contents_.metadata; }
  [[nodiscard]] std::optional<std::string> chat_template() const override;
  [[nodiscard]] std::uint64_t weight_bytes() const override { return index_.total_bytes(); }
  void release_pages() const override;
  [[nodiscard]] base::Result<std::unique_ptr<Tokenizer>> tokenizer() const override;

  [[nodiscard]] base::Result<tensor::StoredTensor> find(std::string_view name) const override;
  [[nodiscard]] bool contains(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

  /// The keys under tokenizer.ggml.*, borrowing from the file.
  /// @error kNotFound if the file has no tokenizer; kCorrupt naming the key
  [[nodiscard]] base::Result<GgufVocabulary> vocabulary() const;
  [[nodiscard]] const GgufContents& contents() const { return contents_; }

 private:
  GgufFile() = default;
  base::Result<void> adopt(GgufContents contents);
  base::Result<void> copy_scores();

  std::optional<base::MappedFile> mapping_;
  std::filesystem::path path_;
  GgufContents contents_;
  TensorIndex index_;
  std::string architecture_;
  std::vector<float> scores_;  // the file does not align them
};

}  // namespace marquee::formats
