// One step of each optimiser over a slice of parameters: every value is read and written once. Included inside an
// instruction set's anonymous namespace, after map_row-inl.h and math-inl.h.

/// value = change(value, gradient, offset)
template <typename Change>
MARQUEE_INLINE void map_slice(const ParameterSlice& slice, Change change) {
  map_row(slice.value, slice.count, slice.value,
          [&](Vec value, std::size_t i) { return change(value, load_some(slice.gradient, i, slice.count), i); });
}

void sgd(const SgdStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec decay = set(step.decay);
  const Vec momentum = set(step.momentum);
  const Vec fresh = set(1.0F - step.dampening);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    gradient = fma(decay, value, gradient);
    if (step.momentum == 0.0F) return fma(rate, gradient, value);
    const Vec velocity = fma(momentum, load_some(slice.first, i, slice.count), mul(fresh, gradient));
    store_some(slice.first, velocity, i, slice.count);
    return fma(rate, step.nesterov ? fma(momentum, velocity, gradient) : velocity, value);
  });
}

void adam(const AdamStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec beta1 = set(step.beta1);
  const Vec beta2 = set(step.beta2);
  const Vec fresh1 = set(1.0F - step.beta1);
  const Vec fresh2 = set(1.0F - step.beta2);
  const Vec epsilon = set(step.epsilon);
  const Vec root_scale = set(step.root_scale);
  const Vec decay = set(step.decay);
  const Vec shrink = set(step.shrink);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    gradient = fma(decay, value, gradient);
    const Vec first = fma(beta1, load_some(slice.first, i, slice.count), mul(fresh1, gradient));
    const Vec second = fma(beta2, load_some(slice.second, i, slice.count), mul(fresh2, mul(gradient, gradient)));
    store_some(slice.first, first, i, slice.count);
    store_some(slice.second, second, i, slice.count);
    const Vec spread = fma(square_root(second), root_scale, epsilon);
    return fma(rate, div(first, spread), mul(value, shrink));
  });
}

void adagrad(const AdagradStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec epsilon = set(step.epsilon);
  const Vec decay = set(step.decay);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    gradient = fma(decay, value, gradient);
    const Vec total = fma(gradient, gradient, load_some(slice.second, i, slice.count));
    store_some(slice.second, total, i, slice.count);
    return fma(rate, div(gradient, add(square_root(total), epsilon)), value);
  });
}

void rms_prop(const RmsPropStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec smoothing = set(step.smoothing);
  const Vec fresh = set(1.0F - step.smoothing);
  const Vec epsilon = set(step.epsilon);
  const Vec momentum = set(step.momentum);
  const Vec decay = set(step.decay);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    gradient = fma(decay, value, gradient);
    const Vec second = fma(smoothing, load_some(slice.second, i, slice.count), mul(fresh, mul(gradient, gradient)));
    store_some(slice.second, second, i, slice.count);
    Vec change = div(gradient, add(square_root(second), epsilon));
    if (step.momentum != 0.0F) {
      change = fma(momentum, load_some(slice.first, i, slice.count), change);
      store_some(slice.first, change, i, slice.count);
    }
    return fma(rate, change, value);
  });
}

void adadelta(const AdadeltaStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec smoothing = set(step.smoothing);
  const Vec fresh = set(1.0F - step.smoothing);
  const Vec epsilon = set(step.epsilon);
  const Vec decay = set(step.decay);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    gradient = fma(decay, value, gradient);
    const Vec second = fma(smoothing, load_some(slice.second, i, slice.count), mul(fresh, mul(gradient, gradient)));
    const Vec before = load_some(slice.first, i, slice.count);
    const Vec change = mul(div(square_root(add(before, epsilon)), square_root(add(second, epsilon))), gradient);
    store_some(slice.second, second, i, slice.count);
    store_some(slice.first, fma(smoothing, before, mul(fresh, mul(change, change))), i, slice.count);
    return fma(rate, change, value);
  });
}

void lion(const LionStep& step, const ParameterSlice& slice) {
  const Vec rate = set(-step.rate);
  const Vec beta1 = set(step.beta1);
  const Vec beta2 = set(step.beta2);
  const Vec fresh1 = set(1.0F - step.beta1);
  const Vec fresh2 = set(1.0F - step.beta2);
  const Vec shrink = set(step.shrink);
  map_slice(slice, [&](Vec value, Vec gradient, std::size_t i) {
    const Vec before = load_some(slice.first, i, slice.count);
    store_some(slice.first, fma(beta2, before, mul(fresh2, gradient)), i, slice.count);
    const Vec direction = sign_of(fma(beta1, before, mul(fresh1, gradient)));
    return fma(rate, direction, mul(value, shrink));
  });
}
