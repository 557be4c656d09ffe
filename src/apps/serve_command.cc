#include "apps/serve_command.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apps/data_folder.h"
#include "apps/listen.h"
#include "apps/local_models.h"
#include "apps/options.h"
#include "apps/signals.h"
#include "apps/terminal.h"
#include "base/log.h"
#include "http/server.h"
#include "kernels/cpu.h"
#include "platform/files.h"
#include "serving/engine.h"

namespace marquee::apps {
namespace {

using base::Result;

/// How long a second signal waits for the server to end in order before the process just goes.
constexpr auto kForcedExitAfter = std::chrono::seconds(2);

http::ServerOptions server_options(const Settings& settings) {
  http::ServerOptions options;
  options.address = settings.host;
  options.port = static_cast<std::uint16_t>(settings.port);
  options.tls = {settings.tls_certificate, settings.tls_key};
  options.allowed_hosts = settings.allowed_hosts;
  options.io_threads = static_cast<unsigned>(settings.io_threads);
  options.worker_threads = static_cast<unsigned>(settings.worker_threads);
  options.drain_timeout = std::chrono::seconds(settings.drain_timeout);
  options.limits.max_header_bytes = static_cast<std::size_t>(settings.max_header);
  options.limits.max_body_bytes = static_cast<std::size_t>(settings.max_body);
  options.limits.max_bodies_bytes = static_cast<std::size_t>(settings.max_bodies);
  options.limits.max_connections = static_cast<std::int32_t>(settings.max_connections);
  options.limits.max_upload_bytes = static_cast<std::uint64_t>(settings.max_upload);
  options.limits.upload_timeout = std::chrono::seconds(settings.upload_timeout);
  options.limits.header_timeout = std::chrono::seconds(settings.header_timeout);
  options.limits.body_timeout = std::chrono::seconds(settings.body_timeout);
  options.limits.idle_timeout = std::chrono::seconds(settings.idle_timeout);
  options.limits.write_timeout = std::chrono::seconds(settings.write_timeout);
  return options;
}

/// The models to load before the server says it is ready.
Result<std::vector<std::string>> models_to_load(const Settings& settings,
                                                std::vector<serving::Engine::Source>& sources) {
  if (settings.models.empty()) {
    const auto chosen = choose_model("", settings, sources);
    return chosen ? std::vector<std::string>{*chosen} : std::vector<std::string>();
  }
  std::vector<std::string> ids;
  for (const std::string& name : settings.models) {
    MARQUEE_ASSIGN(std::string id, choose_model(name, settings, sources));
    ids.push_back(std::move(id));
  }
  return ids;
}

Result<DataFolder> open_folder(const std::string& data) {
  MARQUEE_ASSIGN(auto folder, DataFolder::try_open(data));
  if (folder) return std::move(*folder);
  const auto holder = store::lock_holder(data);
  return base::Error{base::ErrorCode::kFailedPrecondition, data + " is in use by process " +
                                                               (holder ? std::to_string(*holder) : "?") +
                                                               "; stop it, or give another folder with --data"};
}

/// A server and all that it stands on. Members are destroyed in reverse.
struct Running {
  DataFolder folder;
  std::unique_ptr<platform::FileService> files;
  std::optional<platform::CreatedKey> first_key;
  std::unique_ptr<serving::Engine> engine;
  std::unique_ptr<http::Server> server;
  std::vector<std::string> models;  ///< to load at start
  std::size_t installed_models = 0;
};

Result<Running> start(const Settings& settings, std::string& key_pin) {
  MARQUEE_CHECK(check_listen_settings(settings));
  MARQUEE_CHECK(kernels::chosen_isa());
  if (!settings.tls_certificate.empty()) {
    MARQUEE_ASSIGN(const Certificate certificate, check_tls_files(settings.tls_certificate, settings.tls_key));
    key_pin = certificate.pin;
  }
  MARQUEE_CHECK(check_port_free(settings.host, settings.port));  // before the first key is made, which is shown once
  Running running;
  MARQUEE_ASSIGN(running.folder, open_folder(settings.data));
  const platform::FileLimits file_limits{.max_tenant_bytes = static_cast<std::uint64_t>(settings.tenant_files),
                                         .max_tenant_files = settings.tenant_file_count};
  MARQUEE_ASSIGN(running.files,
                 platform::FileService::open(*running.folder.database, running.folder.path / "files", file_limits));
  MARQUEE_ASSIGN(auto sources, installed_served_models(settings.data));
  MARQUEE_ASSIGN(running.models, models_to_load(settings, sources));
  running.installed_models = sources.size();
  MARQUEE_ASSIGN(running.engine, serving::Engine::create(engine_options(settings), std::move(sources)));
  MARQUEE_ASSIGN(running.server, http::Server::create(server_options(settings), *running.engine, *running.folder.keys,
                                                      *running.folder.usage, *running.files));
  MARQUEE_ASSIGN(running.first_key, running.folder.keys->ensure_first_key());
  return running;
}

void print_banner(const Running& running, const std::string& url, const std::string& data) {
  const Paint paint(stdout);
  std::printf("%s serves on %s\n", paint.bold("Marquee").c_str(), paint.cyan(url).c_str());
  std::printf("  docs    %s/docs\n", url.c_str());
  std::printf("  data    %s\n", data.c_str());
  if (running.first_key) {
    std::printf("  key     %s\n", paint.bold(running.first_key->secret).c_str());
    std::printf("          the first admin key, shown only now and kept in %s/admin.key\n", data.c_str());
  }
  if (running.installed_models == 0)
    std::printf("  models  none are installed; try: marquee pull smollm2-135m-instruct\n");
  std::printf("  stop    Ctrl-C; once more to leave at once\n");
  std::fflush(stdout);
}

/// Loads what is to be there from the start, then tells the server that it is ready.
void load_models(Running& running, const std::atomic<bool>& leaving) {
  for (const std::string& id : running.models) {
    if (leaving) return;
    spdlog::info("loading model '{}'", id);
    (void)running.engine->acquire(
        id);  // logs how it went; a model that cannot be loaded does not keep others from serving
  }
  running.server->set_ready(true);
}

ExitCode run_server(Running running, const Settings& settings, const std::string& key_pin) {
  const bool tls = !settings.tls_certificate.empty();
  const std::string url = local_url(settings.host, running.server->port(), tls);
  if (auto written = write_server_note(settings.data, {url, ::getpid(), key_pin}); !written)
    return fail(written.error());
  print_banner(running, url, settings.data);

  std::atomic<bool> leaving{false};
  std::atomic<bool> ended{false};
  std::atomic<bool> forced{false};
  std::mutex server_mutex;  // signals come until the end, when there is no server any more
  std::optional<SignalWaiter> signals;
  signals.emplace([&](int count) {
    leaving = true;
    {
      const std::lock_guard lock(server_mutex);
      if (count == 1) {
        if (running.server == nullptr) return;
        spdlog::info("leaving: {} requests may finish within {} s", running.server->active_requests(),
                     settings.drain_timeout);
        running.server->begin_drain();
        return;
      }
      spdlog::warn("leaving at once");
      forced = true;
      if (running.server != nullptr) running.server->stop();
    }
    const auto deadline = std::chrono::steady_clock::now() + kForcedExitAfter;
    while (!ended && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    // What was answered is on disk already, so nothing that matters is lost with the process.
    if (!ended) ::_exit(static_cast<int>(ExitCode::kInterrupted));
  });
  running.server->set_ready(running.models.empty());
  std::thread loader([&] { load_models(running, leaving); });
  running.server->run();
  loader.join();
  remove_server_note(settings.data);
  std::unique_lock lock(server_mutex);
  auto server = std::exchange(running.server, nullptr);
  lock.unlock();
  server.reset();
  running.engine.reset();
  ended = true;
  signals.reset();
  return forced ? ExitCode::kInterrupted : ExitCode::kOk;
}

struct ServeFlags {
  bool print_config = false;
  bool json = false;
};

ExitCode serve(const SettingFlags& setting_flags, const ServeFlags& flags) {
  const auto loaded = setting_flags.load();
  if (!loaded) return fail(loaded.error());
  if (flags.print_config) {
    std::fputs(describe_settings(*loaded, flags.json).c_str(), stdout);
    return ExitCode::kOk;
  }
  block_leaving_signals();
  std::string key_pin;
  auto running = start(loaded->values, key_pin);
  if (!running) return fail(running.error());
  return run_server(std::move(*running), loaded->values, key_pin);
}

}  // namespace

void add_serve_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("serve", "Serve the installed models over HTTP");
  auto flags = std::make_shared<ServeFlags>();
  command->add_flag("--print-config", flags->print_config, "print each setting and where it came from, then leave");
  command->add_flag("--json", flags->json, "with --print-config: as JSON");
  auto settings = add_setting_flags(*command);
  add_examples(*command,
               "marquee serve                                        http://127.0.0.1:8080, for this machine\n"
               "marquee serve --port 9000 --data /srv/marquee\n"
               "marquee serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem\n"
               "MARQUEE_MAX_CONTEXT=4096 marquee serve --print-config\n"
               "Settings: flags over environment (MARQUEE_PORT, …) over marquee.toml (port = 9000) over defaults");
  command->callback([&action, flags, settings] { action = [flags, settings] { return serve(*settings, *flags); }; });
}

}  // namespace marquee::apps
