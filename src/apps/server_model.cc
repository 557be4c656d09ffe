#include "apps/server_model.h"

#include <cstdlib>
#include <utility>

namespace marquee::apps {

base::Result<ServerModel> find_server_model(const std::string& url, const std::string& key, const std::string& model,
                                            const std::string& default_model) {
  ServerModel found{{url, key}, model};
  std::string& address = found.address.url;
  while (address.ends_with('/')) address.pop_back();
  if (address.ends_with("/v1")) address.resize(address.size() - 3);
  if (found.address.key.empty()) {
    const char* secret = std::getenv("MARQUEE_KEY");
    if (secret != nullptr) found.address.key = secret;
  }
  if (!model.empty()) return found;
  MARQUEE_ASSIGN(const auto models, ServerClient(found.address).call("GET", "/v1/models"));
  const auto* data = models.is_object() ? models.get_object().if_contains("data") : nullptr;
  if (data == nullptr || !data->is_array() || data->get_array().empty()) {
    return base::not_found("the server at " + address + " has no model");
  }
  for (const auto& entry : data->get_array()) {
    const auto* id = entry.is_object() ? entry.get_object().if_contains("id") : nullptr;
    if (id == nullptr || !id->is_string()) continue;
    if (found.model.empty() || id->get_string() == default_model) found.model = std::string(id->get_string());
  }
  if (found.model.empty()) return base::not_found("the server at " + address + " names no model");
  return found;
}

}  // namespace marquee::apps
