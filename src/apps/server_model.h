#pragma once
// Which server and which of its models a command means by --server, --key and --model.

#include <string>

#include "apps/server_client.h"
#include "base/result.h"

namespace marquee::apps {

struct ServerModel {
  ServerAddress address;
  std::string model;
};

/// @param url with or without "/v1" at its end
/// @param key empty: MARQUEE_KEY's
/// @param model empty: `default_model` if the server has it, else its first
/// @error kNotFound if it has none; as ServerClient::call (it is asked only if `model` is empty)
base::Result<ServerModel> find_server_model(const std::string& url, const std::string& key, const std::string& model,
                                            const std::string& default_model);

}  // namespace marquee::apps
