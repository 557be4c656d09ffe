#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "apps/answering.h"
#include "apps/options.h"

namespace marquee::apps {

/// What `run` and `chat` take about the model, the server and the way of answering.
struct AnswerFlags {
  std::string model;   ///< empty: the default one
  std::string server;  ///< empty: the engine in this process
  std::string key;     ///< empty: MARQUEE_KEY
  std::string system;
  AnswerOptions options;
  std::shared_ptr<SettingFlags> settings;

  /// Loads the model, or finds the server's. @error as Engine::acquire, or the server's
  [[nodiscard]] base::Result<std::unique_ptr<Answerer>> open() const;
};

std::shared_ptr<AnswerFlags> add_answer_flags(CLI::App& command);

/// Sets one way of answering by the name of its flag ("temperature", "max_tokens", …), for `/set` and for flags.
/// @error kInvalidArgument with the range
base::Result<void> set_answer_option(AnswerOptions& options, const std::string& name, const std::string& text);

}  // namespace marquee::apps
