#pragma once

#include <utility>

#include "train/dataset.h"

namespace marquee::train {

/// Examples that are rows of tensors: features and targets, say. Batches hold the same rows of each.
class TensorDataset final : public Dataset {
 public:
  /// @shape columns: [examples, ...], f32, i32, i64 or bf16
  /// @error kInvalidArgument unless there is a tensor and all have equally many rows
  static base::Result<TensorDataset> make(std::vector<Tensor> columns);

  [[nodiscard]] std::int64_t size() const override { return columns_.front().extent(0); }
  base::Result<Batch> batch(std::span<const std::int64_t> indices, Random random) const override;
  [[nodiscard]] std::string hash() const override;

 private:
  explicit TensorDataset(std::vector<Tensor> columns) : columns_(std::move(columns)) {}
  std::vector<Tensor> columns_;
};

}  // namespace marquee::train
