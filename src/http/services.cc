#include "http/services.h"

#include <algorithm>

#include "http/router.h"

namespace marquee::http {

namespace {
constexpr unsigned kLoaderThreads = 2;
}

Services::Services(const ServerOptions& server_options, serving::Engine& the_engine, platform::KeyService& the_keys,
                   platform::UsageService& the_usage)
    : options(server_options),
      engine(the_engine),
      keys(the_keys),
      usage(the_usage),
      router(std::make_unique<Router>(all_routes())),
      workers(std::max(1U, server_options.worker_threads)),
      loaders(kLoaderThreads) {}

Services::~Services() = default;

}  // namespace marquee::http
