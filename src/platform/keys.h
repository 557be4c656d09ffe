#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace marquee::platform {

enum class Scope : std::uint8_t { kInfer = 1, kAdmin = 2 };

/// The tenant whose admins manage every tenant; other admins manage their own.
constexpr std::string_view kDefaultTenant = "default";

/// Who a request comes from, once its key is known.
struct Principal {
  std::string tenant;
  std::string key_id;
  std::uint8_t scopes = 0;  ///< bits of Scope
  [[nodiscard]] bool has(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
  /// An admin of every tenant.
  [[nodiscard]] bool is_operator() const { return has(Scope::kAdmin) && tenant == kDefaultTenant; }
};

/// The person at the machine's own command line, who may do everything.
Principal local_operator();

struct KeyInfo {
  std::string id;  ///< public, e.g. "key_3f9c…"; never the secret
  std::string tenant;
  std::vector<std::string> scopes;
  std::string name;
  std::int64_t created_unix_s = 0;
  std::int64_t revoked_unix_s = 0;  ///< 0 while valid
};

/// A key to be made. Scopes are "infer" and "admin".
struct NewKey {
  std::string tenant;               ///< ^[a-z0-9][a-z0-9_-]{0,63}$; made if it is new
  std::vector<std::string> scopes;  ///< at least one
  std::string name = {};            ///< for people, at most 200 bytes of UTF-8 without control characters
};

struct CreatedKey {
  KeyInfo info;
  std::string secret;  ///< "mq_" and 43 characters of base64url (256 bits); kept nowhere
};

/// Every key, in memory for authenticate() and in the database. Safe to use from many threads.
class KeyService {
 public:
  /// Reads the keys and the pepper (32 random bytes, made at first, in `pepper.key` of the data folder, 0600).
  /// @error kFailedPrecondition if the pepper is missing or another one than the stored keys were hashed with; kIo
  static base::Result<std::unique_ptr<KeyService>> open(store::Database& database,
                                                        const std::filesystem::path& data_folder);

  /// Makes a key and waits until it is durable (blocking: call from a worker thread).
  /// @error kInvalidArgument with `field` named; kPermissionDenied unless `caller` is an admin of the tenant; kIo
  base::Result<CreatedKey> create(const Principal& caller, const NewKey& request);

  /// The keys `caller` may manage, oldest first, revoked ones too; of one tenant if it is given.
  /// @error kPermissionDenied unless `caller` is an admin
  [[nodiscard]] base::Result<std::vector<KeyInfo>> list(const Principal& caller,
                                                        const std::optional<std::string>& tenant = {}) const;

  /// From the moment this is called the key opens nothing; returns when that is durable (blocking). If it cannot be
  /// made durable the key stays shut until the process ends, and the error says so. Revoking twice is no error.
  /// @error kNotFound, also for a key of a tenant `caller` may not manage; kPermissionDenied; kIo
  base::Result<KeyInfo> revoke(const Principal& caller, std::string_view key_id);

  /// Who holds this secret. In memory, in time that does not depend on how much of it is right.
  /// @error kUnauthenticated
  [[nodiscard]] base::Result<Principal> authenticate(std::string_view secret) const;

  /// If there is no key at all: makes an admin key (infer and admin) of tenant `default` and writes it to `admin.key`
  /// in the data folder (0600). @return the key, or nothing if there were keys
  base::Result<std::optional<CreatedKey>> ensure_first_key();

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    KeyInfo info;
    Principal principal;
    Digest digest{};
  };
  KeyService(store::Database& database, std::filesystem::path data_folder);
  base::Result<void> load_pepper();
  base::Result<void> load_keys();
  base::Result<CreatedKey> make(const NewKey& request, bool write_admin_file);
  base::Result<void> insert(const Entry& entry);
  [[nodiscard]] Digest digest_of(std::string_view secret) const;

  store::Database& database_;
  const std::filesystem::path data_folder_;
  Digest pepper_{};
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<Entry>> entries_;                                 ///< oldest first
  std::unordered_multimap<std::uint64_t, std::shared_ptr<const Entry>> valid_;  ///< by the digest's first 8 bytes
};

/// @error kInvalidArgument, field "tenant"
base::Result<void> validate_tenant(std::string_view tenant);

/// Bits of Scope. @error kInvalidArgument, field "scopes", for an unknown name, a repeated one or none
base::Result<std::uint8_t> parse_scopes(const std::vector<std::string>& names);

}  // namespace marquee::platform
