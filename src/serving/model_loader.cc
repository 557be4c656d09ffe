#include "serving/model_loader.h"

#include <utility>

namespace marquee::serving {
namespace {

base::Result<ModelParts> load_file(const Engine::Source& source, std::int32_t max_context, base::ThreadPool& pool,
                                   const text::OnWeightsReady& on_ready) {
  ModelParts parts;
  MARQUEE_ASSIGN(parts.file, formats::ModelFile::open(source.path));
  MARQUEE_ASSIGN(parts.tokenizer, parts.file->tokenizer());
  if (const auto source_text = parts.file->chat_template()) {
    MARQUEE_ASSIGN(parts.chat_template, text::ChatTemplate::parse(*source_text));
  }
  const text::LoadOptions options{.max_context = max_context, .on_weights_ready = on_ready};
  MARQUEE_ASSIGN(parts.model, text::load_language_model(*parts.file, options, pool));
  return parts;
}

}  // namespace

ModelLoader file_model_loader(std::int32_t max_context) {
  return [max_context](const Engine::Source& source, base::ThreadPool& pool, const text::OnWeightsReady& on_ready) {
    return load_file(source, max_context, pool, on_ready);
  };
}

}  // namespace marquee::serving
