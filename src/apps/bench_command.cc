#include "apps/bench_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/bench_machine.h"
#include "apps/bench_report.h"
#include "apps/bench_target.h"
#include "apps/local_models.h"
#include "apps/options.h"
#include "apps/signals.h"
#include "apps/terminal.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "kernels/cpu.h"

namespace marquee::apps {
namespace {

using base::Result;

constexpr std::string_view kBenchSettings[] = {"data",    "default_model", "threads",     "memory_budget", "kv_memory",
                                               "kv_type", "activations",   "max_context", "prefill_chunk", "log_level"};

constexpr std::uint64_t kMaxSeed = 9'007'199'254'740'991;  ///< what JSON numbers hold exactly

struct BenchFlags {
  std::string model, server, key;
  std::string prompts;  ///< empty: "tokens"
  bool json = false;
  bool allow_eos = false;
  BenchPlan plan;
  std::shared_ptr<SettingFlags> settings;
};

/// One line on a terminal that says how far it is; nothing elsewhere.
class Progress {
 public:
  explicit Progress(std::size_t runs) : runs_(runs), on_(is_terminal(stderr)) {}
  ~Progress() {
    if (on_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void next(const BenchCase& one) {
    ++run_;
    if (!on_) return;
    std::fprintf(stderr, "\rrun %zu of %zu: %d stream%s of %d + %d tokens\x1b[K", run_, runs_, one.streams,
                 one.streams == 1 ? "" : "s", one.prompt_tokens, one.output_tokens);
    std::fflush(stderr);
  }

 private:
  const std::size_t runs_;
  const bool on_;
  std::size_t run_ = 0;
};

Result<CaseFigures> run_case(BenchTarget& target, const BenchPlan& plan, const BenchCase& one, std::uint64_t& variant,
                             Progress& progress) {
  std::vector<std::vector<RequestTimes>> runs;
  for (std::int32_t i = 0; i < plan.warmup + plan.runs; ++i) {
    progress.next(one);
    MARQUEE_ASSIGN(auto run, target.run(one, variant++, InterruptFlag::raised()));
    if (i >= plan.warmup) runs.push_back(std::move(run));
  }
  return summarise(one, runs);
}

/// Measures every case into report.cases.
/// @param target_for the target of a case; note_figures adds to a case's figures what only the target's owner knows
template <typename TargetFor, typename NoteFigures>
Result<void> run_cases(const std::vector<BenchCase>& cases, BenchReport& report, TargetFor target_for,
                       NoteFigures note_figures) {
  std::uint64_t variant = 0;
  Progress progress(cases.size() * static_cast<std::size_t>(report.plan.warmup + report.plan.runs));
  for (const BenchCase& one : cases) {
    MARQUEE_ASSIGN(BenchTarget* const target, target_for(one));
    MARQUEE_ASSIGN(CaseFigures figures, run_case(*target, report.plan, one, variant, progress));
    note_figures(figures);
    report.cases.push_back(std::move(figures));
  }
  return {};
}

/// The engine in this process with one number of threads at a time.
class EngineBench {
 public:
  EngineBench(Settings settings, std::vector<serving::Engine::Source> sources, std::string id)
      : settings_(std::move(settings)), sources_(std::move(sources)), id_(std::move(id)) {}

  Result<void> load(unsigned threads, std::int32_t most_streams) {
    if (model_ && threads == threads_) return {};
    target_.reset();
    model_.reset();
    engine_.reset();
    serving::EngineOptions options = engine_options(settings_);
    options.threads = threads;
    options.max_running_sequences = std::max(options.max_running_sequences, most_streams);
    options.max_queued_requests = std::max(options.max_queued_requests, most_streams);
    options.speculation = false;  // the prompts are noise: what follows them is nobody's guess
    const auto start = std::chrono::steady_clock::now();
    MARQUEE_ASSIGN(engine_, serving::Engine::create(options, sources_));
    MARQUEE_ASSIGN(model_, load_with_progress(*engine_, id_));
    load_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    threads_ = threads;
    return {};
  }

  Result<BenchReport> run(BenchPlan plan) {
    const unsigned cpus = base::available_cpus();
    const unsigned threads = settings_.threads > 0 ? static_cast<unsigned>(settings_.threads) : cpus;
    MachineLimits limits;
    MARQUEE_CHECK(limits.measure(threads));
    MARQUEE_CHECK(load(threads, plan.most_streams()));
    MARQUEE_ASSIGN(const auto cases, make_cases(plan, {false, threads, cpus, model_->context_length()}));
    BenchReport report;
    report.model = id_;
    report.load_s = load_s_;
    report.kv_bytes_per_token = model_->facts().kv.page_bytes() / tensor::kKvPageTokens;
    for (const serving::ModelStatus& model : engine_->models()) {
      if (model.id == id_) report.model_bytes = model.file_bytes;
    }
    report.plan = std::move(plan);
    const auto target_for = [&](const BenchCase& one) -> Result<BenchTarget*> {
      MARQUEE_CHECK(load(one.threads, report.plan.most_streams()));
      if (!target_) target_ = engine_target(model_, report.plan);
      return target_.get();
    };
    MARQUEE_CHECK(
        run_cases(cases, report, target_for, [](CaseFigures& figures) { figures.resident_bytes = resident_bytes(); }));
    MARQUEE_CHECK(limits.measure(threads));
    report.machine = limits.describe();
    return report;
  }

 private:
  const Settings settings_;
  const std::vector<serving::Engine::Source> sources_;
  const std::string id_;
  unsigned threads_ = 0;
  double load_s_ = 0;
  std::unique_ptr<serving::Engine> engine_;
  std::shared_ptr<serving::LoadedModel> model_;
  std::unique_ptr<BenchTarget> target_;
};

Result<BenchReport> measure_engine(const BenchFlags& flags) {
  if (!flags.prompts.empty() || !flags.key.empty()) {
    return base::invalid_argument("--prompts and --key are about a server; give --server too");
  }
  MARQUEE_ASSIGN(const LoadedSettings loaded, flags.settings->load());
  // Logs among the figures only disturb them; what goes wrong is returned.
  if (loaded.origins.find("log_level")->second == "default") MARQUEE_CHECK(base::configure_logging("off", false));
  MARQUEE_CHECK(kernels::chosen_isa());
  MARQUEE_ASSIGN(auto sources, installed_text_models(loaded.values.data));
  MARQUEE_ASSIGN(std::string id, choose_model(flags.model, loaded.values, sources));
  return EngineBench(loaded.values, std::move(sources), std::move(id)).run(flags.plan);
}

Result<BenchReport> measure_server(const BenchFlags& flags) {
  MARQUEE_ASSIGN(const LoadedSettings loaded, flags.settings->load());
  BenchReport report;
  report.plan = flags.plan;
  MARQUEE_ASSIGN(const auto cases, make_cases(report.plan, {.server = true}));
  MARQUEE_ASSIGN(auto server, find_server_model(flags.server, flags.key, flags.model, loaded.values.default_model));
  report.model = server.model;
  report.server = server.address.url;
  const PromptKind kind = flags.prompts == "chat"   ? PromptKind::kChat
                          : flags.prompts == "text" ? PromptKind::kText
                                                    : PromptKind::kTokens;
  const auto target = server_target(std::move(server), kind, report.plan);
  const auto target_for = [&](const BenchCase&) -> Result<BenchTarget*> { return target.get(); };
  MARQUEE_CHECK(run_cases(cases, report, target_for, [](CaseFigures&) {}));
  return report;
}

ExitCode run(const BenchFlags& flags) {
  const InterruptFlag interrupt;  // Ctrl-C ends the requests in order
  const auto report = flags.server.empty() ? measure_engine(flags) : measure_server(flags);
  if (!report) return InterruptFlag::raised() ? ExitCode::kInterrupted : fail(report.error());
  const std::string text = flags.json ? base::json::serialize(report_json(*report)) + "\n" : report_text(*report);
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return fail(base::io_error("cannot write the figures to standard output"));
  }
  return ExitCode::kOk;
}

/// A flag that takes numbers with commas between.
void add_list(CLI::App& command, const std::string& flag, std::vector<std::int32_t>& target, std::int32_t maximum,
              const std::string& help) {
  command
      .add_option_function<std::string>(
          flag,
          [flag, maximum, &target](const std::string& text) {
            auto numbers = parse_numbers(flag, text, 1, maximum);
            if (!numbers) throw CLI::ValidationError(numbers.error().message);
            target = std::move(numbers).value();
          },
          help)
      ->type_name("N,...")
      ->take_last()
      ->group("What is measured");
}

template <typename Number>
void add_number(CLI::App& command, const std::string& flag, Number& target, Number minimum, Number maximum,
                const std::string& help) {
  const std::string range = fmt::format("{}..{}", minimum, maximum);
  command.add_option(flag, target, help)
      ->check([range, minimum, maximum](const std::string& text) {
        Number number{};  // CLI::Range would let nan pass
        const bool fits = CLI::detail::lexical_cast(text, number) && number >= minimum && number <= maximum;
        return fits ? std::string() : "must be a number in " + range + ", not '" + text + "'";
      })
      ->type_name(range)
      ->take_last()
      ->group("What is measured");
}

std::string with_default(const std::string& help, double value) { return help + " [" + figure_text(value) + "]"; }

void add_plan_flags(CLI::App& command, BenchPlan& plan) {
  command
      .add_option_function<std::string>(
          "--sweep",
          [&plan](const std::string& text) {
            auto sweeps = parse_sweeps(text);
            if (!sweeps) throw CLI::ValidationError(sweeps.error().message);
            plan.sweeps = std::move(sweeps).value();
          },
          "what is varied: context, streams, threads, or several with commas between [all; not a server's threads]")
      ->type_name("NAME,...")
      ->take_last()
      ->group("What is measured");
  add_list(command, "--contexts", plan.contexts, 1 << 20, "prompt tokens of the one stream [16,512,1024]");
  add_list(command, "--streams", plan.streams, 256, "parallel requests [1,4,16]");
  add_list(command, "--thread-counts", plan.thread_counts, 1024, "compute threads [1,2,4,... up to the CPUs]");
  add_number<std::int32_t>(
      command, "--prompt", plan.prompt_tokens, 1, 1 << 20,
      with_default("prompt tokens of each stream when streams or threads are varied", plan.prompt_tokens));
  add_number<std::int32_t>(command, "--output", plan.output_tokens, 1, 1 << 16,
                           with_default("tokens that each stream generates", plan.output_tokens));
  add_number<std::int32_t>(command, "--runs", plan.runs, 1, 1000,
                           with_default("measured runs of each case", plan.runs));
  add_number<std::int32_t>(command, "--warmup", plan.warmup, 0, 1000,
                           with_default("runs of each case before those", plan.warmup));
  add_number<std::uint64_t>(
      command, "--seed", plan.seed, 0, kMaxSeed,
      "of prompts and sampling; a server may know the prompts of a seed it has seen [another each time]");
  add_number<float>(command, "--temperature", plan.temperature, 0, 2,
                    with_default("0 always takes the likeliest token", plan.temperature));
}

}  // namespace

void add_bench_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("bench", "Measure how fast a model answers, here or on a server");
  auto flags = std::make_shared<BenchFlags>();
  std::random_device device;
  flags->plan.seed = (static_cast<std::uint64_t>(device()) << 32U | device()) & kMaxSeed;
  command->add_option("-m,--model", flags->model, "an installed model, or the path of a .gguf file or model folder")
      ->take_last();
  command
      ->add_option("--server", flags->server,
                   "measure this OpenAI-compatible server, e.g. http://127.0.0.1:8080, "
                   "instead of the engine in this process")
      ->take_last();
  command->add_option("--key", flags->key, "the server's API key (better in MARQUEE_KEY, which nobody else sees)")
      ->take_last();
  command
      ->add_option("--prompts", flags->prompts,
                   "how a server gets its prompts: as token ids (exact lengths), as text, or "
                   "as chat messages [tokens]")
      ->check(CLI::IsMember({"tokens", "text", "chat"}))
      ->take_last();
  command->add_flag("--allow-eos", flags->allow_eos,
                    "let the model end early (for servers that do not know ignore_eos)");
  command->add_flag("--json", flags->json, "every figure as JSON");
  add_plan_flags(*command, flags->plan);
  flags->settings = add_setting_flags(*command, kBenchSettings);
  add_examples(*command,
               "marquee bench                                     this machine with the default model, under a minute\n"
               "marquee bench --sweep context --contexts 16,1024,4096 --runs 5\n"
               "marquee bench --sweep streams --streams 1,8,32 --prompt 512 --output 128\n"
               "marquee bench --json > figures.json\n"
               "marquee bench --server http://127.0.0.1:8080      with the key in MARQUEE_KEY\n"
               "marquee bench --server https://api.example.com/v1 -m NAME --prompts chat --allow-eos --sweep streams\n"
               "MARQUEE_ISA=avx2 marquee bench                    with another instruction set");
  command->callback([&action, flags] {
    flags->plan.ignore_eos = !flags->allow_eos;
    action = [flags] { return run(*flags); };
  });
}

}  // namespace marquee::apps
