#include "train/tensor_dataset.h"

#include <cstring>
#include <utility>

#include "base/sha256.h"

namespace marquee::train {

base::Result<TensorDataset> TensorDataset::make(std::vector<Tensor> columns) {
  if (columns.empty()) return base::invalid_argument("a dataset needs at least one tensor");
  for (const Tensor& column : columns) {
    if (column.shape().rank() == 0 || column.extent(0) != columns.front().extent(0)) {
      return base::invalid_argument("the tensors of a dataset have one row for each example: " +
                                    columns.front().shape().to_string() + " and " + column.shape().to_string());
    }
  }
  return TensorDataset(std::move(columns));
}

std::string TensorDataset::hash() const {
  base::Sha256 hash;
  for (const Tensor& column : columns_) {
    const std::string shape = column.shape().to_string() + std::string(kernels::dtype_info(column.dtype()).name);
    hash.update(std::as_bytes(std::span(shape)));
    hash.update({column.raw(), column.bytes()});
  }
  return hash.hex_digest();
}

base::Result<Batch> TensorDataset::batch(std::span<const std::int64_t> indices, Random /*random*/) const {
  Batch batch;
  batch.examples = static_cast<std::int64_t>(indices.size());
  for (const Tensor& column : columns_) {
    const std::size_t row = size() == 0 ? 0 : column.bytes() / static_cast<std::size_t>(size());
    Tensor rows = Tensor::empty(column.shape().with(0, batch.examples), column.dtype());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      std::memcpy(rows.raw() + i * row, column.raw() + static_cast<std::size_t>(indices[i]) * row, row);
    }
    batch.tensors.push_back(std::move(rows));
  }
  return batch;
}

}  // namespace marquee::train
