#pragma once
// Loops that only vectors of words need, one table of functions per instruction set, as in kernels.h: raw memory,
// nothing checked, nothing allocated, no alignment asked for.

#include <cstddef>

#include "kernels/isa.h"

namespace marquee::kernels {

/// Targets that one logistic step may have.
constexpr std::size_t kMaxLogisticTargets = 64;

/// One step of logistic regression of a few targets at once, by stochastic gradient: what negative sampling and
/// hierarchical softmax do for every word. With g[t] = rate · (labels[t] - sigmoid(input · rows[t])), all of them
/// before anything is written: input += Σ g[t] rows[t], and rows[t] += g[t] · (input as it was). A row may be there
/// more than once; input is none of the rows. @source arXiv:1310.4546
struct LogisticStep {
  std::size_t count = 0;          ///< values of a row
  float* input = nullptr;         ///< [count]
  std::size_t targets = 0;        ///< at most kMaxLogisticTargets
  float* const* rows = nullptr;   ///< [targets] of [count]
  const float* labels = nullptr;  ///< [targets]: 1 or 0
  float rate = 0.0F;
  float* scores = nullptr;  ///< [targets], out: input · rows[t]
};

/// One step of AdaGrad for two rows that are multiplied with each other. With g_a = error · b and g_b = error · a, each
/// held within ±clip: a -= g_a / sqrt(a_squares), then a_squares += g_a²; the same of b. The four rows are different.
/// @source Pennington, Socher and Manning, "GloVe", 2014, in the form of its reference implementation
struct PairStep {
  std::size_t count = 0;
  float error = 0.0F;  ///< the product's, times the learning rate
  float clip = 0.0F;
  float* a = nullptr;
  float* a_squares = nullptr;  ///< above 0
  float* b = nullptr;
  float* b_squares = nullptr;  ///< above 0
};

struct WordKernels {
  void (*logistic_step)(const LogisticStep& step);
  void (*pair_step)(const PairStep& step);
};

/// The table chosen once for this process (see kernels/cpu.h); programs check chosen_isa() at start, so that there is
/// one.
const WordKernels& word_kernels();

/// @return null if this CPU cannot run that instruction set
const WordKernels* word_kernels_for(Isa isa);

}  // namespace marquee::kernels
