#pragma once
// Keys and usage for the command line: through the server that runs on the data folder, or else directly.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/keys.h"
#include "platform/usage.h"

namespace marquee::apps {

class Admin {
 public:
  virtual ~Admin() = default;
  virtual base::Result<platform::CreatedKey> create_key(const platform::NewKey& request) = 0;
  virtual base::Result<std::vector<platform::KeyInfo>> list_keys(const std::optional<std::string>& tenant) = 0;
  virtual base::Result<platform::KeyInfo> revoke_key(std::string_view id) = 0;
  virtual base::Result<platform::UsageReport> usage(const platform::UsageFilter& filter) = 0;
};

/// While a server holds the data folder it is asked, with the key in `MARQUEE_KEY` or the folder's admin.key; otherwise
/// the folder is opened, and held until the result is destroyed.
/// @param make_folder whether a missing folder may be made, with its first admin key; otherwise kNotFound
base::Result<std::unique_ptr<Admin>> open_admin(const std::string& data, bool make_folder);

}  // namespace marquee::apps
