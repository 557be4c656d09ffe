#include "serving/model_instance.h"

#include <utility>

namespace marquee::serving {

ModelInstance::ModelInstance(Setup setup)
    : id_(setup.scheduler.model_id),
      context_length_(setup.scheduler.context_length),
      team_(std::move(setup.team)),
      metrics_(std::move(setup.metrics)),
      identity_(std::move(setup.identity)),
      parts_(std::move(setup.parts)),
      grammars_(*parts_.tokenizer, parts_.model->facts().vocab_size) {}

base::Result<std::shared_ptr<ModelInstance>> ModelInstance::create(Setup setup) {
  const SchedulerOptions options = setup.scheduler;
  MARQUEE_ASSIGN(auto pool, tensor::KvPool::create(setup.parts.model->facts().kv, setup.kv_pages));
  std::shared_ptr<ModelInstance> instance(new ModelInstance(std::move(setup)));
  instance->pool_ = std::move(pool);
  const SchedulerParts parts{*instance->parts_.model, *instance->parts_.tokenizer, *instance->pool_, *instance->team_,
                             *instance->metrics_};
  instance->scheduler_ = std::make_unique<Scheduler>(parts, options);
  return instance;
}

std::uint64_t ModelInstance::resident_bytes() const {
  return facts().resident_bytes +
         static_cast<std::uint64_t>(pool_->total_pages()) * static_cast<std::uint64_t>(pool_->layout().page_bytes());
}

}  // namespace marquee::serving
