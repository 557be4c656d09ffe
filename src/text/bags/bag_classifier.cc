#include "text/bags/bag_classifier.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/json.h"
#include "base/utf8.h"
#include "formats/small_file.h"
#include "text/bags/tensor_file.h"
#include "text/config_reader.h"

namespace marquee::text::bags {

using base::Result;

namespace {

constexpr const char* kLabelsJson = "labels.json";
constexpr const char* kLabelsFormat = "marquee-labels-1";
constexpr std::size_t kMaxLabelBytes = 256;
constexpr std::size_t kMaxLabelsJson = std::size_t{128} << 20U;

Result<void> check_label_text(std::string_view label, const std::string& where) {
  if (!label.empty() && label.size() <= kMaxLabelBytes && base::is_valid_utf8(label)) return {};
  return base::invalid_argument(where + ": a label must be valid UTF-8 of 1 to 256 bytes", "labels");
}

/// The different labels, in order.
std::vector<std::string> distinct(std::vector<std::string_view> all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return {all.begin(), all.end()};
}

std::uint32_t number_of(const std::vector<std::string>& names, std::string_view label) {
  return static_cast<std::uint32_t>(std::lower_bound(names.begin(), names.end(), label) - names.begin());
}

Result<LinearModel> learn(const CsrMatrix& rows, std::span<const std::uint32_t> labels, std::uint32_t classes,
                          const BagClassifierOptions& options, base::ThreadPool& pool) {
  if (const auto* logistic = std::get_if<LogisticOptions>(&options.learner)) {
    return train_logistic(rows, labels, classes, *logistic, pool);
  }
  if (const auto* svm = std::get_if<SvmOptions>(&options.learner)) return train_svm(rows, labels, classes, *svm, pool);
  return train_naive_bayes(rows, labels, classes, std::get<NaiveBayesOptions>(options.learner));
}

Result<void> same_number(std::size_t documents, std::size_t labels) {
  if (documents == labels) return {};
  return base::invalid_argument(
      "there are " + std::to_string(labels) + " labels for " + std::to_string(documents) + " documents", "labels");
}

}  // namespace

Result<BagClassifier> BagClassifier::train(std::span<const std::string_view> documents,
                                           std::span<const std::string_view> labels,
                                           const BagClassifierOptions& options, base::ThreadPool& pool) {
  MARQUEE_CHECK(same_number(documents.size(), labels.size()));
  for (std::size_t i = 0; i < labels.size(); ++i)
    MARQUEE_CHECK(check_label_text(labels[i], "row " + std::to_string(i)));
  std::vector<std::string> names = distinct({labels.begin(), labels.end()});
  if (names.size() < 2)
    return base::invalid_argument("all documents have one label; there must be two or more", "labels");
  std::vector<std::uint32_t> numbers;
  for (const std::string_view label : labels) numbers.push_back(number_of(names, label));
  MARQUEE_ASSIGN(FittedRows fitted, Vectoriser::fit_transform(documents, options.vectoriser, pool));
  MARQUEE_ASSIGN(LinearModel model,
                 learn(fitted.rows, numbers, static_cast<std::uint32_t>(names.size()), options, pool));
  return BagClassifier(std::move(fitted.vectoriser), std::move(model), std::move(names));
}

Result<BagClassifier> BagClassifier::train_labels(std::span<const std::string_view> documents,
                                                  std::span<const std::vector<std::string>> labels,
                                                  const VectoriserOptions& vectoriser, const LogisticOptions& learner,
                                                  base::ThreadPool& pool) {
  MARQUEE_CHECK(same_number(documents.size(), labels.size()));
  std::vector<std::string_view> all;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const std::string& label : labels[i]) {
      MARQUEE_CHECK(check_label_text(label, "row " + std::to_string(i)));
      all.push_back(label);
    }
  }
  std::vector<std::string> names = distinct(std::move(all));
  std::vector<std::vector<std::uint32_t>> numbers(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const std::string& label : labels[i]) numbers[i].push_back(number_of(names, label));
    std::sort(numbers[i].begin(), numbers[i].end());
  }
  MARQUEE_ASSIGN(FittedRows fitted, Vectoriser::fit_transform(documents, vectoriser, pool));
  MARQUEE_ASSIGN(LinearModel model,
                 train_label_logistic(fitted.rows, numbers, static_cast<std::uint32_t>(names.size()), learner, pool));
  return BagClassifier(std::move(fitted.vectoriser), std::move(model), std::move(names));
}

Result<std::vector<double>> BagClassifier::classify(std::span<const std::string_view> documents,
                                                    base::ThreadPool& pool) const {
  MARQUEE_ASSIGN(const CsrMatrix rows, vectoriser_.transform(documents, pool));
  if (model_.link != Link::kMargin) return model_.probabilities(rows, pool);
  std::vector<double> scores(rows.rows() * labels_.size());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    model_.class_scores(rows.row(i), std::span(scores).subspan(i * labels_.size(), labels_.size()));
  }
  return scores;
}

Result<LinearExplanation> BagClassifier::explain(std::string_view document, std::uint32_t label,
                                                 ScoreBaseline baseline) const {
  return explain_linear(vectoriser_, model_, document, label, baseline);
}

Result<void> BagClassifier::save(const std::filesystem::path& folder) const {
  base::json::object object;
  object["format"] = kLabelsFormat;
  object["labels"] = base::json::array(labels_.begin(), labels_.end());
  MARQUEE_CHECK(write_text_file(folder / kLabelsJson, base::json::serialize(object) + "\n"));
  MARQUEE_CHECK(vectoriser_.save(folder));
  return model_.save(folder);
}

Result<BagClassifier> BagClassifier::load(const std::filesystem::path& folder) {
  const auto path = folder / kLabelsJson;
  MARQUEE_CHECK(formats::refuse_symlink(path));
  MARQUEE_ASSIGN(const std::string text, formats::read_small_file(path, kMaxLabelsJson));
  MARQUEE_ASSIGN(const base::json::value value, formats::parse_json_file(text, path));
  if (!value.is_object()) return base::corrupt(path.string() + ": is not a JSON object");
  const ConfigReader reader(value.get_object(), path.string());
  MARQUEE_ASSIGN(const std::string format, reader.text_or("format", ""));
  if (format != kLabelsFormat) return base::unsupported(path.string() + ": 'format' is not " + kLabelsFormat);
  MARQUEE_ASSIGN(auto labels, reader.texts("labels", LinearModel::kMaxClasses));
  if (!labels) return reader.corrupt("labels", "is missing");
  for (const std::string& label : *labels) {
    if (!check_label_text(label, "")) return reader.corrupt("labels", "holds one that is not UTF-8 of 1 to 256 bytes");
  }
  if (std::adjacent_find(labels->begin(), labels->end(), std::greater_equal<>()) != labels->end()) {
    return reader.corrupt("labels", "is not in ascending order, each once");
  }
  MARQUEE_ASSIGN(Vectoriser vectoriser, Vectoriser::load(folder));
  MARQUEE_ASSIGN(LinearModel model, LinearModel::load(folder));
  if (model.classes != labels->size()) {
    return reader.corrupt("labels", "has " + std::to_string(labels->size()) + " where the model has " +
                                        std::to_string(model.classes) + " classes");
  }
  if (model.features != vectoriser.columns()) {
    return base::corrupt(folder.string() + ": the model has " + std::to_string(model.features) +
                         " features where the vectoriser has " + std::to_string(vectoriser.columns()) + " columns");
  }
  return BagClassifier(std::move(vectoriser), std::move(model), *std::move(labels));
}

}  // namespace marquee::text::bags
