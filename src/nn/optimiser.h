#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/parameters.h"

namespace marquee::nn {

enum class Method : std::uint8_t {
  kSgd,  ///< with the whole set as one batch: gradient descent
  kAdagrad,
  kRmsProp,
  kAdadelta,
  kAdam,   ///< decay is added to the gradient
  kAdamW,  ///< decay shrinks values by themselves
  kLion,
  kSubgradient,  ///< for losses with corners: rates fall, see BestIterate
};

/// "sgd", "adamw", … @error kInvalidArgument for another name, with those there are
base::Result<Method> method_of(std::string_view name);
std::string_view to_string(Method method);

/// Numbers that a method has no use for are not looked at.
struct OptimiserSettings {
  Method method = Method::kAdamW;
  float weight_decay = 0.0F;
  float momentum = 0.0F;  ///< kSgd, kRmsProp
  float dampening = 0.0F;
  bool nesterov = false;
  float beta1 = 0.9F;       ///< kAdam, kAdamW, kLion
  float beta2 = 0.999F;     ///< kLion's is 0.99 by default elsewhere
  float smoothing = 0.99F;  ///< kRmsProp; kAdadelta's is 0.9 by default elsewhere
  float epsilon = 1e-8F;
  float l1 = 0.0F;  ///< kSubgradient: λ of λ |value|, by its proximal step

  /// PyTorch's numbers for the method.
  static OptimiserSettings of(Method method);
};

/// Which parameters weight decay applies to.
enum class Decay : std::uint8_t { kWhereParametersSay, kEverything };

/// Changes parameters by their gradients. Steps take one pass over memory, shared by the team.
class Optimiser {
 public:
  /// Holds the store's parameters as they are now: those that want no gradient then are left alone.
  Optimiser(const ParameterStore& store, const OptimiserSettings& settings, Decay decay = Decay::kWhereParametersSay);

  /// One step. Parameters without a gradient stay as they are.
  /// @param rate of learning; for kSubgradient the first step's, which falls as 1 / √step
  void step(float rate);

  [[nodiscard]] const OptimiserSettings& settings() const { return settings_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }

  /// What a later step depends on, by name, to be saved and put back with the parameters.
  [[nodiscard]] std::vector<Parameter> state() const;
  /// @error kNotFound or kCorrupt naming the tensor
  base::Result<void> load_state(const tensor::WeightSource& source, std::int64_t steps);

 private:
  struct Slot {
    std::string name;
    Tensor value;
    bool decays;
    Tensor first;
    Tensor second;
  };
  void step_slice(Slot& slot, float rate, std::size_t begin, std::size_t count) const;

  OptimiserSettings settings_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
};

/// The best parameters so far: a subgradient step need not lower the loss, so the last need not be the best.
class BestIterate {
 public:
  explicit BestIterate(const ParameterStore& store);
  /// @return whether this loss is the lowest yet; the parameters are copied then
  bool note(double loss);
  /// Puts the best back.
  void restore();
  [[nodiscard]] double loss() const { return loss_; }

 private:
  std::vector<Tensor> live_;
  std::vector<Tensor> best_;
  double loss_;
};

/// √Σ gradient² over all parameters.
float gradient_norm(const ParameterStore& store);
/// Scales all gradients so that their norm is at most `most`. @return the norm before. @source arXiv:1211.5063
float clip_gradient_norm(ParameterStore& store, float most);

/// A running average of parameters, which often does better than the last ones. @source arXiv:1803.05407
class MovingAverage {
 public:
  MovingAverage(const ParameterStore& store, float decay);
  void update();
  /// Exchanges the averages and the live values: to evaluate, and back.
  void swap();
  /// The averages by name ("average." and the parameter's), to be saved and put back.
  [[nodiscard]] std::vector<Parameter> state() const;

 private:
  std::vector<std::string> names_;
  std::vector<Tensor> live_;
  std::vector<Tensor> average_;
  float decay_;
};

}  // namespace marquee::nn
