#include "apps/data_folder.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "base/json.h"

namespace marquee::apps {
namespace {

constexpr std::size_t kMaxNoteBytes = 4'096;

std::filesystem::path note_path(const std::filesystem::path& data) { return data / "server.json"; }

}  // namespace

base::Result<std::optional<DataFolder>> DataFolder::try_open(const std::filesystem::path& path) {
  DataFolder folder;
  folder.path = path;
  MARQUEE_ASSIGN(folder.lock, store::DataFolderLock::try_acquire(path));
  if (!folder.lock) return std::optional<DataFolder>();
  auto database = store::Database::open(path / "marquee.db");
  if (!database) {
    base::Error error = std::move(database).error();
    error.message = (path / "marquee.db").string() + ": " + error.message;
    return error;
  }
  folder.database = std::move(*database);
  MARQUEE_ASSIGN(folder.keys, platform::KeyService::open(*folder.database, path));
  folder.usage = std::make_unique<platform::UsageService>(*folder.database);
  return std::optional<DataFolder>(std::move(folder));
}

base::Result<void> write_server_note(const std::filesystem::path& data, const ServerNote& note) {
  const base::json::object object = {{"url", note.url}, {"pid", note.pid}, {"key_pin", note.key_pin}};
  return store::write_private_file(note_path(data), base::json::serialize(object) + "\n");
}

void remove_server_note(const std::filesystem::path& data) {
  std::error_code ignored;
  std::filesystem::remove(note_path(data), ignored);
}

base::Result<ServerNote> read_server_note(const std::filesystem::path& data) {
  const base::Error none{base::ErrorCode::kUnavailable, "another process uses " + data.string() +
                                                            ", but it is no running server (it may be starting "
                                                            "or leaving); try again"};
  std::ifstream file(note_path(data), std::ios::binary);
  std::string text(kMaxNoteBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto parsed = base::parse_json(text, "server.json");
  if (!parsed || !parsed->is_object()) return none;
  const auto& object = parsed->get_object();
  const auto* url = object.if_contains("url");
  const auto* pid = object.if_contains("pid");
  const auto* pin = object.if_contains("key_pin");
  if (url == nullptr || !url->is_string() || pid == nullptr || !pid->is_int64()) return none;
  ServerNote note{std::string(url->get_string()), static_cast<int>(pid->get_int64()), {}};
  if (pin != nullptr && pin->is_string()) note.key_pin = std::string(pin->get_string());
  return note;
}

}  // namespace marquee::apps
