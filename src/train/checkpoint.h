#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/result.h"
#include "formats/tensor_index.h"
#include "nn/parameters.h"
#include "tensor/weight_source.h"

namespace marquee::train {

/// The tensors of one mapped safetensors file.
class MappedWeights final : public tensor::WeightSource {
 public:
  /// @error kNotFound, kIo, kCorrupt naming the file
  static base::Result<MappedWeights> open(const std::filesystem::path& path);

  [[nodiscard]] base::Result<tensor::StoredTensor> find(std::string_view name) const override {
    return index_.find(name);
  }
  [[nodiscard]] bool contains(std::string_view name) const override { return index_.contains(name); }
  [[nodiscard]] std::vector<std::string> names() const override { return index_.names(); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return file_.bytes(); }

 private:
  explicit MappedWeights(base::MappedFile file) : file_(std::move(file)) {}
  base::MappedFile file_;
  formats::TensorIndex index_;
};

/// What a training saves of itself.
struct CheckpointContents {
  std::int64_t step = 0;
  std::vector<nn::Parameter> model;     ///< parameters and buffers: model.safetensors, which loads by itself
  std::vector<nn::Parameter> training;  ///< averages of the optimiser and so on: training.safetensors
  base::json::object state;             ///< numbers; those with fractions as hexadecimal texts (see exact())
};

struct SavedCheckpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
  base::json::object state;
  std::unique_ptr<MappedWeights> model;
  std::unique_ptr<MappedWeights> training;
};

/// A folder of checkpoints, each a folder "step-000000000042" that appears whole and on the disk, or not at all.
class CheckpointFolder {
 public:
  struct Settings {
    std::filesystem::path path;
    std::int64_t keep = 3;        ///< the last so many; at least 1
    base::json::object identity;  ///< texts that say what is trained on what; see latest()
  };
  /// Makes the folder. @error kIo; kInvalidArgument
  static base::Result<CheckpointFolder> open(Settings settings);

  /// @error kIo, a full disk above all; the checkpoints before are untouched then
  base::Result<void> write(const CheckpointContents& contents);

  /// The last checkpoint that is whole and has the same identity; none if the folder has no checkpoint.
  /// @param refused gets a sentence about each later one
  /// @error kFailedPrecondition if there are some and none can be gone on from
  base::Result<std::optional<SavedCheckpoint>> latest(std::vector<std::string>& refused) const;

  /// One checkpoint, whatever its identity. @error kNotFound, kIo, kCorrupt naming file and field
  static base::Result<SavedCheckpoint> read(const std::filesystem::path& path);

 private:
  explicit CheckpointFolder(Settings settings) : settings_(std::move(settings)) {}
  base::Result<void> write_files(const std::filesystem::path& folder, const CheckpointContents& contents) const;
  [[nodiscard]] base::Result<void> check_identity(const SavedCheckpoint& saved) const;
  void remove_old() const;

  Settings settings_;
};

/// A number with a fraction as JSON keeps it exactly: a hexadecimal text ("0x1.8p+1", "inf").
base::json::string exact(double value);
/// @error kCorrupt naming the field
base::Result<double> exact_number(const base::json::object& object, std::string_view field);
base::Result<std::int64_t> whole_number(const base::json::object& object, std::string_view field);

/// Copies tensors of a checkpoint into those of the same names. @error kNotFound or kCorrupt; nothing is changed then
base::Result<void> load_tensors(const tensor::WeightSource& source, std::span<const nn::Parameter> into);

}  // namespace marquee::train
