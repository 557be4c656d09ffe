#pragma once

#include "base/json.h"

namespace marquee::http {

/// The components of the API's document: JSON Schemas (draft 2020-12) by name. Those of requests come from the tables
/// of fields that also check the requests.
base::json::object component_schemas();

}  // namespace marquee::http
