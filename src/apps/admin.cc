#include "apps/admin.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "apps/data_folder.h"
#include "apps/server_client.h"
#include "platform/records_json.h"

namespace marquee::apps {
namespace {

using base::Result;

/// On the data folder itself.
class LocalAdmin : public Admin {
 public:
  explicit LocalAdmin(DataFolder folder) : folder_(std::move(folder)) {}
  Result<platform::CreatedKey> create_key(const platform::NewKey& request) override {
    return folder_.keys->create(caller_, request);
  }
  Result<std::vector<platform::KeyInfo>> list_keys(const std::optional<std::string>& tenant) override {
    return folder_.keys->list(caller_, tenant);
  }
  Result<platform::KeyInfo> revoke_key(std::string_view id) override { return folder_.keys->revoke(caller_, id); }
  Result<platform::UsageReport> usage(const platform::UsageFilter& filter) override {
    return folder_.usage->report(caller_, filter);
  }

 private:
  DataFolder folder_;
  platform::Principal caller_ = platform::local_operator();
};

/// Through the server's API.
class RemoteAdmin : public Admin {
 public:
  explicit RemoteAdmin(ServerAddress address) : client_(std::move(address)) {}
  Result<platform::CreatedKey> create_key(const platform::NewKey& request) override {
    const base::json::object body = {
        {"tenant", request.tenant}, {"scopes", base::json::value_from(request.scopes)}, {"name", request.name}};
    MARQUEE_ASSIGN(const auto answer, client_.call("POST", "/v1/keys", body));
    return platform::created_key_from_json(answer);
  }
  Result<std::vector<platform::KeyInfo>> list_keys(const std::optional<std::string>& tenant) override {
    MARQUEE_ASSIGN(const auto answer,
                   client_.call("GET", "/v1/keys" + (tenant ? "?tenant=" + percent_encode(*tenant) : "")));
    return platform::keys_from_json(answer);
  }
  Result<platform::KeyInfo> revoke_key(std::string_view id) override {
    MARQUEE_ASSIGN(const auto answer, client_.call("DELETE", "/v1/keys/" + percent_encode(id)));
    return platform::key_from_json(answer);
  }
  Result<platform::UsageReport> usage(const platform::UsageFilter& filter) override {
    std::string query = "?limit=" + std::to_string(filter.limit);
    const auto add = [&query](const char* name, const std::optional<std::string>& value) {
      if (value) query += std::string("&") + name + "=" + percent_encode(*value);
    };
    add("tenant", filter.tenant);
    add("key", filter.key_id);
    add("model", filter.model);
    add("from", filter.from_day);
    add("to", filter.to_day);
    MARQUEE_ASSIGN(const auto answer, client_.call("GET", "/v1/usage" + query));
    return platform::usage_from_json(answer);
  }

 private:
  ServerClient client_;
};

Result<std::string> admin_key(const std::filesystem::path& data) {
  if (const char* key = std::getenv("MARQUEE_KEY"); key != nullptr && *key != '\0') return std::string(key);
  std::ifstream file(data / "admin.key");
  std::string key;
  if (std::getline(file, key) && !key.empty()) return key;
  return base::Error{base::ErrorCode::kUnauthenticated,
                     "a server runs on " + data.string() + ", and " + (data / "admin.key").string() +
                         " cannot be read: give an admin key in MARQUEE_KEY, or stop the server first"};
}

}  // namespace

Result<std::unique_ptr<Admin>> open_admin(const std::string& data, bool make_folder) {
  std::error_code error;
  const bool is_new = !std::filesystem::exists(std::filesystem::path(data) / "marquee.db", error);
  if (error) return base::io_error("cannot look into " + data + ": " + error.message());
  if (is_new && !make_folder) {
    return base::not_found("there is nothing in " + data + " yet; `marquee serve` or `marquee key create` begins it");
  }
  MARQUEE_ASSIGN(auto folder, DataFolder::try_open(data));
  if (folder) {
    if (is_new) {
      MARQUEE_ASSIGN(const auto first, folder->keys->ensure_first_key());
      if (first) std::fprintf(stderr, "made the first admin key, in %s/admin.key\n", data.c_str());
    }
    return std::unique_ptr<Admin>(new LocalAdmin(std::move(*folder)));
  }
  MARQUEE_ASSIGN(const ServerNote note, read_server_note(data));
  MARQUEE_ASSIGN(std::string key, admin_key(data));
  return std::unique_ptr<Admin>(new RemoteAdmin({note.url, std::move(key), note.key_pin}));
}

}  // namespace marquee::apps
