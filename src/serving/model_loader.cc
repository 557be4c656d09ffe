#include "serving/model_loader.h"

#include <utility>

#include "base/log.h"
#include "kernels/cpu.h"
#include "tensor/packed_cache.h"
#include "text/encoder_config.h"

namespace marquee::serving {
namespace {

using base::Result;
using tensor::PackedCache;

/// So that the next open() begins a new one in its place.
void remove_damaged(const std::filesystem::path& file, const base::Error& why) {
  spdlog::warn("{}; packing the weights anew", why.message);
  std::error_code error;
  std::filesystem::remove(file, error);
}

/// The cache of a model's packed weights, empty if the file is not there yet or of no use; null if none is kept.
std::shared_ptr<PackedCache> open_cache(const Engine::Source& source, const EngineOptions& options) {
  if (options.packed_cache_folder.empty() || options.packed_cache_bytes == 0 || source.content.empty()) return nullptr;
  const auto isa = kernels::chosen_isa();
  if (!isa) return nullptr;
  const tensor::PackedCacheKey key{source.content, kernels::to_string(isa->isa)};
  auto cache = PackedCache::open(options.packed_cache_folder, key);
  if (!cache) {
    remove_damaged(options.packed_cache_folder / key.file_name(), cache.error());
    cache = PackedCache::open(options.packed_cache_folder, key);
  }
  if (!cache) return nullptr;
  return std::make_shared<PackedCache>(std::move(*cache));
}

Result<ModelParts> load_file(const Engine::Source& source, const EngineOptions& options, base::ThreadPool& pool,
                             const text::OnWeightsReady& on_ready) {
  ModelParts parts;
  MARQUEE_ASSIGN(parts.file, formats::ModelFile::open(source.path));
  MARQUEE_ASSIGN(parts.tokenizer, parts.file->tokenizer());
  if (const auto source_text = parts.file->chat_template()) {
    MARQUEE_ASSIGN(parts.chat_template, text::ChatTemplate::parse(*source_text));
  }
  if (text::find_encoder_family(parts.file->architecture()) != nullptr) {
    MARQUEE_ASSIGN(parts.encoder, text::load_encoder_model(*parts.file, options.encoder_precision, pool));
    parts.file->release_pages();
    return parts;
  }
  auto cache = open_cache(source, options);
  const auto load = [&] {
    return text::load_language_model(*parts.file,
                                     {.kv_dtype = options.kv_dtype,
                                      .max_context = options.max_context,
                                      .packed_cache = cache.get(),
                                      .on_weights_ready = on_ready},
                                     pool);
  };
  auto model = load();
  if (!model && cache != nullptr && cache->reading()) {
    remove_damaged(cache->path(), model.error());
    cache = open_cache(source, options);
    model = load();
  }
  if (!model) return std::move(model).error();
  parts.model = std::move(*model);
  parts.file->release_pages();
  if (cache != nullptr && !cache->reading()) {
    parts.cache_written = std::async(std::launch::async, [cache, most_bytes = options.packed_cache_bytes] {
      const auto written = cache->write(most_bytes);
      if (!written) spdlog::warn("packed weights are not kept: {}", written.error().message);
    });
  }
  return parts;
}

}  // namespace

ModelLoader file_model_loader(const EngineOptions& options) {
  return [options](const Engine::Source& source, base::ThreadPool& pool, const text::OnWeightsReady& on_ready) {
    return load_file(source, options, pool, on_ready);
  };
}

}  // namespace marquee::serving
