#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "formats/tokenizer.h"
#include "serving/engine.h"
#include "text/chat_template.h"
#include "text/language_model.h"

namespace marquee::serving {

/// What a model file gives, ready to compute. Later members borrow from earlier ones.
struct ModelParts {
  std::unique_ptr<formats::ModelFile> file;  ///< may be null if nothing borrows from it
  std::unique_ptr<formats::Tokenizer> tokenizer;
  std::optional<text::ChatTemplate> chat_template;
  std::unique_ptr<text::LanguageModel> model;
};

/// Loads a model with the threads of `pool` and tells how far it is. Called for one model at a time.
using ModelLoader = std::function<base::Result<ModelParts>(const Engine::Source& source, base::ThreadPool& pool,
                                                           const text::OnWeightsReady& on_ready)>;

/// Loads GGUF files and Hugging Face folders. @param max_context 0: the model's own
ModelLoader file_model_loader(std::int32_t max_context);

/// As Engine::create, with another way to load.
base::Result<std::unique_ptr<Engine>> create_engine(const EngineOptions& options, std::vector<Engine::Source> sources,
                                                    ModelLoader loader);

}  // namespace marquee::serving
