#include "apps/rm_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/local_models.h"
#include "apps/options.h"
#include "apps/spelling.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "serving/model_store.h"
#include "tensor/packed_cache.h"

namespace marquee::apps {
namespace {

struct RmFlags {
  std::vector<std::string> names;
  bool json = false;
};

/// An error about an unknown name also says which one was perhaps meant.
base::Error with_nearest(base::Error error, const std::string& name, const serving::ModelStore& store) {
  const auto listing = store.list();
  if (error.code != base::ErrorCode::kNotFound || !listing) return error;
  std::vector<std::string_view> names;
  for (const auto& model : listing->models) names.emplace_back(model.name);
  if (const auto nearest = nearest_name(name, names)) error.message += "; did you mean '" + *nearest + "'?";
  return error;
}

ExitCode run_rm(const SettingFlags& settings, const RmFlags& flags) {
  const auto loaded = settings.load();
  if (!loaded) return fail(loaded.error());
  auto store = serving::ModelStore::open(loaded->values.data);
  if (!store) return fail(store.error());
  for (const auto& name : flags.names) {
    const auto model = store->find(name);
    const std::uint64_t bytes = model ? model->bytes() : 0;
    const std::string content = model ? model->content_key() : "";
    if (const auto removed = store->remove(name); !removed) return fail(with_nearest(removed.error(), name, *store));
    if (!content.empty()) tensor::remove_packed_cache(packed_cache_folder(loaded->values.data), content);
    if (flags.json) {
      const base::json::object object = {{"removed", name}, {"bytes", bytes}};
      std::printf("%s\n", base::json::serialize(object).c_str());
    } else {
      std::printf("%s is removed (%s)\n", name.c_str(), human_bytes(bytes).c_str());
    }
  }
  return ExitCode::kOk;
}

}  // namespace

void add_rm_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("rm", "Remove installed models");
  auto flags = std::make_shared<RmFlags>();
  command->add_option("names", flags->names, "as `marquee list` shows them")->required();
  command->add_flag("--json", flags->json, "one JSON object a line");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command, "marquee rm smollm2-135m-instruct");
  command->callback([&action, flags, settings] { action = [flags, settings] { return run_rm(*settings, *flags); }; });
}

}  // namespace marquee::apps
