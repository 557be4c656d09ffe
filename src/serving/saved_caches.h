#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/engine.h"
#include "serving/model_instance.h"

namespace marquee::serving {

/// Whether a saved cache may be called so: a file name that stays in its folder. @error kInvalidArgument
base::Result<void> check_cache_name(std::string_view name);

/// Prefix caches on disk: <folder>/<tenant>/<model>/<name>.kv. Thread-safe; one save or restore at a time.
class SavedCaches {
 public:
  /// @param folder empty: nothing can be saved
  /// @param most_bytes of one tenant's files for one model
  SavedCaches(std::filesystem::path folder, std::uint64_t most_bytes)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  /// See Engine.
  base::Result<CacheReport> save(ModelInstance& model, const std::string& tenant, std::string_view name);
  base::Result<CacheReport> restore(ModelInstance& model, const std::string& tenant, std::string_view name);
  base::Result<CacheReport> remove(const std::string& model, const std::string& tenant, std::string_view name);

 private:
  [[nodiscard]] base::Result<std::filesystem::path> path_of(const std::string& model, const std::string& tenant,
                                                            std::string_view name) const;
  [[nodiscard]] std::uint64_t bytes_beside(const std::filesystem::path& path) const;

  const std::filesystem::path folder_;
  const std::uint64_t most_bytes_;
  std::mutex mutex_;
};

}  // namespace marquee::serving
