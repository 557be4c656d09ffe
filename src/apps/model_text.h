#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "serving/catalog.h"
#include "serving/model_store.h"

namespace marquee::apps {

/// What `--json` shows of an installed model.
base::json::object to_json(const serving::InstalledModel& model);
/// What `--json` shows of a model that can be pulled.
base::json::object to_json(const serving::CatalogEntry& entry);

/// The built-in catalog with <data>/catalog, if there is one, and `folder`, if not empty, over it.
base::Result<serving::Catalog> load_catalog(const std::filesystem::path& data, const std::string& folder);

}  // namespace marquee::apps
