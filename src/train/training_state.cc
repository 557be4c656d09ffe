#include "train/training_state.h"

#include <string>
#include <utility>

#include "train/checkpoint.h"

namespace marquee::train {

using base::Result;
namespace json = base::json;

namespace {

json::array metrics_array(const Metrics& metrics) {
  json::array array;
  for (const Metric& metric : metrics) {
    array.push_back(json::object{{"name", metric.name}, {"value", exact(metric.value)}});
  }
  return array;
}

Result<Metrics> metrics_from(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_array()) return base::corrupt("'" + std::string(field) + "' is no array");
  Metrics metrics;
  for (const json::value& item : value->get_array()) {
    const json::object* metric = item.if_object();
    const json::value* name = metric == nullptr ? nullptr : metric->if_contains("name");
    if (name == nullptr || !name->is_string()) return base::corrupt("'" + std::string(field) + "' has no names");
    MARQUEE_ASSIGN(const double number, exact_number(*metric, "value"));
    metrics.push_back({std::string(name->get_string()), number});
  }
  return metrics;
}

}  // namespace

json::object TrainingState::to_json() const {
  return {{"step", step},
          {"next_stream", static_cast<std::int64_t>(random.next_stream)},
          {"schedule_best_loss", exact(schedule.best_loss)},
          {"schedule_validations", schedule.validations},
          {"schedule_since_best", schedule.since_best},
          {"schedule_scale", exact(schedule.scale)},
          {"last_loss", exact(last_loss)},
          {"elapsed_s", exact(elapsed_s)},
          {"last_validation", metrics_array(last_validation)},
          {"best_validation", metrics_array(best_validation)},
          {"best_value", exact(best_value)},
          {"best_step", best_step},
          {"since_best", since_best}};
}

Result<TrainingState> TrainingState::from_json(const json::object& object) {
  TrainingState state;
  MARQUEE_ASSIGN(state.step, whole_number(object, "step"));
  MARQUEE_ASSIGN(const std::int64_t next_stream, whole_number(object, "next_stream"));
  state.random.next_stream = static_cast<std::uint64_t>(next_stream);
  MARQUEE_ASSIGN(state.schedule.best_loss, exact_number(object, "schedule_best_loss"));
  MARQUEE_ASSIGN(state.schedule.validations, whole_number(object, "schedule_validations"));
  MARQUEE_ASSIGN(state.schedule.since_best, whole_number(object, "schedule_since_best"));
  MARQUEE_ASSIGN(const double scale, exact_number(object, "schedule_scale"));
  state.schedule.scale = static_cast<float>(scale);
  MARQUEE_ASSIGN(state.last_loss, exact_number(object, "last_loss"));
  MARQUEE_ASSIGN(state.elapsed_s, exact_number(object, "elapsed_s"));
  MARQUEE_ASSIGN(state.last_validation, metrics_from(object, "last_validation"));
  MARQUEE_ASSIGN(state.best_validation, metrics_from(object, "best_validation"));
  MARQUEE_ASSIGN(state.best_value, exact_number(object, "best_value"));
  MARQUEE_ASSIGN(state.best_step, whole_number(object, "best_step"));
  MARQUEE_ASSIGN(state.since_best, whole_number(object, "since_best"));
  return state;
}

}  // namespace marquee::train
