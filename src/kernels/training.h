#pragma once
// Loops that only training needs, one table of functions per instruction set, as in kernels.h: raw memory, nothing
// checked, nothing allocated, no alignment asked for. Outputs may be inputs of the same call unless said otherwise.

#include <cstddef>
#include <cstdint>

#include "kernels/activation.h"
#include "kernels/isa.h"

namespace marquee::kernels {

enum class UnaryOp : std::uint8_t { kNegate, kAbs, kSquare, kSqrt, kExp, kLog };

/// kGreater gives 1 where a > b and 0 elsewhere, kEqual 1 where they are equal.
enum class BinaryOp : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kGreater, kEqual };

/// y[i] = op(a[i], b[i]); an operand that is one value stands for all.
struct BinaryRow {
  const float* a = nullptr;
  const float* b = nullptr;
  bool one_a = false;
  bool one_b = false;
  std::size_t count = 0;
  float* y = nullptr;
};

/// Backward of one normalised row. dgamma and dbeta are added to; either may be null.
struct NormGradientRow {
  const float* x = nullptr;
  const float* gamma = nullptr;
  const float* dy = nullptr;
  std::size_t count = 0;
  float epsilon = 0.0F;
  float* dx = nullptr;
  float* dgamma = nullptr;
  float* dbeta = nullptr;  ///< layer_norm only
};

/// One row of a gated recurrent unit. @source arXiv:1406.1078, in the form of cuDNN and PyTorch: the reset gate
/// multiplies what the state adds to the candidate.
struct GruRow {
  std::size_t hidden = 0;
  const float* from_input = nullptr;  ///< [3 hidden]: W x + b of reset, update, candidate
  const float* from_state = nullptr;  ///< [3 hidden]: U h + c of the same
  const float* state = nullptr;       ///< [hidden]: h before
  float* gates = nullptr;             ///< [3 hidden]: their values, kept for the backward pass
  float* next = nullptr;              ///< [hidden]: h after
};

/// Its backward. d_state is written, not added to.
struct GruGradientRow {
  std::size_t hidden = 0;
  const float* gates = nullptr;
  const float* from_state = nullptr;
  const float* state = nullptr;
  const float* d_next = nullptr;
  float* d_from_input = nullptr;  ///< [3 hidden]
  float* d_from_state = nullptr;  ///< [3 hidden]
  float* d_state = nullptr;       ///< [hidden]: what passes the update gate; the product with U comes on top
};

/// One row of a long short-term memory. @source Hochreiter and Schmidhuber 1997, with forget gate
struct LstmRow {
  std::size_t hidden = 0;
  const float* sums = nullptr;  ///< [4 hidden]: W x + U h + b of input, forget, cell, output
  const float* cell = nullptr;  ///< [hidden]: c before
  float* gates = nullptr;       ///< [4 hidden]: their values
  float* next_cell = nullptr;   ///< [hidden]: not the same as cell
  float* next = nullptr;        ///< [hidden]: h after
};

/// Its backward. d_cell is read and written.
struct LstmGradientRow {
  std::size_t hidden = 0;
  const float* gates = nullptr;
  const float* cell = nullptr;
  const float* next_cell = nullptr;
  const float* d_next = nullptr;
  float* d_cell = nullptr;  ///< [hidden]: of c after; then of c before
  float* d_sums = nullptr;  ///< [4 hidden]
};

/// What dropout multiplies by: values that are 0 or `kept`, by the words of Philox 4x32-10 (tensor/autograd/random.h).
/// Value i is of word i % 4 of counter first_counter + i / 4.
struct DropoutMask {
  std::uint64_t first_counter = 0;
  std::uint64_t stream = 0;
  std::uint64_t key = 0;
  std::uint32_t below = 0;  ///< 0 if the word's upper 24 bits are less than this
  float kept = 1.0F;
  std::size_t count = 0;
  float* y = nullptr;
};

/// What a step of an optimiser changes. Buffers that an optimiser does not keep are null.
struct ParameterSlice {
  std::size_t count = 0;
  float* value = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;   ///< a running average of gradients, or momentum
  float* second = nullptr;  ///< a running average of their squares, or their sum
};

struct SgdStep {
  float rate = 0.0F;
  float momentum = 0.0F;  ///< 0: `first` is not used
  float dampening = 0.0F;
  float decay = 0.0F;  ///< added to the gradient: decay · value
  bool nesterov = false;
};

/// Adam and AdamW. @source arXiv:1412.6980, arXiv:1711.05101
struct AdamStep {
  float rate = 0.0F;  ///< already divided by 1 - beta1^t
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float root_scale = 1.0F;  ///< 1 / sqrt(1 - beta2^t)
  float decay = 0.0F;       ///< added to the gradient (Adam)
  float shrink = 1.0F;      ///< what values are multiplied by first (AdamW): 1 - rate · decay
};

/// @source Duchi, Hazan and Singer 2011
struct AdagradStep {
  float rate = 0.0F;
  float epsilon = 1e-10F;
  float decay = 0.0F;
};

/// `first` is used if momentum is not 0. @source Tieleman and Hinton 2012
struct RmsPropStep {
  float rate = 0.0F;
  float smoothing = 0.99F;
  float epsilon = 1e-8F;
  float momentum = 0.0F;
  float decay = 0.0F;
};

/// `first` averages squared changes, `second` squared gradients. @source arXiv:1212.5701
struct AdadeltaStep {
  float rate = 1.0F;
  float smoothing = 0.9F;
  float epsilon = 1e-6F;
  float decay = 0.0F;
};

/// @source arXiv:2302.06675
struct LionStep {
  float rate = 0.0F;
  float beta1 = 0.9F;
  float beta2 = 0.99F;
  float shrink = 1.0F;  ///< 1 - rate · decay
};

struct TrainingKernels {
  void (*unary)(UnaryOp op, const float* x, std::size_t count, float* y);
  /// dx = dy · f'(x), y being f(x)
  void (*unary_gradient)(UnaryOp op, const float* x, const float* y, const float* dy, std::size_t count, float* dx);
  /// The same of an activation. x is read only if needs_input(activation).
  void (*activation_gradient)(Activation activation, const float* x, const float* y, const float* dy, std::size_t count,
                              float* dx);
  void (*binary)(BinaryOp op, const BinaryRow& row);

  void (*f32_to_bf16)(const float* x, std::size_t count, std::uint16_t* y);  ///< rounds half to even; NaN stays NaN
  void (*bf16_to_f32)(const std::uint16_t* x, std::size_t count, float* y);

  float (*sum)(const float* x, std::size_t count);
  float (*dot)(const float* x, const float* y, std::size_t count);
  float (*log_sum_exp)(const float* x, std::size_t count);  ///< -infinity for -infinity alone

  void (*add_scaled)(float scale, const float* x, std::size_t count, float* y);                 ///< y += scale · x
  void (*add_product)(const float* a, const float* b, std::size_t count, float* y);             ///< y += a · b
  void (*add_squared_difference)(const float* a, const float* b, std::size_t count, float* y);  ///< y += (a - b)²
  void (*multiply_add)(const float* x, const float* a, const float* b, std::size_t count, float* y);  ///< y = x · a + b

  /// Where x is larger than what is the largest so far, it and its index take that place: a maximum over several rows.
  void (*keep_largest)(const float* x, std::int32_t index, std::size_t count, float* largest, std::int32_t* where);
  /// y += x where `where` is index
  void (*add_where)(const float* x, const std::int32_t* where, std::int32_t index, std::size_t count, float* y);

  /// dx = y · (dy - Σ y dy), y being a softmax
  void (*softmax_gradient)(const float* y, const float* dy, std::size_t count, float* dx);
  /// dx = dy - exp(y) · Σ dy, y being its logarithm
  void (*log_softmax_gradient)(const float* y, const float* dy, std::size_t count, float* dx);
  /// y = scale · exp(x - log_sum) + shift: the gradient of a cross-entropy but for its target
  void (*scaled_softmax)(const float* x, float log_sum, float scale, float shift, std::size_t count, float* y);
  void (*layer_norm_gradient)(const NormGradientRow& row);
  void (*rms_norm_gradient)(const NormGradientRow& row);

  void (*gru)(const GruRow& row);
  void (*gru_gradient)(const GruGradientRow& row);
  void (*lstm)(const LstmRow& row);
  void (*lstm_gradient)(const LstmGradientRow& row);

  void (*sgd)(const SgdStep& step, const ParameterSlice& slice);
  void (*adam)(const AdamStep& step, const ParameterSlice& slice);
  void (*adagrad)(const AdagradStep& step, const ParameterSlice& slice);
  void (*rms_prop)(const RmsPropStep& step, const ParameterSlice& slice);
  void (*adadelta)(const AdadeltaStep& step, const ParameterSlice& slice);
  void (*lion)(const LionStep& step, const ParameterSlice& slice);

  void (*dropout_mask)(const DropoutMask& mask);
};

/// The table chosen once for this process (see kernels/cpu.h).
/// @throws std::runtime_error if MARQUEE_ISA is wrong; programs check chosen_isa() at start, so that this never happens
const TrainingKernels& training_kernels();

/// @return null if this CPU cannot run that instruction set
const TrainingKernels* training_kernels_for(Isa isa);

}  // namespace marquee::kernels
