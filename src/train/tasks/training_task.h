#pragma once
// What can be trained here by name: each kind reads a user's data, trains, and leaves a folder that is served.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "train/trainer.h"

namespace marquee::train {

/// A file of examples. Its ending says what it is: .csv, .tsv, .jsonl, .parquet, or .txt of lines.
struct DataFile {
  std::filesystem::path path;
  std::string name = {};  ///< in errors and model cards; empty: the path's last part
};

/// What a training is asked to do.
struct TaskRequest {
  std::string kind;  ///< of training_kinds()
  DataFile training;
  std::optional<DataFile> validation = {};
  base::json::object parameters = {};     ///< by the kind's names; what is missing has its default
  std::filesystem::path base_model = {};  ///< the folder of a model to begin with; empty: none
  std::string base_model_name = {};       ///< for the card
  std::string model_name;                 ///< of the result, for its card
  std::string licence = {};               ///< of the result, SPDX; "" if nobody said
  std::uint64_t seed = 0;
};

/// What the data turned out to be.
struct DataSummary {
  std::int64_t training_examples = 0;
  std::int64_t validation_examples = 0;
  std::vector<std::string> notes = {};  ///< sentences for a person: classes and how many of each, what was held out
};

/// All but `cancel` are called on the training's thread or its pool's, one at a time.
struct TaskHooks {
  /// What is being done that has no curve: "reading", "counting words", … done of total; total 0 if unknown.
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> stage = {};
  std::function<void(const Report& report)> report = {};
  std::function<void(const std::string& sentence)> warn = {};
  /// A checkpoint is on disk. @param metrics of the last validation; may be empty
  std::function<void(std::int64_t step, const Metrics& metrics)> checkpoint = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct TaskFolders {
  std::filesystem::path work;    ///< for checkpoints and scratch: a training that finds its own there goes on from them
  std::filesystem::path result;  ///< exists and is empty: the served model's files go here, and model_card.json
};

struct TaskOutcome {
  TrainingEnd end = TrainingEnd::kFinished;
  std::string model_task = {};  ///< what the result does: "classification", "word-vectors", "translation", "embedding"
  std::string model_family = {};    ///< what loads it: "bag-classifier", "word-vectors", "seq2seq", or config.json's
  std::string model_format = {};    ///< "marquee", or "huggingface" for a folder of config.json and safetensors
  Metrics metrics = {};             ///< of the result on what was held out; "loss" at least, if anything was held out
  std::int64_t trained_tokens = 0;  ///< words or sub-words gone through, all epochs
};

/// One training, its settings and data checked already.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;
  [[nodiscard]] virtual const DataSummary& data() const = 0;
  /// Trains and writes the result. A cancelled training writes a checkpoint and no result.
  /// @error kInvalidArgument for settings that do not learn; kIo; kResourceExhausted
  virtual base::Result<TaskOutcome> run(const TaskFolders& folders, base::ThreadPool& team, const TaskHooks& hooks) = 0;
};

/// How well a model does on a file.
struct Evaluation {
  std::int64_t examples = 0;
  Metrics metrics;
  std::string report;  ///< a table for a person: by class, say; lines end with \n
};

/// A setting of a kind, for help texts and the API's documentation.
struct ParameterDoc {
  std::string_view name;
  std::string_view type;           ///< "integer", "number", "boolean", "text"
  std::string_view default_value;  ///< as JSON
  std::string_view help;           ///< with its range
};

struct TrainingKind {
  std::string_view name;     ///< "text_classifier"
  std::string_view summary;  ///< one line
  std::string_view columns;  ///< what the data must have, one or two lines
  std::span<const ParameterDoc> parameters;
  /// Reads settings and all of the data. Nothing is trained yet.
  /// @error kInvalidArgument or kCorrupt with file, row and column, or the `field` of a setting; kTooLarge
  base::Result<std::unique_ptr<TrainingTask>> (*prepare)(const TaskRequest& request, const TaskHooks& hooks);
  /// Of a model that this kind has made. Null if there is nothing to measure.
  /// @error as prepare(), and of the model's files
  base::Result<Evaluation> (*evaluate)(const std::filesystem::path& model, const DataFile& data,
                                       const base::json::object& parameters, base::ThreadPool& team,
                                       const TaskHooks& hooks);
};

std::span<const TrainingKind> training_kinds();
/// Null if there is none of that name.
const TrainingKind* find_training_kind(std::string_view name);
/// @error kInvalidArgument, field "method.type", naming those there are; as TrainingKind::prepare
base::Result<std::unique_ptr<TrainingTask>> prepare_training(const TaskRequest& request, const TaskHooks& hooks);

}  // namespace marquee::train
