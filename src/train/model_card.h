#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "train/trainer.h"

namespace marquee::train {

/// What a trained model is made of, for whoever meets it later.
struct ModelCard {
  struct Data {
    std::string use;     ///< "training", "validation"
    std::string name;    ///< of the file, say
    std::string sha256;  ///< Dataset::hash(), or the file's
    std::int64_t examples = 0;
  };
  std::string name;
  std::string task;     ///< "text_classifier", "seq2seq", …
  std::string network;  ///< Learner::description()
  std::string licence;  ///< of the result, as an SPDX expression; "" says that nobody said
  std::int64_t parameters = 0;
  std::int64_t created_unix_s = 0;
  std::vector<Data> data;
  TrainingSettings settings;
  TrainingOutcome outcome;
};

/// Numbers that are none are null.
base::json::object to_json(const ModelCard& card);
/// As indented JSON, whole and on the disk or not at all. @error kIo
base::Result<void> write_model_card(const std::filesystem::path& path, const ModelCard& card);

}  // namespace marquee::train
