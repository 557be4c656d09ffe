#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "http/http_metrics.h"
#include "http/server.h"
#include "http/worker_pool.h"
#include "serving/chat_prompt.h"

namespace marquee::http {

class Router;

/// What handlers reach the rest of the program through.
struct Services {
  Services(const ServerOptions& server_options, serving::Engine& the_engine, platform::KeyService& the_keys,
           platform::UsageService& the_usage, platform::FileService& the_files);
  ~Services();

  ServerOptions options;
  serving::Engine& engine;
  platform::KeyService& keys;
  platform::UsageService& usage;
  platform::FileService& files;
  HttpMetrics metrics;
  serving::ChatPrompter prompter;
  std::unique_ptr<Router> router;
  std::atomic<bool> ready{true};
  std::atomic<bool> draining{false};
  std::atomic<std::int64_t> active_requests{0};
  std::atomic<std::int64_t> body_bytes{0};  ///< of all requests now held
  WorkerPool workers;                       ///< parsing, tokenising, SQL
  WorkerPool loaders;                       ///< model loads, which take seconds
  WorkerPool disk;                          ///< uploads and downloads: a slow disk holds up nothing else
};

}  // namespace marquee::http
