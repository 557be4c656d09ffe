#include "serving/huggingface_hub.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "formats/pickle.h"
#include "serving/download.h"
#include "serving/model_folder.h"
#include "serving/model_store.h"
#include "serving/sha256_text.h"

namespace marquee::serving {

using base::Result;

namespace {

constexpr std::size_t kMaxAnswerBytes = 32 << 20;

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

bool is_relative_path(std::string_view path) {
  if (path.empty() || path.size() > 512) return false;
  while (true) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (!is_plain_file_name(part)) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

const base::json::value* member(const base::json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string text_member(const base::json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

/// One entry of the hub's "siblings".
std::optional<HubFile> read_sibling(const base::json::value& value) {
  HubFile file;
  file.path = text_member(value, "rfilename");
  if (!is_relative_path(file.path)) return std::nullopt;
  if (const auto* size = member(value, "size"); size != nullptr && size->is_int64() && size->get_int64() >= 0) {
    file.bytes = static_cast<std::uint64_t>(size->get_int64());
  }
  if (const auto* large = member(value, "lfs")) {
    file.sha256 = text_member(*large, "sha256");
    if (!is_sha256(file.sha256)) file.sha256.clear();
  }
  return file;
}

/// The files of a repository that make a model: those of a Hugging Face folder, else its only GGUF file.
Result<std::vector<HubFile>> choose_files(const std::vector<HubFile>& all, const HubReference& reference) {
  const std::string where = "hf:" + reference.repository;
  std::vector<HubFile> chosen;
  std::vector<HubFile> gguf;
  bool weights = false;
  bool pickled = false;
  for (const auto& file : all) {
    if (is_model_folder_file(file.path)) chosen.push_back(file);
    weights = weights || file.path.ends_with(".safetensors");
    pickled = pickled || formats::has_pickle_name(file.path);
    if (file.path.ends_with(".gguf")) gguf.push_back(file);
  }
  if (weights) return chosen;
  if (gguf.size() == 1) return gguf;
  if (gguf.size() > 1) {
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(gguf.size(), 20); ++i)
      names += "\n  " + where + "/" + gguf[i].path;
    return base::invalid_argument(where + ": has several GGUF files; name one:" + names, "source");
  }
  if (pickled) return formats::pickle_refused(where);
  return base::not_found(where + ": has neither safetensors nor GGUF files");
}

}  // namespace

Result<HubReference> parse_hub_reference(std::string_view text) {
  const auto error = [&] {
    return base::invalid_argument("'" + std::string(text) + "' is not of the form hf:owner/name[@revision][/file.gguf]",
                                  "source");
  };
  std::string_view rest = text;
  if (!rest.starts_with("hf:")) return error();
  rest.remove_prefix(3);
  HubReference reference;
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return error();
  const auto owner = rest.substr(0, slash);
  rest.remove_prefix(slash + 1);
  const auto end_of_name = std::min(rest.find_first_of("@/"), rest.size());
  const auto name = rest.substr(0, end_of_name);
  rest.remove_prefix(end_of_name);
  if (!is_word(owner) || !is_word(name)) return error();
  reference.repository = std::string(owner) + "/" + std::string(name);
  if (rest.starts_with('@')) {
    rest.remove_prefix(1);
    const auto end = std::min(rest.find('/'), rest.size());
    if (!is_word(rest.substr(0, end))) return error();
    reference.revision = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    if (!is_relative_path(rest)) return error();
    reference.path = rest;
  }
  return reference;
}

Result<HubModel> resolve_hub_model(const HubReference& reference, const PullOptions& options, PullMonitor& monitor) {
  const std::string url = options.huggingface_endpoint + "/api/models/" + reference.repository + "/revision/" +
                          escape_url_path(reference.revision) + "?blobs=true";
  MARQUEE_ASSIGN(const auto text, fetch_text(url, options.huggingface_token, kMaxAnswerBytes, options, monitor));
  auto answer = base::parse_json(text, url);
  if (!answer) return base::corrupt(std::move(answer).error().message);
  HubModel model;
  model.commit = text_member(*answer, "sha");
  if (!is_word(model.commit)) return base::corrupt(url + ": the answer names no commit ('sha')");
  if (const auto* card = member(*answer, "cardData")) model.licence = text_member(*card, "license");
  const auto* siblings = member(*answer, "siblings");
  if (siblings == nullptr || !siblings->is_array()) return base::corrupt(url + ": the answer has no 'siblings'");
  std::vector<HubFile> all;
  for (const auto& value : siblings->get_array()) {
    if (auto file = read_sibling(value)) all.push_back(std::move(*file));
  }
  if (reference.path.empty()) {
    MARQUEE_ASSIGN(model.files, choose_files(all, reference));
    return model;
  }
  const auto found = std::find_if(all.begin(), all.end(), [&](const HubFile& f) { return f.path == reference.path; });
  if (found == all.end())
    return base::not_found("hf:" + reference.repository + ": has no file '" + reference.path + "'");
  model.files = {*found};
  return model;
}

std::string hub_file_url(const PullOptions& options, std::string_view repository, std::string_view commit,
                         std::string_view path) {
  return options.huggingface_endpoint + "/" + std::string(repository) + "/resolve/" + escape_url_path(commit) + "/" +
         escape_url_path(path);
}

}  // namespace marquee::serving
