#include "text/bags/linear_explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace marquee::text::bags {

using base::Result;

namespace {

/// One class's column of numbers, as class_scores and the baseline make it of the outputs'.
template <typename Number>
double of_class(std::span<const Number> outputs, const LinearModel& model, std::uint32_t target,
                ScoreBaseline baseline) {
  const bool is_negated = model.outputs != model.classes && target == 0;
  double value = model.outputs == model.classes ? outputs[target] : outputs[0];
  if (is_negated) value = -value;
  // Where one score tells two classes apart, the classes' scores have the mean 0.
  if (baseline == ScoreBaseline::kZero || model.outputs != model.classes) return value;
  return value - std::accumulate(outputs.begin(), outputs.end(), 0.0) / static_cast<double>(model.classes);
}

std::size_t place_of(const LocatedDocument& document, std::uint32_t column) {
  return static_cast<std::size_t>(std::lower_bound(document.columns.begin(), document.columns.end(), column) -
                                  document.columns.begin());
}

SourceSpan span_of(const LocatedTerm& term, const PieceSources& sources) {
  return {sources.pieces[term.first_piece].begin, sources.pieces[term.first_piece + term.pieces - 1].end};
}

}  // namespace

Result<LinearExplanation> explain_linear(const Vectoriser& vectoriser, const LinearModel& model, std::string_view text,
                                         std::uint32_t target, ScoreBaseline baseline) {
  if (target >= model.classes) {
    return base::invalid_argument("class " + std::to_string(target) + " is none of the " +
                                  std::to_string(model.classes) + " that the model has");
  }
  if (model.features != vectoriser.columns()) {
    return base::invalid_argument("the model has " + std::to_string(model.features) + " features, the vectoriser " +
                                  std::to_string(vectoriser.columns()) + ": they do not belong together");
  }
  MARQUEE_ASSIGN(LocatedDocument document, vectoriser.locate(text));
  LinearExplanation why;
  why.target = target;
  why.bias = why.score = of_class(std::span<const double>(model.bias), model, target, baseline);
  std::vector<double> weights(document.columns.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(document.columns[i]) * model.outputs;
    weights[i] = of_class(std::span(model.weights).subspan(at, model.outputs), model, target, baseline);
    const double value = document.values[i];
    why.terms.push_back({document.columns[i], std::move(document.term_texts[i]), value, value * weights[i], {}});
    why.score += value * weights[i];
  }
  for (const SourceSpan unit : document.sources.units) why.spans.push_back({unit, 0.0});
  for (const LocatedTerm& term : document.terms) {
    const std::size_t place = place_of(document, term.column);
    why.terms[place].spans.push_back(span_of(term, document.sources));
    const double of_piece = weights[place] * term.share / static_cast<double>(term.pieces);
    for (std::uint32_t i = 0; i < term.pieces; ++i) {
      why.spans[document.sources.unit_of[term.first_piece + i]].contribution += of_piece;
    }
  }
  std::stable_sort(why.terms.begin(), why.terms.end(), [](const TermContribution& a, const TermContribution& b) {
    return std::fabs(a.contribution) > std::fabs(b.contribution);
  });
  return why;
}

}  // namespace marquee::text::bags
