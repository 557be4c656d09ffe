// bags_probe: asks bags of words and linear models and prints the answer as JSON, for comparison with scikit-learn.
// Reads one JSON object from standard input; "task" says what is asked:
//   rows         {options, fit: [TEXT], transform: [TEXT], threads}      terms, idf, and the rows of both
//   stop_words   {language}                                             the words
//   train        {learner, options, rows: CSR, labels, classes, threads} weights, bias, scores and probabilities of the
//   rows train_labels {options, rows: CSR, labels: [[N]], classes, threads}   the same metrics      {right, guessed,
//   probabilities, classes}                every metric time         {options, texts: FILE of JSON strings, one a line,
//   threads, rounds}  seconds of fit_transform, peak memory classify     {options, learner, train: [TEXT], labels,
//   test: [TEXT], threads}     probabilities of test, seconds
// A TEXT is hexadecimal, because texts may be broken UTF-8. A CSR is {columns, row_offsets, column_ids, values}.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/bags/bag_classifier.h"
#include "text/bags/classification_metrics.h"
#include "text/bags/stop_words.h"

namespace {

using namespace marquee;              // NOLINT: a program of one file
using namespace marquee::text::bags;  // NOLINT
using base::Result;
namespace json = base::json;

struct Texts {
  std::vector<std::string> bytes;
  std::vector<std::string_view> views;
};

Texts texts_of(const json::value& list) {
  Texts texts;
  for (const auto& item : list.as_array()) {
    const std::string hex(item.as_string());
    std::string& text = texts.bytes.emplace_back();
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      text.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
  }
  texts.views.assign(texts.bytes.begin(), texts.bytes.end());
  return texts;
}

template <typename Number>
std::vector<Number> numbers_of(const json::value& list) {
  std::vector<Number> numbers;
  for (const auto& item : list.as_array()) numbers.push_back(item.to_number<Number>());
  return numbers;
}

CsrMatrix matrix_of(const json::value& value) {
  const auto& object = value.as_object();
  CsrMatrix matrix;
  matrix.columns = object.at("columns").to_number<std::uint32_t>();
  matrix.row_offsets = numbers_of<std::uint64_t>(object.at("row_offsets"));
  matrix.column_ids = numbers_of<std::uint32_t>(object.at("column_ids"));
  for (const double number : numbers_of<double>(object.at("values")))
    matrix.values.push_back(static_cast<float>(number));
  return matrix;
}

template <typename Number>
json::array array_of(const std::vector<Number>& numbers) {
  json::array list;
  list.reserve(numbers.size());
  for (const Number number : numbers) list.emplace_back(number);
  return list;
}

json::object json_of(const CsrMatrix& matrix) {
  json::object object;
  object["columns"] = matrix.columns;
  object["row_offsets"] = array_of(matrix.row_offsets);
  object["column_ids"] = array_of(matrix.column_ids);
  object["values"] = array_of(matrix.values);
  return object;
}

unsigned threads_of(const json::object& task) {
  const auto* threads = task.if_contains("threads");
  return threads == nullptr ? 2 : threads->to_number<unsigned>();
}

Result<VectoriserOptions> options_of(const json::object& task) {
  return VectoriserOptions::from_json(task.at("options").as_object(), "options");
}

Result<json::object> rows(const json::object& task) {
  base::ThreadPool pool(threads_of(task));
  MARQUEE_ASSIGN(const auto options, options_of(task));
  const Texts fit = texts_of(task.at("fit"));
  const Texts transform = texts_of(task.at("transform"));
  MARQUEE_ASSIGN(const auto fitted, Vectoriser::fit_transform(fit.views, options, pool));
  MARQUEE_ASSIGN(const auto transformed, fitted.vectoriser.transform(transform.views, pool));
  json::object answer;
  json::array terms;
  json::array idf;
  if (options.hash_columns == 0) {
    for (std::uint32_t i = 0; i < fitted.vectoriser.columns(); ++i) {
      terms.emplace_back(json::string_view(fitted.vectoriser.term(i).data(), fitted.vectoriser.term(i).size()));
      idf.emplace_back(fitted.vectoriser.idf(i));
    }
  }
  answer["terms"] = std::move(terms);
  answer["idf"] = std::move(idf);
  answer["fitted"] = json_of(fitted.rows);
  answer["transformed"] = json_of(transformed);
  return answer;
}

double number_or(const json::object& options, const char* key, double otherwise) {
  const auto* value = options.if_contains(key);
  return value == nullptr ? otherwise : value->to_number<double>();
}
bool flag_or(const json::object& options, const char* key, bool otherwise) {
  const auto* value = options.if_contains(key);
  return value == nullptr ? otherwise : value->as_bool();
}

LogisticOptions logistic_options(const json::object& o) {
  LogisticOptions options;
  options.c = number_or(o, "c", options.c);
  options.l1_ratio = number_or(o, "l1_ratio", options.l1_ratio);
  options.balanced = flag_or(o, "balanced", options.balanced);
  options.with_bias = flag_or(o, "with_bias", options.with_bias);
  options.tolerance = number_or(o, "tolerance", options.tolerance);
  options.max_iterations = static_cast<std::uint32_t>(number_or(o, "max_iterations", options.max_iterations));
  return options;
}

SvmOptions svm_options(const json::object& o) {
  SvmOptions options;
  options.loss = flag_or(o, "squared", true) ? HingeLoss::kSquaredHinge : HingeLoss::kHinge;
  options.c = number_or(o, "c", options.c);
  options.balanced = flag_or(o, "balanced", options.balanced);
  options.tolerance = number_or(o, "tolerance", options.tolerance);
  options.max_iterations = static_cast<std::uint32_t>(number_or(o, "max_iterations", options.max_iterations));
  return options;
}

NaiveBayesOptions bayes_options(const json::object& o) {
  NaiveBayesOptions options;
  options.kind = flag_or(o, "complement", false) ? NaiveBayesKind::kComplement : NaiveBayesKind::kMultinomial;
  options.alpha = number_or(o, "alpha", options.alpha);
  options.fit_prior = flag_or(o, "fit_prior", options.fit_prior);
  options.normalise = flag_or(o, "normalise", options.normalise);
  return options;
}

json::object model_json(const LinearModel& model, const CsrMatrix& matrix, base::ThreadPool& pool) {
  json::object answer;
  answer["outputs"] = model.outputs;
  answer["weights"] = array_of(model.weights);
  answer["bias"] = array_of(model.bias);
  std::vector<double> scores(matrix.rows() * model.classes);
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    model.class_scores(matrix.row(i), std::span(scores).subspan(i * model.classes, model.classes));
  }
  answer["scores"] = array_of(scores);
  if (const auto probabilities = model.probabilities(matrix, pool)) {
    answer["probabilities"] = array_of(*probabilities);
  }
  return answer;
}

Result<json::object> train(const json::object& task) {
  base::ThreadPool pool(threads_of(task));
  const CsrMatrix matrix = matrix_of(task.at("rows"));
  const auto labels = numbers_of<std::uint32_t>(task.at("labels"));
  const auto classes = task.at("classes").to_number<std::uint32_t>();
  const std::string learner(task.at("learner").as_string());
  const auto& options = task.at("options").as_object();
  const auto begin = std::chrono::steady_clock::now();
  TrainingOutcome outcome;
  auto model = learner == "logistic"
                   ? train_logistic(matrix, labels, classes, logistic_options(options), pool, &outcome)
               : learner == "svm" ? train_svm(matrix, labels, classes, svm_options(options), pool)
                                  : train_naive_bayes(matrix, labels, classes, bayes_options(options));
  if (!model) return std::move(model).error();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  json::object answer = model_json(*model, matrix, pool);
  answer["seconds"] = seconds.count();
  answer["iterations"] = outcome.iterations;
  answer["objective"] = outcome.objective;
  answer["converged"] = outcome.converged;
  return answer;
}

Result<json::object> train_labels(const json::object& task) {
  base::ThreadPool pool(threads_of(task));
  const CsrMatrix matrix = matrix_of(task.at("rows"));
  std::vector<std::vector<std::uint32_t>> labels;
  for (const auto& row : task.at("labels").as_array()) labels.push_back(numbers_of<std::uint32_t>(row));
  const auto classes = task.at("classes").to_number<std::uint32_t>();
  MARQUEE_ASSIGN(const auto model,
                 train_label_logistic(matrix, labels, classes, logistic_options(task.at("options").as_object()), pool));
  json::object answer = model_json(model, matrix, pool);
  MARQUEE_ASSIGN(const auto probabilities, model.probabilities(matrix, pool));
  MARQUEE_ASSIGN(const auto metrics, label_metrics(labels, probabilities, classes));
  answer["macro_f1"] = metrics.macro_f1;
  answer["micro_f1"] = metrics.micro_f1;
  answer["subset_accuracy"] = metrics.subset_accuracy;
  return answer;
}

Result<json::object> metrics(const json::object& task) {
  const auto right = numbers_of<std::uint32_t>(task.at("right"));
  const auto guessed = numbers_of<std::uint32_t>(task.at("guessed"));
  const auto probabilities = numbers_of<double>(task.at("probabilities"));
  const auto classes = task.at("classes").to_number<std::uint32_t>();
  MARQUEE_ASSIGN(const auto found, classification_metrics(right, guessed, classes));
  MARQUEE_ASSIGN(const double loss, log_loss(probabilities, right, classes));
  MARQUEE_ASSIGN(const double error, expected_calibration_error(probabilities, right, classes));
  json::object answer;
  answer["accuracy"] = found.accuracy;
  answer["macro_f1"] = found.macro_f1;
  answer["micro_f1"] = found.micro_f1;
  answer["weighted_f1"] = found.weighted_f1;
  answer["log_loss"] = loss;
  answer["calibration_error"] = error;
  answer["confusion"] = array_of(found.confusion);
  json::array by_class;
  for (const auto& one : found.classes) by_class.push_back({one.precision, one.recall, one.f1, one.support});
  answer["classes"] = std::move(by_class);
  return answer;
}

double peak_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

Result<json::object> time_fit(const json::object& task) {
  base::ThreadPool pool(threads_of(task));
  MARQUEE_ASSIGN(const auto options, options_of(task));
  Texts texts;
  std::ifstream file{std::string(task.at("texts").as_string())};
  for (std::string line; std::getline(file, line);) {
    MARQUEE_ASSIGN(const auto value, base::parse_json(line, "texts"));
    texts.bytes.emplace_back(value.as_string());
  }
  texts.views.assign(texts.bytes.begin(), texts.bytes.end());
  json::object answer;
  answer["before_mb"] = peak_mb();
  std::vector<double> all_seconds;
  std::vector<double> cpu_seconds;
  for (int round = 0; round < task.at("rounds").to_number<int>(); ++round) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    MARQUEE_ASSIGN(const auto fitted, Vectoriser::fit_transform(texts.views, options, pool));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    all_seconds.push_back(seconds.count());
    cpu_seconds.push_back(static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC);
    answer["columns"] = fitted.rows.columns;
    answer["entries"] = fitted.rows.size();
    double sum = 0.0;
    for (const float value : fitted.rows.values) sum += value;
    answer["sum"] = sum;
  }
  answer["seconds"] = array_of(all_seconds);
  answer["cpu_seconds"] = array_of(cpu_seconds);
  answer["peak_mb"] = peak_mb();
  return answer;
}

Result<json::object> classify(const json::object& task) {
  base::ThreadPool pool(threads_of(task));
  BagClassifierOptions options;
  MARQUEE_ASSIGN(options.vectoriser, options_of(task));
  const std::string learner(task.at("learner").as_string());
  const auto& settings = task.at("learner_options").as_object();
  if (learner == "logistic") options.learner = logistic_options(settings);
  if (learner == "svm") options.learner = svm_options(settings);
  if (learner == "naive_bayes") options.learner = bayes_options(settings);
  const Texts train = texts_of(task.at("train"));
  const Texts labels = texts_of(task.at("labels"));
  const Texts test = texts_of(task.at("test"));
  const auto begin = std::chrono::steady_clock::now();
  MARQUEE_ASSIGN(const auto classifier, BagClassifier::train(train.views, labels.views, options, pool));
  MARQUEE_ASSIGN(const auto scores, classifier.classify(test.views, pool));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  json::object answer;
  answer["seconds"] = seconds.count();
  answer["labels"] = json::array(classifier.labels().begin(), classifier.labels().end());
  answer["scores"] = array_of(scores);
  return answer;
}

Result<json::object> list_stop_words(const json::object& task) {
  MARQUEE_ASSIGN(const auto words, stop_words(std::string_view(task.at("language").as_string())));
  json::object answer;
  answer["words"] = json::array(words.begin(), words.end());
  return answer;
}

Result<json::object> answer_to(const json::object& task) {
  const std::string name(task.at("task").as_string());
  if (name == "rows") return rows(task);
  if (name == "stop_words") return list_stop_words(task);
  if (name == "train") return train(task);
  if (name == "train_labels") return train_labels(task);
  if (name == "metrics") return metrics(task);
  if (name == "time") return time_fit(task);
  if (name == "classify") return classify(task);
  return base::invalid_argument("there is no task " + name);
}

}  // namespace

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto task = json::parse(text);
  const auto answer = answer_to(task.as_object());
  if (!answer) {
    std::fprintf(stderr, "%s\n", answer.error().message.c_str());
    return 1;
  }
  std::cout << json::serialize(*answer) << "\n";
  return 0;
}
