#include "nn/parameters.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <utility>

#include "tensor/matrix.h"
#include "tensor/ops.h"

namespace marquee::nn {
namespace {

using tensor::autograd::philox;
using tensor::autograd::unit_float;

void fill(Tensor& tensor, Initial initial, std::uint64_t stream, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(tensor.elements());
  float* values = tensor.data();
  for (std::size_t i = 0; i < count; i += 2) {
    const auto words = philox(i, stream, seed);
    const float a = unit_float(words[0]);
    const float b = unit_float(words[1]);
    float pair[2] = {initial.size, initial.size};
    if (initial.kind == Initial::Kind::kUniform) {
      pair[0] = initial.size * (2.0F * a - 1.0F);
      pair[1] = initial.size * (2.0F * b - 1.0F);
    } else if (initial.kind == Initial::Kind::kNormal) {  // Box and Muller; 1 - a is never 0
      const float radius = initial.size * std::sqrt(-2.0F * std::log(1.0F - a));
      pair[0] = radius * std::cos(2.0F * std::numbers::pi_v<float> * b);
      pair[1] = radius * std::sin(2.0F * std::numbers::pi_v<float> * b);
    }
    values[i] = pair[0];
    if (i + 1 < count) values[i + 1] = pair[1];
  }
}

/// One stored tensor as f32 values. @error as load()
base::Result<Tensor> values_of(const tensor::WeightSource& source, const Parameter& parameter) {
  MARQUEE_ASSIGN(const tensor::StoredTensor stored, source.find(parameter.name));
  const Shape& shape = parameter.value.shape();
  if (!std::equal(stored.shape.begin(), stored.shape.end(), shape.extents().begin(), shape.extents().end())) {
    std::string found = "[";
    for (const std::int64_t extent : stored.shape) found += (found.size() == 1 ? "" : ", ") + std::to_string(extent);
    return base::corrupt("the tensor " + parameter.name + " is " + found + "], but the network's is " +
                         shape.to_string());
  }
  Tensor values = Tensor::empty(shape);
  tensor::StoredTensor flat = stored;
  flat.shape = {1, stored.elements()};
  MARQUEE_CHECK(tensor::dequantize_row(flat, 0, {values.data(), static_cast<std::size_t>(values.elements())}));
  return values;
}

}  // namespace

void ParameterStore::check_is_free(const std::string& name) const {
  for (const std::vector<Parameter>* list : {&parameters_, &buffers_}) {
    if (std::any_of(list->begin(), list->end(), [&](const Parameter& p) { return p.name == name; })) {
      throw std::logic_error("two parameters are named " + name);
    }
  }
}

Tensor ParameterStore::make(const std::string& name, const Shape& shape, Initial initial, bool decays) {
  check_is_free(name);
  Tensor value = Tensor::empty(shape);
  fill(value, initial, random_.take_stream(), random_.seed);
  value.require_gradient();
  parameters_.push_back({name, value, decays});
  return value;
}

Tensor ParameterStore::make_buffer(const std::string& name, const Shape& shape, float value) {
  check_is_free(name);
  buffers_.push_back({name, Tensor::full(shape, value), false});
  return buffers_.back().value;
}

std::int64_t ParameterStore::learnt_elements() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_)
    count += parameter.value.requires_gradient() ? parameter.value.elements() : 0;
  return count;
}

void ParameterStore::clear_gradients() {
  for (Parameter& parameter : parameters_) parameter.value.clear_gradient();
}

void ParameterStore::freeze(std::string_view prefix, bool frozen) {
  for (Parameter& parameter : parameters_) {
    if (!std::string_view(parameter.name).starts_with(prefix)) continue;
    parameter.value.require_gradient(!frozen);
    parameter.value.clear_gradient();
  }
}

base::Result<void> ParameterStore::load(const tensor::WeightSource& source, std::string_view optional_prefix) {
  std::vector<std::pair<Tensor, Tensor>> found;
  for (const std::vector<Parameter>* list : {&parameters_, &buffers_}) {
    for (const Parameter& parameter : *list) {
      const bool is_optional =
          !optional_prefix.empty() && std::string_view(parameter.name).starts_with(optional_prefix);
      if (is_optional && !source.contains(parameter.name)) continue;
      MARQUEE_ASSIGN(Tensor values, values_of(source, parameter));
      found.emplace_back(parameter.value, std::move(values));
    }
  }
  for (auto& [to, from] : found) std::copy(from.values().begin(), from.values().end(), to.data());
  return {};
}

}  // namespace marquee::nn
