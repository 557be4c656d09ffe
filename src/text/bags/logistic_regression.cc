#include "text/bags/logistic_regression.h"

#include <algorithm>
#include <string>

#include "text/bags/logistic_solver.h"

namespace marquee::text::bags {

using base::Result;

namespace {

/// Puts the parameters of outputs [first, first + solver's) where the model has them. @param columns what the solver's
/// features are
void store(const LogisticSolver& solver, std::span<const std::uint32_t> columns, std::size_t first,
           LinearModel& model) {
  const std::size_t outputs = solver.bias().size();
  const auto weights = solver.weights();
  for (std::size_t feature = 0; feature < columns.size(); ++feature) {
    float* const to = model.weights.data() + static_cast<std::size_t>(columns[feature]) * model.outputs + first;
    for (std::size_t k = 0; k < outputs; ++k) to[k] = static_cast<float>(weights[feature * outputs + k]);
  }
  std::copy(solver.bias().begin(), solver.bias().end(), model.bias.begin() + static_cast<std::ptrdiff_t>(first));
}

LinearModel empty_model(Link link, std::uint32_t classes, std::uint32_t outputs, std::uint32_t features) {
  LinearModel model;
  model.link = link;
  model.classes = classes;
  model.outputs = outputs;
  model.features = features;
  model.weights.resize(static_cast<std::size_t>(features) * outputs);
  model.bias.resize(outputs);
  return model;
}

}  // namespace

Result<void> LogisticOptions::validate() const {
  const auto refuse = [](const char* field, const char* range) {
    return base::invalid_argument(std::string(field) + " must be " + range, field);
  };
  if (!(c > 0.0 && c <= 1e9)) return refuse("c", "over 0, at most 1e9");
  if (!(l1_ratio >= 0.0 && l1_ratio <= 1.0)) return refuse("l1_ratio", "0 to 1");
  if (!(tolerance >= 1e-12 && tolerance <= 1.0)) return refuse("tolerance", "1e-12 to 1");
  if (max_iterations < 1 || max_iterations > 1'000'000) return refuse("max_iterations", "1 to 1,000,000");
  return {};
}

Result<LinearModel> train_logistic(const CsrMatrix& rows, std::span<const std::uint32_t> labels, std::uint32_t classes,
                                   const LogisticOptions& options, base::ThreadPool& pool, TrainingOutcome* outcome) {
  MARQUEE_CHECK(options.validate());
  MARQUEE_CHECK(check_labels(labels, rows.rows(), classes));
  const bool binary = classes == 2;
  LinearModel model = empty_model(binary ? Link::kBinary : Link::kSoftmax, classes, binary ? 1 : classes, rows.columns);
  // The weight of a column that no row has is 0.
  const CompactMatrix used = drop_empty_columns(rows);
  const CsrMatrix by_feature = transpose(used.matrix);
  const std::vector<double> weights = class_weights(labels, classes, options.balanced);
  LogisticLoss loss(labels, weights, model.outputs, pool);
  LogisticSolver solver(used.matrix, by_feature, loss, options, pool);
  const TrainingOutcome reached = solver.run();
  if (outcome != nullptr) *outcome = reached;
  store(solver, used.columns, 0, model);
  return model;
}

Result<LinearModel> train_label_logistic(const CsrMatrix& rows, std::span<const std::vector<std::uint32_t>> labels,
                                         std::uint32_t classes, const LogisticOptions& options,
                                         base::ThreadPool& pool) {
  MARQUEE_CHECK(options.validate());
  if (classes < 1 || classes > LinearModel::kMaxClasses) {
    return base::invalid_argument("there must be 1 to 65,536 labels; there are " + std::to_string(classes), "labels");
  }
  if (labels.size() != rows.rows()) {
    return base::invalid_argument(
        "there are labels for " + std::to_string(labels.size()) + " rows of " + std::to_string(rows.rows()), "labels");
  }
  LinearModel model = empty_model(Link::kLabels, classes, classes, rows.columns);
  // The weight of a column that no row has is 0.
  const CompactMatrix used = drop_empty_columns(rows);
  const CsrMatrix by_feature = transpose(used.matrix);
  std::vector<std::uint32_t> has(rows.rows());
  for (std::uint32_t label = 0; label < classes; ++label) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < has.size(); ++i) {
      has[i] = std::binary_search(labels[i].begin(), labels[i].end(), label) ? 1 : 0;
      count += has[i];
    }
    if (count == 0 || count == has.size()) {
      return base::invalid_argument("label " + std::to_string(label) + " is on " + (count == 0 ? "no" : "every") +
                                        " row, so that there is nothing to learn; leave it out or add examples",
                                    "labels");
    }
    const std::vector<double> weights = class_weights(has, 2, options.balanced);
    LogisticLoss loss(has, weights, 1, pool);
    LogisticSolver solver(used.matrix, by_feature, loss, options, pool);
    solver.run();
    store(solver, used.columns, label, model);
  }
  return model;
}

}  // namespace marquee::text::bags
