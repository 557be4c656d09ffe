#include "serving/manifest.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/output_file.h"
#include "formats/small_file.h"
#include "serving/sha256_text.h"

namespace marquee::serving {

using base::Error;
using base::Result;
namespace json = base::json;

namespace {

constexpr std::size_t kMaxManifestBytes = 1 << 20;
constexpr int kManifestVersion = 1;

class ManifestReader {
 public:
  ManifestReader(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

  [[nodiscard]] Error error(std::string_view field, std::string_view problem) const {
    return base::corrupt(where_ + ": field '" + std::string(field) + "' " + std::string(problem));
  }
  [[nodiscard]] Result<std::string> string(std::string_view field) const {
    const auto* value = object_.if_contains(field);
    if (value == nullptr || !value->is_string()) return error(field, "is missing or not a text");
    return std::string(value->get_string());
  }
  [[nodiscard]] Result<std::int64_t> number(std::string_view field) const {
    const auto* value = object_.if_contains(field);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 0) {
      return error(field, "is missing or not a whole number");
    }
    return value->get_int64();
  }
  [[nodiscard]] Result<bool> boolean(std::string_view field) const {
    const auto* value = object_.if_contains(field);
    if (value == nullptr || !value->is_bool()) return error(field, "is missing or not true or false");
    return value->get_bool();
  }
  [[nodiscard]] const json::object& object() const { return object_; }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const json::object& object_;
  std::string where_;
};

Result<std::vector<InstalledFile>> read_files(const ManifestReader& manifest) {
  const auto* value = manifest.object().if_contains("files");
  const auto* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr || array->empty()) return manifest.error("files", "is missing or empty");
  std::vector<InstalledFile> files;
  for (const auto& item : *array) {
    if (!item.is_object()) return manifest.error("files", "holds something other than objects");
    const ManifestReader reader(item.get_object(), manifest.where() + ": files");
    InstalledFile file;
    MARQUEE_ASSIGN(file.name, reader.string("name"));
    if (!is_plain_file_name(file.name)) return reader.error("name", "is not a plain file name");
    MARQUEE_ASSIGN(const auto bytes, reader.number("bytes"));
    file.bytes = static_cast<std::uint64_t>(bytes);
    MARQUEE_ASSIGN(file.sha256, reader.string("sha256"));
    if (!is_sha256(file.sha256)) return reader.error("sha256", "is not a SHA-256");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Result<InstalledModel> read_manifest(const std::filesystem::path& folder) {
  const auto path = folder / "manifest.json";
  auto text = formats::read_small_file(path, kMaxManifestBytes);
  if (!text) return base::corrupt(std::move(text).error().message + "; remove the model and pull it again");
  MARQUEE_ASSIGN(const auto value, formats::parse_json_file(*text, path));
  if (!value.is_object()) return base::corrupt(path.string() + ": not a JSON object");
  const ManifestReader reader(value.get_object(), path.string());
  MARQUEE_ASSIGN(const auto version, reader.number("manifest"));
  if (version != kManifestVersion) {
    return base::unsupported(path.string() + ": manifest version " + std::to_string(version) +
                             "; this program knows version 1");
  }
  InstalledModel model;
  model.folder = folder;
  MARQUEE_ASSIGN(model.name, reader.string("name"));
  MARQUEE_ASSIGN(model.task, reader.string("task"));
  MARQUEE_ASSIGN(model.family, reader.string("family"));
  MARQUEE_ASSIGN(const auto format_name, reader.string("format"));
  const auto format = parse_model_format(format_name);
  if (!format) return reader.error("format", "is '" + format_name + "', which this program does not know");
  model.format = *format;
  MARQUEE_ASSIGN(model.licence, reader.string("licence"));
  MARQUEE_ASSIGN(model.source, reader.string("source"));
  MARQUEE_ASSIGN(model.hash_known, reader.boolean("hash_known"));
  MARQUEE_ASSIGN(model.installed_unix_s, reader.number("installed_unix_s"));
  MARQUEE_ASSIGN(model.files, read_files(reader));
  return model;
}

Result<void> write_manifest(const std::filesystem::path& folder, const InstalledModel& model) {
  json::array files;
  for (const auto& file : model.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  const json::object manifest = {
      {"manifest", kManifestVersion},
      {"name", model.name},
      {"task", model.task},
      {"family", model.family},
      {"format", std::string(to_string(model.format))},
      {"licence", model.licence},
      {"source", model.source},
      {"hash_known", model.hash_known},
      {"installed",
       fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(model.installed_unix_s)))},
      {"installed_unix_s", model.installed_unix_s},
      {"files", std::move(files)},
  };
  const std::string text = json::serialize(manifest) + "\n";
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(folder / "manifest.json"));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.finish();
}

}  // namespace marquee::serving
