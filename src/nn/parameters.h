#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/autograd/random.h"
#include "tensor/autograd/tensor.h"
#include "tensor/weight_source.h"

namespace marquee::nn {

using tensor::autograd::Shape;
using tensor::autograd::Tensor;

/// How the values of a parameter begin.
struct Initial {
  enum class Kind : std::uint8_t { kConstant, kUniform, kNormal };
  Kind kind = Kind::kConstant;
  float size = 0.0F;  ///< the constant, the bound of a uniform distribution around 0, or a standard deviation

  static Initial constant(float value) { return {Kind::kConstant, value}; }
  static Initial uniform(float bound) { return {Kind::kUniform, bound}; }
  static Initial normal(float deviation) { return {Kind::kNormal, deviation}; }
};

struct Parameter {
  std::string name;
  Tensor value;        ///< a leaf that wants a gradient, unless frozen
  bool decays = true;  ///< whether weight decay applies: not to biases and norms
};

/// What a network learns and keeps, by name. Layers ask for their parameters as they are built and hold the tensors;
/// the store initialises, saves and restores them. Two networks built alike from one seed are the same.
class ParameterStore {
 public:
  explicit ParameterStore(std::uint64_t seed) : random_{.seed = seed} {}

  /// @throws std::logic_error if the name is taken
  Tensor make(const std::string& name, const Shape& shape, Initial initial, bool decays = true);
  /// A tensor that is saved with the parameters but not learnt: running statistics.
  Tensor make_buffer(const std::string& name, const Shape& shape, float value);

  [[nodiscard]] std::span<const Parameter> parameters() const { return parameters_; }
  [[nodiscard]] std::span<const Parameter> buffers() const { return buffers_; }
  [[nodiscard]] std::int64_t learnt_elements() const;
  void clear_gradients();
  /// Parameters whose names begin so do not learn, or learn again.
  void freeze(std::string_view prefix, bool frozen = true);

  /// Takes every value from a source, converted to f32.
  /// @param optional_prefix names that begin so may be missing, and stay as they are: a new head on an old body
  /// @error kNotFound, or kCorrupt naming the tensor and both shapes; nothing is changed then
  base::Result<void> load(const tensor::WeightSource& source, std::string_view optional_prefix = {});

 private:
  void check_is_free(const std::string& name) const;

  std::vector<Parameter> parameters_;
  std::vector<Parameter> buffers_;
  tensor::autograd::Random random_;
};

}  // namespace marquee::nn
