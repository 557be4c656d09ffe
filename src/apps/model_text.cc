#include "apps/model_text.h"

#include <system_error>
#include <utility>

namespace marquee::apps {

namespace json = base::json;

json::object to_json(const serving::InstalledModel& model) {
  json::array files;
  for (const auto& file : model.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return {{"name", model.name},
          {"task", model.task},
          {"family", model.family},
          {"format", std::string(to_string(model.format))},
          {"licence", model.licence},
          {"source", model.source},
          {"hash_known", model.hash_known},
          {"installed_unix_s", model.installed_unix_s},
          {"bytes", model.bytes()},
          {"path", model.path().string()},
          {"files", std::move(files)}};
}

json::object to_json(const serving::CatalogEntry& entry) {
  std::uint64_t bytes = 0;
  for (const auto& file : entry.files) bytes += file.bytes;
  return {
      {"name", entry.name},     {"description", entry.description}, {"task", entry.task},
      {"family", entry.family}, {"licence", entry.licence},         {"format", std::string(to_string(entry.format))},
      {"bytes", bytes}};
}

base::Result<serving::Catalog> load_catalog(const std::filesystem::path& data, const std::string& folder) {
  MARQUEE_ASSIGN(auto catalog, serving::Catalog::builtin());
  std::error_code ignored;
  if (std::filesystem::is_directory(data / "catalog", ignored)) MARQUEE_CHECK(catalog.add_folder(data / "catalog"));
  if (!folder.empty()) MARQUEE_CHECK(catalog.add_folder(folder));
  return catalog;
}

}  // namespace marquee::apps
