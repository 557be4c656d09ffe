#include "train/checkpoint.h"

#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/output_file.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "formats/small_file.h"

namespace marquee::train {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;
namespace json = base::json;

namespace {

constexpr std::string_view kFormat = "marquee-checkpoint";
constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxStateBytes = std::size_t{4} << 20U;
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kModelFile = "model.safetensors";
constexpr std::string_view kTrainingFile = "training.safetensors";
constexpr std::string_view kStateFile = "state.json";

std::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string checksum_of(std::span<const std::byte> bytes) {
  return hexadecimal(XXH3_64bits(bytes.data(), bytes.size()));
}

std::string folder_name(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof(text), "%s%012lld", kPrefix.data(), static_cast<long long>(step));
  return text;
}

/// "step-000000000042": checkpoints by descending step.
std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool digits =
        name.size() == kPrefix.size() + 12 && name.find_first_not_of("0123456789", kPrefix.size()) == std::string::npos;
    if (digits && name.starts_with(kPrefix)) found.push_back(entry->path());
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

std::vector<tensor::StoredTensor> stored(std::span<const nn::Parameter> parameters) {
  std::vector<tensor::StoredTensor> tensors;
  for (const nn::Parameter& parameter : parameters) {
    const auto extents = parameter.value.shape().extents();
    tensors.push_back({parameter.name,
                       parameter.value.dtype(),
                       {extents.begin(), extents.end()},
                       {parameter.value.raw(), parameter.value.bytes()}});
  }
  return tensors;
}

std::uint64_t bytes_of(std::span<const nn::Parameter> parameters) {
  std::uint64_t bytes = 0;
  for (const nn::Parameter& parameter : parameters) bytes += parameter.value.bytes() + 256;  // and its line of header
  return bytes;
}

Result<const json::object*> member_object(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_object()) return base::corrupt("'" + std::string(field) + "' is no object");
  return &value->get_object();
}

Result<std::string> member_text(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_string()) return base::corrupt("'" + std::string(field) + "' is no text");
  return std::string(value->get_string());
}

/// The state's own object, once format, version and checksum are right.
Result<json::object> checked_state(const json::value& document) {
  const json::object* outer = document.if_object();
  if (outer == nullptr) return base::corrupt("is not an object");
  MARQUEE_ASSIGN(const std::string format, member_text(*outer, "format"));
  if (format != kFormat) return base::corrupt("is not the state of a checkpoint");
  MARQUEE_ASSIGN(const std::int64_t version, whole_number(*outer, "version"));
  if (version != kVersion) {
    return base::unsupported("version " + std::to_string(version) + " of the format; this program reads " +
                             std::to_string(kVersion));
  }
  MARQUEE_ASSIGN(const json::object* state, member_object(*outer, "state"));
  MARQUEE_ASSIGN(const std::string checksum, member_text(*outer, "checksum"));
  const std::string text = json::serialize(*state);
  if (checksum != checksum_of(std::as_bytes(std::span(text)))) return base::corrupt("its checksum is another");
  return *state;
}

/// One file of tensors, once its size and checksum are those of the state.
Result<std::unique_ptr<MappedWeights>> checked_weights(const fs::path& folder, std::string_view name,
                                                       const json::object& state) {
  MARQUEE_ASSIGN(const json::object* files, member_object(state, "files"));
  MARQUEE_ASSIGN(const json::object* file, member_object(*files, name));
  MARQUEE_ASSIGN(const std::int64_t bytes, whole_number(*file, "bytes"));
  MARQUEE_ASSIGN(const std::string checksum, member_text(*file, "xxh3"));
  const fs::path path = folder / name;
  MARQUEE_ASSIGN(auto weights, MappedWeights::open(path));
  if (weights.bytes().size() != static_cast<std::uint64_t>(bytes)) {
    return base::corrupt(path.string() + ": has " + std::to_string(weights.bytes().size()) + " bytes where " +
                         std::to_string(bytes) + " were written; it is truncated or another's");
  }
  if (checksum_of(weights.bytes()) != checksum) {
    return base::corrupt(path.string() + ": its checksum is not the one that was written");
  }
  return std::make_unique<MappedWeights>(std::move(weights));
}

Result<void> write_text(const fs::path& path, std::string_view text) {
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.finish();
}

Result<void> rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return base::io_error(to.string() + ": cannot take its name: " + error.message());
  return {};
}

}  // namespace

Result<MappedWeights> MappedWeights::open(const fs::path& path) {
  MARQUEE_ASSIGN(auto file, base::MappedFile::open(path));
  MARQUEE_ASSIGN(auto tensors, formats::parse_safetensors(file.bytes(), path.string()));
  MappedWeights weights(std::move(file));
  MARQUEE_ASSIGN(weights.index_, formats::TensorIndex::build(std::move(tensors), path.string()));
  return weights;
}

Result<CheckpointFolder> CheckpointFolder::open(Settings settings) {
  if (settings.keep < 1) return base::invalid_argument("at least one checkpoint is kept", "keep");
  std::error_code error;
  fs::create_directories(settings.path, error);
  if (error) return base::io_error(settings.path.string() + ": cannot make the folder: " + error.message());
  return CheckpointFolder(std::move(settings));
}

Result<void> CheckpointFolder::write_files(const fs::path& folder, const CheckpointContents& contents) const {
  json::object files;
  for (const auto& [name, tensors] :
       {std::pair(kModelFile, &contents.model), std::pair(kTrainingFile, &contents.training)}) {
    MARQUEE_ASSIGN(const auto written, formats::write_safetensors(folder / name, stored(*tensors), {{"format", "pt"}}));
    files[name] = {{"bytes", written.bytes}, {"xxh3", hexadecimal(written.xxh3)}};
  }
  const json::object state = {
      {"step", contents.step}, {"identity", settings_.identity}, {"files", files}, {"training", contents.state}};
  const std::string text = json::serialize(state);
  const json::object document = {{"format", kFormat},
                                 {"version", kVersion},
                                 {"checksum", checksum_of(std::as_bytes(std::span(text)))},
                                 {"state", state}};
  MARQUEE_CHECK(write_text(folder / kStateFile, json::serialize(document)));
  return base::sync_folder(folder);
}

Result<void> CheckpointFolder::write(const CheckpointContents& contents) {
  MARQUEE_CHECK(base::check_free_space(settings_.path, bytes_of(contents.model) + bytes_of(contents.training)));
  const fs::path place = settings_.path / folder_name(contents.step);
  const fs::path partial = settings_.path / ("." + folder_name(contents.step) + ".partial");
  const fs::path replaced = settings_.path / ("." + folder_name(contents.step) + ".replaced");
  std::error_code error;
  for (const fs::path& left : {partial, replaced}) fs::remove_all(left, error);
  fs::create_directory(partial, error);
  if (error) return base::io_error(partial.string() + ": cannot make the folder: " + error.message());
  auto result = write_files(partial, contents);
  if (result && fs::exists(place, error)) result = rename_folder(place, replaced);  // one that was refused
  if (result) result = rename_folder(partial, place);
  if (!result) {
    fs::remove_all(partial, error);
    return result;
  }
  fs::remove_all(replaced, error);
  MARQUEE_CHECK(base::sync_folder(settings_.path));
  remove_old();
  return {};
}

/// What cannot be removed now is tried again with the next checkpoint.
void CheckpointFolder::remove_old() const {
  const auto all = checkpoints_in(settings_.path);
  std::error_code error;
  for (std::size_t i = static_cast<std::size_t>(settings_.keep); i < all.size(); ++i) fs::remove_all(all[i], error);
}

Result<SavedCheckpoint> CheckpointFolder::read(const fs::path& path) {
  const fs::path state_path = path / kStateFile;
  MARQUEE_ASSIGN(const std::string text, formats::read_small_file(state_path, kMaxStateBytes));
  MARQUEE_ASSIGN(const json::value document, formats::parse_json_file(text, state_path));
  const auto named = [&](Error error) {
    error.message = state_path.string() + ": " + error.message;
    return error;
  };
  auto state = checked_state(document);
  if (!state) return named(std::move(state).error());
  SavedCheckpoint saved;
  saved.path = path;
  auto step = whole_number(*state, "step");
  if (!step) return named(std::move(step).error());
  saved.step = *step;
  MARQUEE_ASSIGN(saved.model, checked_weights(path, kModelFile, *state));
  MARQUEE_ASSIGN(saved.training, checked_weights(path, kTrainingFile, *state));
  saved.state = std::move(*state);
  return saved;
}

Result<void> CheckpointFolder::check_identity(const SavedCheckpoint& saved) const {
  MARQUEE_ASSIGN(const json::object* identity, member_object(saved.state, "identity"));
  for (const auto& member : settings_.identity) {
    const json::value* theirs = identity->if_contains(member.key());
    if (theirs != nullptr && *theirs == member.value()) continue;
    return Error{ErrorCode::kFailedPrecondition, saved.path.string() + ": was made with other " +
                                                     std::string(member.key()) +
                                                     "; go on with those, or train into another folder"};
  }
  return {};
}

Result<std::optional<SavedCheckpoint>> CheckpointFolder::latest(std::vector<std::string>& refused) const {
  const std::size_t before = refused.size();
  for (const fs::path& path : checkpoints_in(settings_.path)) {
    auto saved = read(path);
    Result<void> usable = saved ? check_identity(*saved) : Result<void>(saved.error());
    if (usable) return std::optional(std::move(*saved));
    refused.push_back(std::move(usable).error().message);
  }
  if (refused.size() == before) return std::optional<SavedCheckpoint>();
  return Error{ErrorCode::kFailedPrecondition, settings_.path.string() + ": no checkpoint here can be gone on from: " +
                                                   refused[before] + ". Remove them to begin anew"};
}

json::string exact(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%a", value);
  return json::string(text);
}

Result<double> exact_number(const json::object& object, std::string_view field) {
  MARQUEE_ASSIGN(const std::string text, member_text(object, field));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) {
    return base::corrupt("'" + std::string(field) + "' is no number");
  }
  return value;
}

Result<std::int64_t> whole_number(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) {
    return base::corrupt("'" + std::string(field) + "' is no whole number of 0 or more");
  }
  return value->get_int64();
}

Result<void> load_tensors(const tensor::WeightSource& source, std::span<const nn::Parameter> into) {
  std::vector<std::span<const std::byte>> found;
  for (const nn::Parameter& parameter : into) {
    MARQUEE_ASSIGN(const tensor::StoredTensor stored, source.find(parameter.name));
    const auto extents = parameter.value.shape().extents();
    if (stored.dtype != parameter.value.dtype() ||
        !std::equal(stored.shape.begin(), stored.shape.end(), extents.begin(), extents.end())) {
      return base::corrupt("the tensor " + parameter.name + " is not " + parameter.value.shape().to_string());
    }
    found.push_back(stored.bytes);
  }
  for (std::size_t i = 0; i < found.size(); ++i) std::memcpy(into[i].value.raw(), found[i].data(), found[i].size());
  return {};
}

}  // namespace marquee::train
