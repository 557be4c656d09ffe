#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/linear_explanation.h"
#include "text/bags/linear_model.h"
#include "text/bags/linear_svm.h"
#include "text/bags/logistic_regression.h"
#include "text/bags/naive_bayes.h"
#include "text/bags/vectoriser.h"

namespace marquee::text::bags {

/// What a classifier is trained with: how texts become rows, and how the rows are told apart.
struct BagClassifierOptions {
  VectoriserOptions vectoriser = VectoriserOptions::tf_idf();
  std::variant<LogisticOptions, SvmOptions, NaiveBayesOptions> learner;
};

/// Texts to labels by a bag of words and a linear model. Immutable once made; any number of threads may ask.
class BagClassifier {
 public:
  /// @param labels one for each document: valid UTF-8, 1 to 256 bytes; the classes are the different ones in the order
  ///        of their bytes
  /// @error as Vectoriser::fit and the learner's function; kInvalidArgument naming the row of a wrong label
  static base::Result<BagClassifier> train(std::span<const std::string_view> documents,
                                           std::span<const std::string_view> labels,
                                           const BagClassifierOptions& options, base::ThreadPool& pool);
  /// Several labels of a document, or none, by logistic regressions of each label by itself.
  /// @error as train
  static base::Result<BagClassifier> train_labels(std::span<const std::string_view> documents,
                                                  std::span<const std::vector<std::string>> labels,
                                                  const VectoriserOptions& vectoriser, const LogisticOptions& learner,
                                                  base::ThreadPool& pool);

  [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
  [[nodiscard]] const Vectoriser& vectoriser() const { return vectoriser_; }
  [[nodiscard]] const LinearModel& model() const { return model_; }
  /// Divides scores before they become probabilities: what fit_temperature found. @param temperature over 0
  void set_temperature(double temperature) { model_.temperature = temperature; }

  /// The probability of each label; of a hinge classifier its score.
  /// @return [documents, labels], row-major @error kTooLarge naming a document of more than 16 MiB
  [[nodiscard]] base::Result<std::vector<double>> classify(std::span<const std::string_view> documents,
                                                           base::ThreadPool& pool) const;
  /// As explain_linear. @param label below labels().size()
  [[nodiscard]] base::Result<LinearExplanation> explain(std::string_view document, std::uint32_t label,
                                                        ScoreBaseline baseline = ScoreBaseline::kZero) const;

  /// Writes everything into a folder that exists: labels.json, and what Vectoriser and LinearModel write. @error kIo
  [[nodiscard]] base::Result<void> save(const std::filesystem::path& folder) const;
  /// @error kNotFound, kIo; kCorrupt, kTooLarge or kUnsupported naming the file and what is wrong with it
  static base::Result<BagClassifier> load(const std::filesystem::path& folder);

 private:
  BagClassifier(Vectoriser vectoriser, LinearModel model, std::vector<std::string> labels)
      : vectoriser_(std::move(vectoriser)), model_(std::move(model)), labels_(std::move(labels)) {}

  Vectoriser vectoriser_;
  LinearModel model_;
  std::vector<std::string> labels_;
};

}  // namespace marquee::text::bags
