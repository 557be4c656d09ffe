#include "http/services.h"

#include <algorithm>

#include "http/router.h"

namespace marquee::http {

namespace {
constexpr unsigned kLoaderThreads = 2;
constexpr unsigned kDiskThreads = 2;
}  // namespace

Services::Services(const ServerOptions& server_options, serving::Engine& the_engine, platform::KeyService& the_keys,
                   platform::UsageService& the_usage, platform::FileService& the_files)
    : options(server_options),
      engine(the_engine),
      keys(the_keys),
      usage(the_usage),
      files(the_files),
      router(std::make_unique<Router>(all_routes())),
      workers(std::max(1U, server_options.worker_threads)),
      loaders(kLoaderThreads),
      disk(kDiskThreads) {}

Services::~Services() = default;

}  // namespace marquee::http
