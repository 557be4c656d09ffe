#include "apps/pull_command.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/model_text.h"
#include "apps/options.h"
#include "apps/spelling.h"
#include "apps/terminal.h"
#include "serving/pull.h"

namespace marquee::apps {
namespace {

using base::Result;

struct PullFlags {
  serving::PullRequest request;
  std::string catalog;
  bool if_missing = false;
  bool json = false;
};

std::atomic<bool> cancelled{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

/// The first Ctrl-C ends the pull in good order, a second one the program.
void cancel_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { cancelled.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit then is an error of write(), as a full disk is
}

/// A bar on a terminal; elsewhere one line as each step begins.
class PullDisplay {
 public:
  explicit PullDisplay(const std::string& name) : bar_(name), terminal_(is_terminal(stderr)) {}

  void show(const serving::PullProgress& progress) {
    const std::string step = std::string(to_string(progress.stage)) + " " + without_controls(progress.file);
    if (terminal_) {
      bar_.show(step, progress.done_bytes, progress.total_bytes);
    } else if (step != last_step_) {
      const std::string size = progress.total_bytes > 0 ? " (" + human_bytes(progress.total_bytes) + ")" : "";
      std::fprintf(stderr, "%s%s\n", step.c_str(), size.c_str());
      last_step_ = step;
    }
  }
  void clear() { bar_.clear(); }

 private:
  ProgressBar bar_;
  bool terminal_;
  std::string last_step_;
};

/// The name that a wrong one was perhaps meant to be, before anything is made or asked.
Result<std::string> name_of(const serving::Catalog& catalog, const serving::PullRequest& request) {
  auto name = serving::pulled_name(catalog, request);
  if (name || name.error().code != base::ErrorCode::kNotFound) return name;
  std::vector<std::string_view> known;
  for (const auto& entry : catalog.entries()) known.emplace_back(entry.name);
  const auto nearest = nearest_name(request.source, known);
  if (!nearest) return name;
  return base::not_found("there is no model '" + request.source + "' in the catalog; did you mean '" + *nearest + "'?");
}

Result<serving::InstalledModel> pull_model(const std::filesystem::path& data, const PullFlags& flags, bool& was_there) {
  MARQUEE_ASSIGN(const auto catalog, load_catalog(data, flags.catalog));
  MARQUEE_ASSIGN(const auto name, name_of(catalog, flags.request));
  MARQUEE_ASSIGN(auto store, serving::ModelStore::open(data));
  if (flags.if_missing) {
    if (auto model = store.find(name)) {
      was_there = true;
      return model;
    }
  }
  auto options = serving::pull_options_from_environment();
  options.cancelled = &cancelled;
  PullDisplay display(name);
  options.on_progress = [&](const serving::PullProgress& progress) { display.show(progress); };
  cancel_on_interrupt();
  auto model = serving::pull(store, catalog, flags.request, options);
  display.clear();
  return model;
}

ExitCode run_pull(const SettingFlags& settings, const PullFlags& flags) {
  const auto loaded = settings.load();
  if (!loaded) return fail(loaded.error());
  bool was_there = false;
  const auto model = pull_model(loaded->values.data, flags, was_there);
  if (!model) return fail(model.error());
  if (flags.json) {
    auto object = to_json(*model);
    object["was_there"] = was_there;
    std::printf("%s\n", base::json::serialize(object).c_str());
    return ExitCode::kOk;
  }
  std::printf("%s %s (%s, %s)\n", model->name.c_str(), was_there ? "is installed already" : "is installed",
              human_bytes(model->bytes()).c_str(), model->licence.empty() ? "licence unknown" : model->licence.c_str());
  if (!was_there && !model->hash_known) {
    std::fprintf(stderr, "its SHA-256 was not known before and is now recorded: %s\n",
                 model->files.front().sha256.c_str());
  }
  return ExitCode::kOk;
}

}  // namespace

void add_pull_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("pull", "Install a model, verified; goes on with an interrupted download");
  auto flags = std::make_shared<PullFlags>();
  command
      ->add_option("source", flags->request.source,
                   "a name of `marquee list --available`, hf:owner/repository[@revision][/file.gguf],\n"
                   "an https address of a .gguf file, or the path of a .gguf file or a Hugging Face folder")
      ->required();
  command->add_option("--name", flags->request.name, "install it under this name");
  command->add_option("--sha256", flags->request.sha256, "what the file must have, 64 hexadecimal digits");
  command->add_option("--catalog", flags->catalog,
                      "a folder of catalog files besides the built-in ones and DATA/catalog");
  command->add_flag("--if-missing", flags->if_missing, "do nothing if a model of that name is installed");
  command->add_flag("--json", flags->json, "print what was installed as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command,
               "marquee pull smollm2-135m-instruct\n"
               "marquee pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_k_m.gguf\n"
               "marquee pull ./story-teller.gguf --name story-teller\n"
               "marquee pull https://models.example.net/m.gguf --sha256 DIGITS");
  command->callback([&action, flags, settings] { action = [flags, settings] { return run_pull(*settings, *flags); }; });
}

}  // namespace marquee::apps
