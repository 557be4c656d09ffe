#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "serving/model_store.h"

namespace marquee::serving {

/// A model that was trained here, as its training left it.
struct TrainedModel {
  std::filesystem::path folder;  ///< all of its plain files become the model's
  std::string name;              ///< as is_model_name
  std::string task;              ///< see CatalogEntry, or "word-vectors"
  std::string family;            ///< "bag-classifier", "word-vectors", "seq2seq", or config.json's model_type
  std::string format;            ///< "marquee" or "huggingface"
  std::string licence = {};
  std::string source;       ///< where it came from, for a person: "trained by ftjob-1234"
  std::string tenant = {};  ///< who alone sees it; empty: everyone
};

/// Moves the result of a training into the store, hashed, in one rename. The folder is empty afterwards.
/// @error kInvalidArgument for a bad name, format or task; kAlreadyExists if a model of that name is installed that was
///        not trained here for the same tenant; kIo: the store is as it was
base::Result<InstalledModel> install_trained(ModelStore& store, const TrainedModel& trained);

}  // namespace marquee::serving
