#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "formats/tokenizer.h"
#include "serving/engine.h"
#include "text/chat_template.h"
#include "text/encoder_model.h"
#include "text/language_model.h"

namespace marquee::serving {

/// What a model file gives, ready to compute. Later members borrow from earlier ones.
struct ModelParts {
  std::unique_ptr<formats::ModelFile> file;  ///< may be null if nothing borrows from it
  std::unique_ptr<formats::Tokenizer> tokenizer;
  std::optional<text::ChatTemplate> chat_template;
  std::unique_ptr<text::LanguageModel> model;   ///< either this
  std::unique_ptr<text::EncoderModel> encoder;  ///< or this
  std::future<void> cache_written;              ///< ends before the rest goes
};

/// Loads a model with the threads of `pool` and tells how far it is. Called for one model at a time.
using ModelLoader = std::function<base::Result<ModelParts>(const Engine::Source& source, base::ThreadPool& pool,
                                                           const text::OnWeightsReady& on_ready)>;

/// Loads GGUF files and Hugging Face folders, with packed weights from the cache if it has them; else the cache is
/// written beside serving. Encoders are packed anew each time: that takes a tenth of a second. Uses max_context,
/// encoder_precision and packed_cache_* of `options`.
ModelLoader file_model_loader(const EngineOptions& options);

/// As Engine::create, with another way to load.
base::Result<std::unique_ptr<Engine>> create_engine(const EngineOptions& options, std::vector<Engine::Source> sources,
                                                    ModelLoader loader);

}  // namespace marquee::serving
