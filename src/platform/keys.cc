#include "platform/keys.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <span>
#include <utility>

#include "base/utf8.h"
#include "store/data_folder.h"

namespace marquee::platform {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kSecretPrefix = "mq_";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretLength = 3 + 43;  // base64url of 32 bytes without padding
constexpr std::size_t kMaxNameBytes = 200;
constexpr std::uint8_t kAllScopes = static_cast<std::uint8_t>(Scope::kInfer) | static_cast<std::uint8_t>(Scope::kAdmin);
constexpr const char* kPepperCheck = "pepper_check";

std::vector<std::string> scope_names(std::uint8_t scopes) {
  std::vector<std::string> names;
  if ((scopes & static_cast<std::uint8_t>(Scope::kInfer)) != 0) names.emplace_back("infer");
  if ((scopes & static_cast<std::uint8_t>(Scope::kAdmin)) != 0) names.emplace_back("admin");
  return names;
}

std::string random_base64url(std::size_t byte_count) {
  std::vector<unsigned char> bytes(byte_count);
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(sodium_base64_ENCODED_LEN(byte_count, sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bytes.data(), bytes.size());
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::string random_id() {
  std::array<unsigned char, 12> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 25> hex{};
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return std::string("key_") + hex.data();
}

std::uint64_t index_of(const std::array<unsigned char, 32>& digest) {
  std::uint64_t index = 0;
  std::memcpy(&index, digest.data(), sizeof index);
  return index;
}

Result<void> validate_name(std::string_view name) {
  const bool printable = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.size() > kMaxNameBytes || !printable || !base::is_valid_utf8(name)) {
    return base::invalid_argument("a key's name has at most 200 bytes of UTF-8 without control characters", "name");
  }
  return {};
}

Result<void> may_manage(const Principal& caller, std::string_view tenant) {
  if (caller.is_operator() || (caller.has(Scope::kAdmin) && caller.tenant == tenant)) return {};
  return Error{ErrorCode::kPermissionDenied, caller.has(Scope::kAdmin)
                                                 ? "this key manages only its own tenant, '" + caller.tenant + "'"
                                                 : "this needs a key with scope 'admin'"};
}

}  // namespace

Principal local_operator() { return {std::string(kDefaultTenant), "", kAllScopes}; }

Result<void> validate_tenant(std::string_view tenant) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !tenant.empty() && tenant.size() <= 64 && plain(tenant.front()) &&
                    std::all_of(tenant.begin(), tenant.end(), [&](char c) { return plain(c) || c == '-' || c == '_'; });
  if (good) return {};
  return base::invalid_argument(
      "a tenant's name has 1 to 64 of a-z, 0-9, '-' and '_', and begins with a letter or digit", "tenant");
}

Result<std::uint8_t> parse_scopes(const std::vector<std::string>& names) {
  std::uint8_t scopes = 0;
  for (const std::string& name : names) {
    std::uint8_t scope = 0;
    if (name == "infer") scope = static_cast<std::uint8_t>(Scope::kInfer);
    if (name == "admin") scope = static_cast<std::uint8_t>(Scope::kAdmin);
    if (scope == 0) return base::invalid_argument("unknown scope; use 'infer', 'admin' or both", "scopes");
    if ((scopes & scope) != 0) return base::invalid_argument("scope '" + name + "' is named twice", "scopes");
    scopes |= scope;
  }
  if (scopes == 0) return base::invalid_argument("at least one scope is needed: 'infer', 'admin' or both", "scopes");
  return scopes;
}

KeyService::KeyService(store::Database& database, std::filesystem::path data_folder)
    : database_(database), data_folder_(std::move(data_folder)) {}

Result<std::unique_ptr<KeyService>> KeyService::open(store::Database& database,
                                                     const std::filesystem::path& data_folder) {
  if (sodium_init() < 0) return Error{ErrorCode::kInternal, "libsodium cannot start"};
  std::unique_ptr<KeyService> service(new KeyService(database, data_folder));
  MARQUEE_CHECK(service->load_pepper());
  MARQUEE_CHECK(service->load_keys());
  return service;
}

KeyService::Digest KeyService::digest_of(std::string_view secret) const {
  Digest digest;
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
                     pepper_.data(), pepper_.size());
  return digest;
}

Result<void> KeyService::load_pepper() {
  const auto path = data_folder_ / "pepper.key";
  auto stored_check = database_.read([](store::Connection& connection) -> Result<std::string> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT value FROM meta WHERE name=?1"));
    query.bind(kPepperCheck);
    MARQUEE_ASSIGN(const bool found, query.step());
    return found ? query.text(0) : std::string();
  });
  if (!stored_check) return std::move(stored_check).error();

  std::ifstream file(path, std::ios::binary);
  if (!file && stored_check->empty()) {
    randombytes_buf(pepper_.data(), pepper_.size());
    MARQUEE_CHECK(store::write_private_file(path, {reinterpret_cast<const char*>(pepper_.data()), pepper_.size()}));
  } else {
    file.read(reinterpret_cast<char*>(pepper_.data()), static_cast<std::streamsize>(pepper_.size()));
    if (!file || file.peek() != std::ifstream::traits_type::eof()) {
      return Error{ErrorCode::kFailedPrecondition,
                   path.string() +
                       " is missing or not 32 bytes; without it no stored key can be checked: restore it "
                       "from a backup"};
    }
  }
  const Digest check = digest_of("marquee pepper check");
  if (!stored_check->empty()) {
    if (stored_check->size() == check.size() && sodium_memcmp(stored_check->data(), check.data(), check.size()) == 0) {
      return {};
    }
    return Error{ErrorCode::kFailedPrecondition,
                 path.string() + " is not the one the stored keys were hashed with; restore it from a backup"};
  }
  return database_.write_and_wait([check](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto insert, connection.prepare("INSERT INTO meta (name, value) VALUES (?1, ?2)"));
    return insert.execute(kPepperCheck, std::span<const unsigned char>(check));
  });
}

Result<void> KeyService::load_keys() {
  return database_.read([this](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT id, tenant, scopes, name, digest, created_unix_s, "
                                                  "revoked_unix_s FROM keys ORDER BY sequence"));
    for (;;) {
      MARQUEE_ASSIGN(const bool row, query.step());
      if (!row) return {};
      auto entry = std::make_shared<Entry>();
      const auto scopes = static_cast<std::uint8_t>(query.integer(2));
      entry->info = {query.text(0), query.text(1),    scope_names(scopes),
                     query.text(3), query.integer(5), query.integer(6)};
      entry->principal = {entry->info.tenant, entry->info.id, scopes};
      const std::string digest = query.text(4);
      if (digest.size() != entry->digest.size()) return base::corrupt("database: the digest of a key has a wrong size");
      std::copy(digest.begin(), digest.end(), entry->digest.begin());
      if (entry->info.revoked_unix_s == 0) valid_.emplace(index_of(entry->digest), entry);
      entries_.push_back(std::move(entry));
    }
  });
}

Result<CreatedKey> KeyService::create(const Principal& caller, const NewKey& request) {
  MARQUEE_CHECK(validate_tenant(request.tenant));
  MARQUEE_CHECK(may_manage(caller, request.tenant));
  return make(request, false);
}

Result<CreatedKey> KeyService::make(const NewKey& request, bool write_admin_file) {
  MARQUEE_CHECK(validate_name(request.name));
  MARQUEE_ASSIGN(const std::uint8_t scopes, parse_scopes(request.scopes));
  CreatedKey created;
  created.secret = std::string(kSecretPrefix) + random_base64url(kSecretBytes);
  created.info = {random_id(), request.tenant, scope_names(scopes), request.name, std::time(nullptr), 0};
  auto entry = std::make_shared<Entry>();
  entry->info = created.info;
  entry->principal = {request.tenant, created.info.id, scopes};
  entry->digest = digest_of(created.secret);

  // The file first: a crash between the two leaves a file without a key, which the next start replaces, and never a key
  // that nobody knows.
  if (write_admin_file) {
    MARQUEE_CHECK(store::write_private_file(data_folder_ / "admin.key", created.secret + "\n"));
  }
  MARQUEE_CHECK(insert(*entry));
  const std::unique_lock lock(mutex_);
  valid_.emplace(index_of(entry->digest), entry);
  entries_.push_back(std::move(entry));
  return created;
}

Result<void> KeyService::insert(const Entry& entry) {
  return database_.write_and_wait([&entry](store::Connection& connection) -> Result<void> {
    const KeyInfo& info = entry.info;
    MARQUEE_ASSIGN(auto tenant, connection.prepare("INSERT INTO tenants (name, created_unix_s) VALUES (?1, ?2) "
                                                   "ON CONFLICT DO NOTHING"));
    MARQUEE_CHECK(tenant.execute(info.tenant, info.created_unix_s));
    MARQUEE_ASSIGN(auto key, connection.prepare("INSERT INTO keys (id, tenant, scopes, name, digest, created_unix_s) "
                                                "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    return key.execute(info.id, info.tenant, static_cast<std::int64_t>(entry.principal.scopes), info.name,
                       std::span<const unsigned char>(entry.digest), info.created_unix_s);
  });
}

Result<std::vector<KeyInfo>> KeyService::list(const Principal& caller, const std::optional<std::string>& tenant) const {
  if (tenant) MARQUEE_CHECK(validate_tenant(*tenant));
  MARQUEE_CHECK(may_manage(caller, tenant.value_or(caller.tenant)));
  std::vector<KeyInfo> keys;
  const std::shared_lock lock(mutex_);
  for (const auto& entry : entries_) {
    const bool wanted = tenant ? entry->info.tenant == *tenant : may_manage(caller, entry->info.tenant).has_value();
    if (wanted) keys.push_back(entry->info);
  }
  return keys;
}

Result<KeyInfo> KeyService::revoke(const Principal& caller, std::string_view key_id) {
  if (!caller.has(Scope::kAdmin)) MARQUEE_CHECK(may_manage(caller, caller.tenant));
  std::int64_t revoked_unix_s = 0;
  KeyInfo info;
  {
    const std::unique_lock lock(mutex_);
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry->info.id == key_id; });
    if (found == entries_.end() || !may_manage(caller, (*found)->info.tenant)) {
      return base::not_found("there is no key of this id; `marquee key list` shows them");
    }
    Entry& entry = **found;
    if (entry.info.revoked_unix_s == 0) entry.info.revoked_unix_s = std::time(nullptr);
    const auto [first, last] = valid_.equal_range(index_of(entry.digest));
    for (auto candidate = first; candidate != last; ++candidate) {
      if (candidate->second != *found) continue;
      valid_.erase(candidate);
      break;
    }
    revoked_unix_s = entry.info.revoked_unix_s;
    info = entry.info;
  }
  auto written = database_.write_and_wait([&](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto update,
                   connection.prepare("UPDATE keys SET revoked_unix_s=?1 WHERE id=?2 AND revoked_unix_s=0"));
    return update.execute(revoked_unix_s, info.id);
  });
  if (!written) {
    written.error().message =
        "the key is shut in this server, but that could not be stored and would be lost on a "
        "restart; revoke it again: " +
        written.error().message;
    return std::move(written).error();
  }
  return info;
}

Result<Principal> KeyService::authenticate(std::string_view secret) const {
  const Error unknown{ErrorCode::kUnauthenticated, "this key is unknown or revoked"};
  if (secret.size() != kSecretLength || !secret.starts_with(kSecretPrefix)) return unknown;
  // Looking up by part of a keyed digest tells a stopwatch nothing: without the pepper nobody can steer it.
  const Digest digest = digest_of(secret);
  const std::shared_lock lock(mutex_);
  const auto [first, last] = valid_.equal_range(index_of(digest));
  for (auto candidate = first; candidate != last; ++candidate) {
    const Entry& entry = *candidate->second;
    if (sodium_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) return entry.principal;
  }
  return unknown;
}

Result<std::optional<CreatedKey>> KeyService::ensure_first_key() {
  {
    const std::shared_lock lock(mutex_);
    if (!entries_.empty()) return std::optional<CreatedKey>();
  }
  MARQUEE_ASSIGN(CreatedKey created, make({std::string(kDefaultTenant), {"infer", "admin"}, "first key"}, true));
  return std::optional<CreatedKey>(std::move(created));
}

}  // namespace marquee::platform
