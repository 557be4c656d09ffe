#include "train/model_card.h"

#include <string_view>
#include <utility>

#include "train/whole_file.h"

namespace marquee::train {

namespace json = base::json;

namespace {

json::object metrics_object(const Metrics& metrics) {
  json::object object;
  for (const Metric& metric : metrics) object[metric.name] = finite_or_null(metric.value);
  return object;
}

json::object outcome_object(const TrainingOutcome& outcome) {
  return {{"end", to_string(outcome.end)},
          {"steps", outcome.steps},
          {"epochs", finite_or_null(outcome.epochs)},
          {"elapsed_s", finite_or_null(outcome.elapsed_s)},
          {"last_loss", finite_or_null(outcome.last_loss)},
          {"last_validation", metrics_object(outcome.last_validation)},
          {"best_step", outcome.best_step},
          {"best_validation", metrics_object(outcome.best_validation)}};
}

/// Two spaces deeper for each object and array.
void write_indented(const json::value& value, std::size_t depth, std::string& out) {
  const std::string indent(2 * (depth + 1), ' ');
  const auto close = [&](char bracket) { out += "\n" + std::string(2 * depth, ' ') + bracket; };
  bool first = true;
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& member : *object) {
      out += (std::exchange(first, false) ? "{\n" : ",\n") + indent + json::serialize(json::value(member.key())) + ": ";
      write_indented(member.value(), depth + 1, out);
    }
    close('}');
  } else if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const json::value& item : *array) {
      out += (std::exchange(first, false) ? "[\n" : ",\n") + indent;
      write_indented(item, depth + 1, out);
    }
    close(']');
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

json::object to_json(const ModelCard& card) {
  json::array data;
  for (const ModelCard::Data& one : card.data) {
    data.push_back(
        json::object{{"use", one.use}, {"name", one.name}, {"sha256", one.sha256}, {"examples", one.examples}});
  }
  json::object object = {{"name", card.name},
                         {"task", card.task},
                         {"network", card.network},
                         {"parameters", card.parameters},
                         {"licence", card.licence.empty() ? json::value(nullptr) : json::value(card.licence)},
                         {"created_unix_s", card.created_unix_s},
                         {"code_version", std::string("marquee ") + MARQUEE_VERSION},
                         {"seed", card.settings.seed},
                         {"data", std::move(data)},
                         {"settings", settings_object(card.settings, NumberForm::kPlain)},
                         {"training", outcome_object(card.outcome)}};
  if (card.outcome.epsilon && card.settings.privacy) {
    object["privacy"] = json::object{{"epsilon", finite_or_null(*card.outcome.epsilon)},
                                     {"delta", card.settings.privacy->delta},
                                     {"noise_multiplier", card.outcome.noise_multiplier},
                                     {"bound", card.settings.privacy->bound},
                                     {"is_secret", !card.settings.privacy->seed.has_value()}};
  }
  return object;
}

base::Result<void> write_model_card(const std::filesystem::path& path, const ModelCard& card) {
  std::string text;
  write_indented(to_json(card), 0, text);
  return write_whole_file(path, text + "\n");
}

}  // namespace marquee::train
