#pragma once

#include <span>
#include <string>

#include "http/routes.h"

namespace marquee::http {

/// The OpenAPI 3.1 document of a route table. @source OpenAPI Specification 3.1.0
std::string openapi_document(std::span<const Route> routes);

}  // namespace marquee::http
