#include "formats/tensor_index.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "formats/byte_cursor.h"

namespace marquee::formats {

base::Result<TensorIndex> TensorIndex::build(std::vector<tensor::StoredTensor> tensors, std::string file_name) {
  TensorIndex index;
  index.tensors_ = std::move(tensors);
  index.file_name_ = std::move(file_name);
  index.by_name_.resize(index.tensors_.size());
  std::iota(index.by_name_.begin(), index.by_name_.end(), 0U);
  const auto& all = index.tensors_;
  std::sort(index.by_name_.begin(), index.by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return all[a].name < all[b].name; });
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto& name = all[index.by_name_[i]].name;
    if (name == all[index.by_name_[i - 1]].name) {
      return base::corrupt(index.file_name_ + ": tensor '" + printable_name(name) + "' is there twice");
    }
  }
  for (const auto& tensor : all) index.total_bytes_ += tensor.bytes.size();
  return index;
}

const tensor::StoredTensor* TensorIndex::lookup(std::string_view name) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                      [&](std::uint32_t i, std::string_view key) { return tensors_[i].name < key; });
  if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
  return &tensors_[*found];
}

base::Result<tensor::StoredTensor> TensorIndex::find(std::string_view name) const {
  if (const auto* tensor = lookup(name)) return *tensor;
  return base::not_found(file_name_ + ": no tensor '" + printable_name(name) + "'");
}

std::vector<std::string> TensorIndex::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& tensor : tensors_) names.push_back(tensor.name);
  return names;
}

}  // namespace marquee::formats
