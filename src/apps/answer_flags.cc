#include "apps/answer_flags.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/local_models.h"
#include "apps/server_model.h"
#include "apps/spelling.h"
#include "base/log.h"
#include "kernels/cpu.h"

namespace marquee::apps {
namespace {

using base::Result;

// Milder than the API's defaults, which are OpenAI's: what small models need to stay on the subject and not to turn in
// circles.
constexpr float kTemperature = 0.7F;
constexpr float kTopP = 0.95F;
constexpr float kRepetitionPenalty = 1.1F;
constexpr std::string_view kSettingNames[] = {"data",        "default_model", "threads",  "memory_budget",
                                              "activations", "max_context",   "log_level"};

/// One number that says how to answer.
struct Knob {
  const char* name;
  const char* help;
  double minimum;
  double maximum;
  bool whole;
  void (*set)(AnswerOptions&, double);
};

constexpr std::array kKnobs = {
    Knob{"max_tokens", "most tokens of the answer; 0: as many as fit", 0, 1 << 20, true,
         [](AnswerOptions& o, double v) { o.max_tokens = static_cast<std::int32_t>(v); }},
    Knob{"temperature", "0 always takes the likeliest token; higher is more varied", 0, 2, false,
         [](AnswerOptions& o, double v) { o.temperature = static_cast<float>(v); }},
    Knob{"top_p", "draw from the likeliest tokens that make up this much", 0.0001, 1, false,
         [](AnswerOptions& o, double v) { o.top_p = static_cast<float>(v); }},
    Knob{"top_k", "draw from this many likeliest tokens; 0: all", 0, 1 << 20, true,
         [](AnswerOptions& o, double v) { o.top_k = static_cast<std::int32_t>(v); }},
    Knob{"min_p", "leave out tokens less likely than this part of the likeliest", 0, 1, false,
         [](AnswerOptions& o, double v) { o.min_p = static_cast<float>(v); }},
    Knob{"repetition_penalty", "above 1 makes tokens that were there less likely", 0.01, 2, false,
         [](AnswerOptions& o, double v) { o.repetition_penalty = static_cast<float>(v); }},
    Knob{"seed", "the same seed gives the same answer", 0, 9007199254740991.0, true,
         [](AnswerOptions& o, double v) { o.seed = static_cast<std::uint64_t>(v); }},
};

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.16g", value);
  return text;
}

std::string range_text(const Knob& knob) { return number_text(knob.minimum) + ".." + number_text(knob.maximum); }

std::string flag_of(const Knob& knob) {
  std::string flag = std::string("--") + knob.name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

Result<std::unique_ptr<Answerer>> open_server(const AnswerFlags& flags) {
  MARQUEE_ASSIGN(const LoadedSettings loaded, flags.settings->load());
  MARQUEE_ASSIGN(auto found, find_server_model(flags.server, flags.key, flags.model, loaded.values.default_model));
  return std::unique_ptr<Answerer>(std::make_unique<ServerAnswerer>(std::move(found.address), std::move(found.model)));
}

}  // namespace

Result<std::unique_ptr<Answerer>> AnswerFlags::open() const {
  if (!server.empty()) return open_server(*this);
  MARQUEE_ASSIGN(const LoadedSettings loaded, settings->load());
  // Logs among the lines of a conversation only disturb it.
  const bool quiet = loaded.origins.find("log_level")->second == "default";
  if (quiet) MARQUEE_CHECK(base::configure_logging("warning", false));
  MARQUEE_CHECK(kernels::chosen_isa());
  MARQUEE_ASSIGN(auto sources, installed_text_models(loaded.values.data));
  MARQUEE_ASSIGN(const std::string id, choose_model(model, loaded.values, sources));
  // From here on what goes wrong is returned, and said once.
  if (quiet) MARQUEE_CHECK(base::configure_logging("off", false));
  MARQUEE_ASSIGN(auto engine, serving::Engine::create(engine_options(loaded.values), std::move(sources)));
  MARQUEE_ASSIGN(auto loaded_model, load_with_progress(*engine, id));
  return std::unique_ptr<Answerer>(std::make_unique<EngineAnswerer>(std::move(engine), std::move(loaded_model)));
}

Result<void> set_answer_option(AnswerOptions& options, const std::string& name, const std::string& text) {
  std::vector<std::string_view> names;
  for (const Knob& knob : kKnobs) {
    names.emplace_back(knob.name);
    if (name != knob.name) continue;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool number = !text.empty() && *end == '\0' && std::isfinite(value);
    if (number && value >= knob.minimum && value <= knob.maximum && (!knob.whole || value == std::floor(value))) {
      knob.set(options, value);
      return {};
    }
    return base::invalid_argument(name + " must be a " + (knob.whole ? "whole " : "") + "number in " + range_text(knob),
                                  name);
  }
  const auto nearest = nearest_name(name, names);
  std::string all;
  for (const std::string_view known : names) all += (all.empty() ? "" : ", ") + std::string(known);
  return base::invalid_argument(
      "there is no '" + name + "'" + (nearest ? "; did you mean '" + *nearest + "'?" : "; there are " + all), name);
}

std::shared_ptr<AnswerFlags> add_answer_flags(CLI::App& command) {
  auto flags = std::make_shared<AnswerFlags>();
  flags->options.temperature = kTemperature;
  flags->options.top_p = kTopP;
  flags->options.repetition_penalty = kRepetitionPenalty;
  command.add_option("-m,--model", flags->model, "an installed model, or the path of a .gguf file or model folder")
      ->take_last();
  command
      .add_option("--server", flags->server, "ask this server, e.g. http://127.0.0.1:8080, instead of loading a model")
      ->take_last();
  command.add_option("--key", flags->key, "the server's API key (better in MARQUEE_KEY, which nobody else sees)")
      ->take_last();
  command.add_option("-s,--system", flags->system, "what the model is told about its role")->take_last();
  command.add_option("--stop", flags->options.stop, "end the answer before this text (up to 4 times)")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  for (const Knob& knob : kKnobs) {
    std::string help = knob.help;
    if (knob.name == std::string_view("temperature")) help += " [" + number_text(0.7) + "]";
    if (knob.name == std::string_view("top_p")) help += " [" + number_text(0.95) + "]";
    if (knob.name == std::string_view("repetition_penalty")) help += " [" + number_text(1.1) + "]";
    command
        .add_option_function<std::string>(
            flag_of(knob),
            [flags, name = std::string(knob.name)](const std::string& text) {
              if (auto set = set_answer_option(flags->options, name, text); !set) {
                throw CLI::ValidationError(set.error().message);
              }
            },
            help)
        ->type_name(range_text(knob))
        ->take_last()
        ->group("Answers");
  }
  flags->settings = add_setting_flags(command, kSettingNames);
  return flags;
}

}  // namespace marquee::apps
