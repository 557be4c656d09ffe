#include "apps/list_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/local_models.h"
#include "apps/model_text.h"
#include "apps/options.h"
#include "apps/terminal.h"

namespace marquee::apps {
namespace {

struct ListFlags {
  bool available = false;
  bool verify = false;
  bool json = false;
};

ExitCode list_available(const std::filesystem::path& data, bool json) {
  const auto catalog = load_catalog(data, "");
  if (!catalog) return fail(catalog.error());
  if (json) {
    base::json::array models;
    for (const auto& entry : catalog->entries()) models.push_back(to_json(entry));
    std::printf("%s\n", base::json::serialize(base::json::object{{"models", std::move(models)}}).c_str());
    return ExitCode::kOk;
  }
  std::vector<std::vector<std::string>> rows = {{"NAME", "TASK", "LICENCE", "WHAT"}};
  for (const auto& entry : catalog->entries()) {
    rows.push_back({entry.name, entry.task, without_controls(entry.licence), without_controls(entry.description)});
  }
  std::fputs(table(rows).c_str(), stdout);
  return ExitCode::kOk;
}

void print_models(const std::vector<serving::InstalledModel>& models) {
  if (models.empty()) {
    std::fprintf(stderr, "no model is installed; `marquee list --available` shows what can be pulled\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"NAME", "TASK", "FAMILY", "SIZE", "INSTALLED", "SOURCE"}};
  for (const auto& model : models) {
    rows.push_back({model.name, without_controls(model.task), without_controls(model.family),
                    human_bytes(model.bytes()), human_time(model.installed_unix_s), without_controls(model.source)});
  }
  std::fputs(table(rows).c_str(), stdout);
}

/// A folder that is not there is an empty list, and stays away.
base::Result<serving::ModelStore::Listing> list_of(const std::filesystem::path& data, bool verify) {
  MARQUEE_ASSIGN(const bool any, has_models(data));
  if (!any) return serving::ModelStore::Listing();
  MARQUEE_ASSIGN(const auto store, serving::ModelStore::open(data));
  MARQUEE_ASSIGN(auto listing, store.list());
  for (const auto& model : listing.models) {
    ProgressBar bar(model.name);
    if (verify) bar.show("verifying", 0, 0);
    const auto verified = verify ? store.verify(model) : base::Result<void>();
    if (!verified) listing.broken.push_back(verified.error().message);
  }
  return listing;
}

ExitCode list_installed(const std::filesystem::path& data, const ListFlags& flags) {
  auto listing = list_of(data, flags.verify);
  if (!listing) return fail(listing.error());
  if (flags.json) {
    base::json::array models;
    base::json::array broken;
    for (const auto& model : listing->models) models.push_back(to_json(model));
    for (const auto& problem : listing->broken) broken.emplace_back(problem);
    const base::json::object object = {{"models", std::move(models)}, {"broken", std::move(broken)}};
    std::printf("%s\n", base::json::serialize(object).c_str());
  } else {
    print_models(listing->models);
  }
  for (const auto& problem : listing->broken) {
    std::fprintf(stderr, "%s %s\n", Paint(stderr).yellow("broken:").c_str(), without_controls(problem).c_str());
  }
  return listing->broken.empty() ? ExitCode::kOk : ExitCode::kFailure;
}

ExitCode run_list(const SettingFlags& settings, const ListFlags& flags) {
  const auto loaded = settings.load();
  if (!loaded) return fail(loaded.error());
  if (flags.available) return list_available(loaded->values.data, flags.json);
  return list_installed(loaded->values.data, flags);
}

}  // namespace

void add_list_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("list", "Show the models that are installed, or those that can be");
  auto flags = std::make_shared<ListFlags>();
  command->add_flag("--available", flags->available, "what `marquee pull` knows by name");
  command->add_flag("--verify", flags->verify, "read every file again and compare its SHA-256");
  command->add_flag("--json", flags->json, "as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command,
               "marquee list\n"
               "marquee list --available\n"
               "marquee list --verify --json");
  command->callback([&action, flags, settings] { action = [flags, settings] { return run_list(*settings, *flags); }; });
}

}  // namespace marquee::apps
