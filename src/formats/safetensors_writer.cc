#include "formats/safetensors_writer.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/output_file.h"
#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/tensor_layout.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::size_t kWrittenNameBytes = 1024;  // what our reader takes
constexpr std::size_t kWrittenExtents = 8;
constexpr std::size_t kDataAlignment = 64;
constexpr std::size_t kLengthBytes = 8;

/// @error kInvalidArgument naming the tensor
Result<void> check_writable(const tensor::StoredTensor& stored) {
  const auto refuse = [&](const std::string& problem) {
    return base::invalid_argument("the tensor '" + printable_name(stored.name) + "' cannot be written: " + problem);
  };
  if (stored.name.empty() || stored.name.size() > kWrittenNameBytes || stored.name == "__metadata__" ||
      !base::is_valid_utf8(stored.name)) {
    return refuse("its name must be 1 to 1,024 bytes of UTF-8 and not __metadata__");
  }
  if (kernels::dtype_info(stored.dtype).block_elements != 1) return refuse("safetensors has no quantised blocks");
  if (stored.shape.size() > kWrittenExtents) return refuse("it has more than 8 extents");
  const auto bytes = tensor_bytes(stored.dtype, stored.shape);
  if (!bytes) return refuse(bytes.error().message);
  if (*bytes != stored.bytes.size()) {
    return refuse("its shape takes " + std::to_string(*bytes) + " bytes, not " + std::to_string(stored.bytes.size()));
  }
  return {};
}

/// In the order of the file. @error kInvalidArgument
Result<std::vector<const tensor::StoredTensor*>> ordered(std::span<const tensor::StoredTensor> tensors) {
  std::vector<const tensor::StoredTensor*> order;
  for (const auto& stored : tensors) {
    MARQUEE_CHECK(check_writable(stored));
    order.push_back(&stored);
  }
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  const auto twice =
      std::adjacent_find(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->name == b->name; });
  if (twice != order.end()) {
    return base::invalid_argument("two tensors are named '" + printable_name((*twice)->name) + "'");
  }
  order.clear();
  for (const auto& stored : tensors) order.push_back(&stored);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return kernels::dtype_info(a->dtype).block_bytes > kernels::dtype_info(b->dtype).block_bytes;
  });
  return order;
}

std::string header_of(std::span<const tensor::StoredTensor* const> order, const SafetensorsMetadata& metadata) {
  base::json::object header;
  if (!metadata.empty()) {
    auto& texts = header["__metadata__"].emplace_object();
    for (const auto& [key, text] : metadata) texts[key] = text;
  }
  std::uint64_t begin = 0;
  for (const auto* stored : order) {
    base::json::array shape(stored->shape.begin(), stored->shape.end());
    const std::uint64_t end = begin + stored->bytes.size();
    header[stored->name] = {{"dtype", kernels::dtype_info(stored->dtype).name},
                            {"shape", std::move(shape)},
                            {"data_offsets", base::json::array{begin, end}}};
    begin = end;
  }
  std::string text = base::json::serialize(header);
  text.append((kDataAlignment - (kLengthBytes + text.size()) % kDataAlignment) % kDataAlignment, ' ');
  return text;
}

/// Writes, and hashes what it writes.
class HashedFile {
 public:
  explicit HashedFile(base::OutputFile file) : file_(std::move(file)), state_(XXH3_createState(), XXH3_freeState) {
    if (!state_) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
  }
  Result<void> write(std::span<const std::byte> bytes) {
    XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
    return file_.write(bytes);
  }
  Result<WrittenFile> finish() {
    const std::uint64_t bytes = file_.size();
    MARQUEE_CHECK(file_.finish());
    return WrittenFile{bytes, XXH3_64bits_digest(state_.get())};
  }

 private:
  base::OutputFile file_;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

Result<WrittenFile> write_all(const std::filesystem::path& path, const std::string& header,
                              std::span<const tensor::StoredTensor* const> order) {
  MARQUEE_ASSIGN(auto created, base::OutputFile::create(path));
  HashedFile file(std::move(created));
  const std::uint64_t header_bytes = header.size();
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(&header_bytes, 1))));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(header))));
  for (const auto* stored : order) MARQUEE_CHECK(file.write(stored->bytes));
  return file.finish();
}

}  // namespace

Result<WrittenFile> write_safetensors(const std::filesystem::path& path, std::span<const tensor::StoredTensor> tensors,
                                      const SafetensorsMetadata& metadata) {
  MARQUEE_ASSIGN(const auto order, ordered(tensors));
  for (const auto& [key, text] : metadata) {
    if (!base::is_valid_utf8(key) || !base::is_valid_utf8(text)) {
      return base::invalid_argument("the metadata '" + printable_name(key) + "' is not valid UTF-8");
    }
  }
  auto partial = path;
  partial += ".partial";
  auto written = write_all(partial, header_of(order, metadata), order);
  std::error_code error;
  if (written) {
    std::filesystem::rename(partial, path, error);
    if (error) written = base::io_error(path.string() + ": cannot take its name: " + error.message());
  }
  if (!written) {
    std::filesystem::remove(partial, error);
    return written;
  }
  MARQUEE_CHECK(base::sync_folder(path.has_parent_path() ? path.parent_path() : "."));
  return written;
}

}  // namespace marquee::formats
