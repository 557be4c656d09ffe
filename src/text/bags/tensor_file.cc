#include "text/bags/tensor_file.h"

#include <algorithm>

#include "base/json.h"
#include "base/output_file.h"
#include "formats/safetensors.h"
#include "formats/small_file.h"

namespace marquee::text::bags {

using base::Result;

Result<void> write_tensor_file(const std::filesystem::path& path, std::span<const TensorToWrite> tensors) {
  base::json::object header;
  std::uint64_t end = 0;
  for (const TensorToWrite& tensor : tensors) {
    const std::uint64_t begin = end;
    end += tensor.bytes.size();
    base::json::object entry;
    entry["dtype"] = kernels::dtype_info(tensor.dtype).name;
    entry["shape"] = base::json::array{tensor.elements};
    entry["data_offsets"] = base::json::array{begin, end};
    header[tensor.name] = std::move(entry);
  }
  std::string text = base::json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_bytes = text.size();
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(&header_bytes, 1))));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text.data(), text.size()))));
  for (const TensorToWrite& tensor : tensors) MARQUEE_CHECK(file.write(tensor.bytes));
  return file.finish();
}

Result<void> write_text_file(const std::filesystem::path& path, std::string_view text) {
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text.data(), text.size()))));
  return file.finish();
}

Result<TensorFile> TensorFile::open(const std::filesystem::path& path) {
  MARQUEE_CHECK(formats::refuse_symlink(path));
  MARQUEE_ASSIGN(auto mapping, base::MappedFile::open(path));
  TensorFile file(std::move(mapping));
  MARQUEE_ASSIGN(file.tensors_, formats::parse_safetensors(file.mapping_.bytes(), path.string()));
  return file;
}

base::Error TensorFile::corrupt(std::string_view name, std::string_view problem) const {
  return base::corrupt(path().string() + ": tensor '" + std::string(name) + "' " + std::string(problem));
}

Result<const tensor::StoredTensor*> TensorFile::find(std::string_view name, kernels::DType dtype) const {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(), [name](const auto& tensor) { return tensor.name == name; });
  if (found == tensors_.end()) return corrupt(name, "is missing");
  if (found->dtype != dtype) {
    return corrupt(name, "is of type " + std::string(kernels::dtype_info(found->dtype).name) + ", not " +
                             std::string(kernels::dtype_info(dtype).name));
  }
  return &*found;
}

}  // namespace marquee::text::bags
