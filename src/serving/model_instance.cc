#include "serving/model_instance.h"

#include <utility>

namespace marquee::serving {

ModelInstance::ModelInstance(Setup setup)
    : id_(setup.scheduler.model_id),
      context_length_(setup.scheduler.context_length),
      activations_(setup.scheduler.activations),
      team_(std::move(setup.team)),
      metrics_(std::move(setup.metrics)),
      identity_(std::move(setup.identity)),
      parts_(std::move(setup.parts)),
      grammars_(*parts_.tokenizer, parts_.model->facts().vocab_size),
      draft_parts_(std::move(setup.draft)) {}

base::Result<std::shared_ptr<ModelInstance>> ModelInstance::create(Setup setup) {
  const SchedulerOptions options = setup.scheduler;
  MARQUEE_ASSIGN(auto pool, tensor::KvPool::create(setup.parts.model->facts().kv, setup.kv_pages));
  std::unique_ptr<tensor::KvPool> draft_pool;
  if (setup.draft) {
    MARQUEE_ASSIGN(draft_pool, tensor::KvPool::create(setup.draft->model->facts().kv, setup.draft_pages));
  }
  std::shared_ptr<ModelInstance> instance(new ModelInstance(std::move(setup)));
  instance->pool_ = std::move(pool);
  if (draft_pool != nullptr) {
    instance->draft_pool_ = std::move(draft_pool);
    instance->draft_ = std::make_unique<DraftModel>(*instance->draft_parts_->model, *instance->draft_pool_,
                                                    options.prefill_chunk_tokens);
  }
  const SchedulerParts parts{*instance->parts_.model, *instance->parts_.tokenizer, *instance->pool_,
                             *instance->team_,        *instance->metrics_,         instance->draft_.get()};
  instance->scheduler_ = std::make_unique<Scheduler>(parts, options);
  return instance;
}

std::uint64_t ModelInstance::resident_bytes() const {
  const auto cache_bytes = [](const tensor::KvPool& pool) {
    return static_cast<std::uint64_t>(pool.total_pages()) * static_cast<std::uint64_t>(pool.layout().page_bytes());
  };
  std::uint64_t bytes = facts().resident_bytes + cache_bytes(*pool_);
  if (draft_parts_) bytes += draft_parts_->model->facts().resident_bytes + cache_bytes(*draft_pool_);
  return bytes;
}

}  // namespace marquee::serving
