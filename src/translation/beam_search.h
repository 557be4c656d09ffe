#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/autograd/tensor.h"

namespace marquee::translation {

using WordId = std::int32_t;

/// Scores words that may follow, for many unfinished texts at once.
class NextWords {
 public:
  virtual ~NextWords() = default;
  /// @param parents row i goes on from what was row parents[i] in the call before; in the first, from source parents[i]
  /// @param words [rows]: what was written last
  /// @shape result: [rows, words of the vocabulary], log-probabilities
  virtual tensor::autograd::Tensor next(std::span<const std::int32_t> parents, std::span<const WordId> words) = 0;
};

struct BeamOptions {
  std::int32_t beams = 4;         ///< 1: the likeliest word each time
  float length_penalty = 0.6F;    ///< α: a text's score is divided by ((5 + its length) / 6)^α; 0: long ones pay
  std::int32_t max_length = 256;  ///< words, the end not counted; what is longer is cut
  WordId begin = 1;
  WordId end = 2;
};

struct Hypothesis {
  std::vector<WordId> words;  ///< without the end
  float score = 0.0F;         ///< its log-probability with the penalty
  bool cut = false;           ///< it did not end by itself
};

/// The best texts for each source, best first, at most `beams` of each.
/// @source arXiv:1609.08144, section 7
std::vector<std::vector<Hypothesis>> beam_search(NextWords& model, std::size_t sources, const BeamOptions& options);

}  // namespace marquee::translation
