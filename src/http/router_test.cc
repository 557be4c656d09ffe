#include "http/router.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/json.h"
#include "http/openapi.h"
#include "http/schemas.h"

namespace marquee::http {
namespace {

std::string path_of(const std::optional<Router::Match>& match) {
  return match ? std::string(match->routes.front()->path) : "none";
}

TEST(RouterTest, PathsAndTheirParameters) {
  const Router router(all_routes());
  EXPECT_EQ(path_of(router.match("/v1/models")), "/v1/models");
  EXPECT_EQ(path_of(router.match("/v1/models/a")), "/v1/models/{id}");
  EXPECT_EQ(path_of(router.match("/v1/models/a/load")), "/v1/models/{id}/load");
  EXPECT_EQ(path_of(router.match("/v1/%6dodels")), "/v1/models") << "an escaped letter is that letter";
  const auto match = router.match("/v1/models/a%2Fb%20%C3%A9");
  ASSERT_TRUE(match);
  ASSERT_EQ(match->params.size(), 1U);
  EXPECT_EQ(match->params[0], (NameValue{"id", "a/b \xC3\xA9"})) << "an escaped slash is part of the name";
  EXPECT_EQ(router.match("/v1/keys")->routes.size(), 2U) << "GET and POST";
}

TEST(RouterTest, WhatIsNoPath) {
  const Router router(all_routes());
  for (const char* path : {"", "v1/models", "/", "//", "/v1/models/", "/v1//models", "/v1/models/a/b", "/V1/models",
                           "/v1/models/%", "/v1/models/%4", "/v1/models/%zz", "/v1/models/%00", "/v1/models/%ff",
                           "/v1/models/../keys/x", "/healthz/", "/v1/models/a/load/"}) {
    const auto match = router.match(path);
    EXPECT_TRUE(!match || match->routes.front()->path == "/v1/models/{id}") << path;
    if (match) ADD_FAILURE() << path << " is " << match->routes.front()->path;
  }
}

TEST(RouterTest, EveryRouteIsWholeAndDeniesByDefault) {
  std::set<std::string_view> operations;
  for (const Route& route : all_routes()) {
    EXPECT_TRUE(operations.insert(route.operation).second) << route.operation;
    EXPECT_TRUE(route.path.starts_with('/')) << route.path;
    EXPECT_FALSE(route.summary.empty());
    EXPECT_FALSE(route.statuses.empty());
    const bool open =
        route.path == "/healthz" || route.path == "/readyz" || route.path == "/docs" || route.path == "/openapi.json";
    EXPECT_EQ(route.access == Access::kPublic, open) << route.path;
  }
  EXPECT_EQ(Route{}.access, Access::kOperator) << "a route that forgets to say needs the most";
}

TEST(RouterTest, Hosts) {
  ServerOptions options;
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:80", ""}) {
    EXPECT_TRUE(is_host_allowed(options, host)) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.2", "0.0.0.0", "[::2]", "xlocalhost"}) {
    EXPECT_FALSE(is_host_allowed(options, host)) << host;
  }
  options.allowed_hosts = {"Marquee.example"};
  EXPECT_TRUE(is_host_allowed(options, "marquee.example:443"));
  EXPECT_FALSE(is_host_allowed(options, "other.example"));
  options.allowed_hosts = {"*"};
  EXPECT_TRUE(is_host_allowed(options, "other.example"));
  options = {};
  options.address = "0.0.0.0";
  EXPECT_TRUE(is_host_allowed(options, "studio.local")) << "beyond this machine any name may be its";
  options.allowed_hosts = {"studio.local"};
  EXPECT_FALSE(is_host_allowed(options, "evil.example"));
  options = {};
  options.address = "127.0.0.7";
  EXPECT_TRUE(is_host_allowed(options, "127.0.0.7:80"));
  options.address = "::1";
  EXPECT_TRUE(is_host_allowed(options, "[::1]:80"));
}

TEST(MessageTest, Queries) {
  std::vector<NameValue> pairs;
  ASSERT_TRUE(parse_query("a=1&b=x%20y+z&&c&d=&%61=%3D", pairs));
  EXPECT_EQ(pairs, (std::vector<NameValue>{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"d", ""}, {"a", "="}}));
  EXPECT_TRUE(parse_query("", pairs));
  EXPECT_TRUE(pairs.empty());
  for (const char* wrong : {"a=%", "a=%1", "a=%xy", "%=1", "a=%00", "a=%ff"})
    EXPECT_FALSE(parse_query(wrong, pairs)) << wrong;
  std::string many;
  for (int i = 0; i < 65; ++i) many += "a&";
  EXPECT_FALSE(parse_query(many, pairs));
}

/// Every "$ref" of the document.
void find_references(const base::json::value& value, std::set<std::string>& found) {
  if (value.is_array()) {
    for (const auto& entry : value.get_array()) find_references(entry, found);
  } else if (value.is_object()) {
    for (const auto& member : value.get_object()) {
      if (member.key() == "$ref") {
        found.emplace(member.value().as_string());
      } else {
        find_references(member.value(), found);
      }
    }
  }
}

TEST(OpenApiTest, TheDocumentHoldsEveryRouteAndEveryReference) {
  const auto document = base::json::parse(openapi_document(all_routes()));
  EXPECT_EQ(document.at("openapi"), base::json::value("3.1.0"));
  for (const Route& route : all_routes()) {
    std::string method(to_string(route.method));
    for (char& letter : method) letter = static_cast<char>(letter + 32);
    const auto& operation = document.at("paths").at(route.path).at(method);
    EXPECT_EQ(operation.at("operationId"), base::json::value(route.operation));
    const auto& responses = operation.at("responses").as_object();
    EXPECT_EQ(responses.contains("401"), route.access != Access::kPublic) << route.path;
    EXPECT_EQ(operation.as_object().contains("security"), route.access == Access::kPublic) << route.path;
    EXPECT_EQ(operation.as_object().contains("requestBody"), !route.request_schema.empty()) << route.path;
  }
  std::set<std::string> references;
  find_references(document, references);
  EXPECT_GT(references.size(), 10U);
  const auto& schemas = document.at("components").at("schemas").as_object();
  for (const std::string& reference : references) {
    const std::string prefix = "#/components/schemas/";
    ASSERT_TRUE(reference.starts_with(prefix)) << reference;
    EXPECT_TRUE(schemas.contains(reference.substr(prefix.size()))) << reference;
  }
}

}  // namespace
}  // namespace marquee::http
