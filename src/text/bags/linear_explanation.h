#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/bags/linear_model.h"
#include "text/bags/vectoriser.h"

namespace marquee::text::bags {

/// What a class's score is compared with.
enum class ScoreBaseline : std::uint8_t {
  kZero,           ///< the score itself
  kMeanOfClasses,  ///< how much it is above the mean of all classes' scores: what decides a softmax
};

/// What one term gave to the score.
struct TermContribution {
  std::uint32_t column = 0;
  std::string term;    ///< as it stands in the vocabulary; of a hashed column the first term of the text that met it
  double value = 0.0;  ///< of the row
  double contribution = 0.0;      ///< value * weight
  std::vector<SourceSpan> spans;  ///< where it is in the text, an n-gram from its first word to its last
};

/// What the bytes of one word gave, terms of several words split evenly among them. With character n-grams also
/// the white space between words.
struct SpanContribution {
  SourceSpan span;
  double contribution = 0.0;
};

/// Why a text got its score: bias + the sum of the terms' contributions is the score, exactly but for rounding in
/// double precision, and so is bias + the sum of the spans'.
struct LinearExplanation {
  std::uint32_t target = 0;  ///< the class
  double score = 0.0;
  double bias = 0.0;
  std::vector<TermContribution> terms;  ///< those that give most, for or against, first
  std::vector<SpanContribution> spans;  ///< in the order of the text, every word once
};

/// Explains the score of a class for a text.
/// @param target below model.classes
/// @error kInvalidArgument for a target that is no class, a model of another number of features than the vectoriser's,
///        or a text of more than 16 MiB (kTooLarge)
base::Result<LinearExplanation> explain_linear(const Vectoriser& vectoriser, const LinearModel& model,
                                               std::string_view text, std::uint32_t target,
                                               ScoreBaseline baseline = ScoreBaseline::kZero);

}  // namespace marquee::text::bags
