// Kernels of training. Included inside an instruction set's anonymous namespace, after its vector.h, map_row-inl.h and
// math-inl.h. Rows are taken 16 values at a time from their start.

/// Σ map(offset), in four running sums that hide the latency of an addition.
template <typename Map>
MARQUEE_INLINE float sum_row(std::size_t count, Map map) {
  Vec sums[4] = {zero(), zero(), zero(), zero()};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] = add(sums[k], map(i + k * kLanes));
  }
  for (; i < count; i += kLanes) sums[0] = add(sums[0], map(i));
  return sum_of_lanes(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

void unary(UnaryOp op, const float* x, std::size_t count, float* y) {
  switch (op) {
    case UnaryOp::kNegate: return map_row(x, count, y, [](Vec v, std::size_t) { return sub(zero(), v); });
    case UnaryOp::kAbs: return map_row(x, count, y, [](Vec v, std::size_t) { return magnitude(v); });
    case UnaryOp::kSquare: return map_row(x, count, y, [](Vec v, std::size_t) { return mul(v, v); });
    case UnaryOp::kSqrt: return map_row(x, count, y, [](Vec v, std::size_t) { return square_root(v); });
    case UnaryOp::kExp: return map_row(x, count, y, [](Vec v, std::size_t) { return exponential(v); });
    case UnaryOp::kLog:
      for (std::size_t i = 0; i < count; ++i) y[i] = __builtin_logf(x[i]);
      return;
  }
}

void unary_gradient(UnaryOp op, const float* x, const float* y, const float* dy, std::size_t count, float* dx) {
  const auto at = [count](const float* from, std::size_t i) { return load_some(from, i, count); };
  switch (op) {
    case UnaryOp::kNegate: return map_row(dy, count, dx, [](Vec d, std::size_t) { return sub(zero(), d); });
    case UnaryOp::kAbs: return map_row(dy, count, dx, [=](Vec d, std::size_t i) { return mul(d, sign_of(at(x, i))); });
    case UnaryOp::kSquare:
      return map_row(dy, count, dx, [=](Vec d, std::size_t i) { return mul(d, add(at(x, i), at(x, i))); });
    case UnaryOp::kSqrt:
      return map_row(dy, count, dx, [=](Vec d, std::size_t i) { return div(mul(d, set(0.5F)), at(y, i)); });
    case UnaryOp::kExp: return map_row(dy, count, dx, [=](Vec d, std::size_t i) { return mul(d, at(y, i)); });
    case UnaryOp::kLog: return map_row(dy, count, dx, [=](Vec d, std::size_t i) { return div(d, at(x, i)); });
  }
}

MARQUEE_INLINE Vec silu_slope(Vec x) {
  const Vec s = sigmoid(x);
  return mul(s, fma(x, sub(set(1.0F), s), set(1.0F)));
}

// y = x s(2u) with u = √(2/π) (x + c x³): y' = s + x s (1 - s) 2u'.
MARQUEE_INLINE Vec gelu_tanh_slope(Vec x) {
  const Vec square = mul(x, x);
  const Vec s = sigmoid(mul(set(1.5957691216057307F), fma(mul(square, x), set(0.044715F), x)));
  const Vec inner = mul(set(1.5957691216057307F), fma(square, set(3.0F * 0.044715F), set(1.0F)));
  return fma(mul(mul(x, s), sub(set(1.0F), s)), inner, s);
}

// Φ(x) + x φ(x)
MARQUEE_INLINE Vec gelu_erf_slope(Vec x) {
  const Vec tail = half_complementary_error(mul(magnitude(x), set(0.70710678118654752F)));
  const Vec below = select_less(x, zero(), tail, sub(set(1.0F), tail));
  const Vec density = mul(set(0.3989422804014327F), exponential(mul(set(-0.5F), mul(x, x))));
  return fma(x, density, below);
}

void activation_gradient(Activation activation, const float* x, const float* y, const float* dy, std::size_t count,
                         float* dx) {
  const auto of_input = [&](auto slope) {
    map_row(dy, count, dx, [&](Vec d, std::size_t i) { return mul(d, slope(load_some(x, i, count))); });
  };
  const auto of_output = [&](auto slope) {
    map_row(dy, count, dx, [&](Vec d, std::size_t i) { return mul(d, slope(load_some(y, i, count))); });
  };
  const Vec one = set(1.0F);
  switch (activation) {
    case Activation::kIdentity: return of_output([&](Vec) { return one; });
    case Activation::kSilu: return of_input([](Vec v) { return silu_slope(v); });
    case Activation::kGeluTanh: return of_input([](Vec v) { return gelu_tanh_slope(v); });
    case Activation::kGeluErf: return of_input([](Vec v) { return gelu_erf_slope(v); });
    case Activation::kRelu: return of_output([&](Vec v) { return select_less(zero(), v, one, zero()); });
    case Activation::kLeakyRelu: return of_output([&](Vec v) { return select_less(zero(), v, one, set(0.01F)); });
    case Activation::kTanh: return of_output([&](Vec v) { return sub(one, mul(v, v)); });
    case Activation::kSigmoid: return of_output([&](Vec v) { return mul(v, sub(one, v)); });
  }
}

template <typename Op>
MARQUEE_INLINE void binary_row(const BinaryRow& row, Op op) {
  if (row.one_b) {
    const Vec b = set(*row.b);
    return map_row(row.a, row.count, row.y, [&](Vec a, std::size_t) { return op(a, b); });
  }
  if (row.one_a) {
    const Vec a = set(*row.a);
    return map_row(row.b, row.count, row.y, [&](Vec b, std::size_t) { return op(a, b); });
  }
  map_row(row.a, row.count, row.y, [&](Vec a, std::size_t i) { return op(a, load_some(row.b, i, row.count)); });
}

void binary(BinaryOp op, const BinaryRow& row) {
  if (row.one_a && row.one_b) {  // one value each: a row of one operand is what the loops take
    BinaryRow first = row;
    first.one_a = false;
    first.count = row.count == 0 ? 0 : 1;
    binary(op, first);
    for (std::size_t i = 1; i < row.count; ++i) row.y[i] = row.y[0];
    return;
  }
  switch (op) {
    case BinaryOp::kAdd: return binary_row(row, [](Vec a, Vec b) { return add(a, b); });
    case BinaryOp::kSubtract: return binary_row(row, [](Vec a, Vec b) { return sub(a, b); });
    case BinaryOp::kMultiply: return binary_row(row, [](Vec a, Vec b) { return mul(a, b); });
    case BinaryOp::kDivide: return binary_row(row, [](Vec a, Vec b) { return div(a, b); });
    case BinaryOp::kMaximum: return binary_row(row, [](Vec a, Vec b) { return max(a, b); });
    case BinaryOp::kMinimum: return binary_row(row, [](Vec a, Vec b) { return min(a, b); });
    case BinaryOp::kGreater: return binary_row(row, [](Vec a, Vec b) { return select_less(b, a, set(1.0F), zero()); });
    case BinaryOp::kEqual:
      return binary_row(row, [](Vec a, Vec b) {
        const Vec not_below = select_less(a, b, zero(), set(1.0F));
        return select_less(b, a, zero(), not_below);
      });
  }
}

float sum(const float* x, std::size_t count) {
  return sum_row(count, [=](std::size_t i) { return load_some(x, i, count); });
}

float dot(const float* x, const float* y, std::size_t count) {
  return sum_row(count, [=](std::size_t i) { return mul(load_some(x, i, count), load_some(y, i, count)); });
}

float log_sum_exp(const float* x, std::size_t count) {
  const Vec lowest = set(-__builtin_inff());
  Vec largest = lowest;
  for (std::size_t i = 0; i < count; i += kLanes) {
    Vec v = load_some(x, i, count);
    if (count - i < kLanes) v = select_range(v, lowest, 0, static_cast<std::int32_t>(count - i));
    largest = max(v, largest);
  }
  const float top = largest_lane(largest);
  if (top == -__builtin_inff()) return top;
  const Vec base = set(top);
  const float total =
      sum_row(count, [=](std::size_t i) { return in_use(exponential(sub(load_some(x, i, count), base)), i, count); });
  return top + __builtin_logf(total);
}

void add_scaled(float scale, const float* x, std::size_t count, float* y) {
  const Vec factor = set(scale);
  map_row(y, count, y, [&](Vec v, std::size_t i) { return fma(factor, load_some(x, i, count), v); });
}

void add_product(const float* a, const float* b, std::size_t count, float* y) {
  map_row(y, count, y, [&](Vec v, std::size_t i) { return fma(load_some(a, i, count), load_some(b, i, count), v); });
}

void add_squared_difference(const float* a, const float* b, std::size_t count, float* y) {
  map_row(y, count, y, [&](Vec v, std::size_t i) {
    const Vec difference = sub(load_some(a, i, count), load_some(b, i, count));
    return fma(difference, difference, v);
  });
}

void multiply_add(const float* x, const float* a, const float* b, std::size_t count, float* y) {
  map_row(x, count, y, [&](Vec v, std::size_t i) { return fma(v, load_some(a, i, count), load_some(b, i, count)); });
}

void softmax_gradient(const float* y, const float* dy, std::size_t count, float* dx) {
  const Vec mean = set(dot(y, dy, count));
  map_row(dy, count, dx, [&](Vec d, std::size_t i) { return mul(load_some(y, i, count), sub(d, mean)); });
}

void log_softmax_gradient(const float* y, const float* dy, std::size_t count, float* dx) {
  const Vec total = set(-sum(dy, count));
  map_row(dy, count, dx, [&](Vec d, std::size_t i) { return fma(exponential(load_some(y, i, count)), total, d); });
}

void scaled_softmax(const float* x, float log_sum, float scale, float shift, std::size_t count, float* y) {
  const Vec base = set(log_sum);
  const Vec factor = set(scale);
  const Vec offset = set(shift);
  map_row(x, count, y, [&](Vec v, std::size_t) { return fma(exponential(sub(v, base)), factor, offset); });
}

// With g = dy·γ and x̂ the normalised row: dx = (g - mean(g) - x̂ mean(g x̂)) / σ.
void layer_norm_gradient(const NormGradientRow& row) {
  const std::size_t count = row.count;
  const float size = static_cast<float>(count);
  const Vec mean = set(sum(row.x, count) / size);
  const float variance = sum_row(count,
                                 [&](std::size_t i) {
                                   const Vec centred = in_use(sub(load_some(row.x, i, count), mean), i, count);
                                   return mul(centred, centred);
                                 }) /
                         size;
  const Vec factor = div(set(1.0F), square_root(set(variance + row.epsilon)));
  const auto normal = [&](std::size_t i) { return mul(sub(load_some(row.x, i, count), mean), factor); };
  const auto grown = [&](std::size_t i) { return mul(load_some(row.dy, i, count), load_some(row.gamma, i, count)); };
  const Vec mean_grown = set(sum_row(count, grown) / size);
  const Vec mean_product = set(sum_row(count, [&](std::size_t i) { return mul(grown(i), normal(i)); }) / size);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const Vec x = normal(i);
    const Vec d = load_some(row.dy, i, count);
    if (row.dgamma != nullptr) store_some(row.dgamma, fma(d, x, load_some(row.dgamma, i, count)), i, count);
    if (row.dbeta != nullptr) store_some(row.dbeta, add(d, load_some(row.dbeta, i, count)), i, count);
    const Vec change = sub(sub(grown(i), mean_grown), mul(x, mean_product));
    store_some(row.dx, mul(change, factor), i, count);
  }
}

// With g = dy·γ, r the root mean square and x̂ = x / r: dx = (g - x̂ mean(g x̂)) / r.
void rms_norm_gradient(const NormGradientRow& row) {
  const std::size_t count = row.count;
  const float size = static_cast<float>(count);
  const Vec factor = div(set(1.0F), square_root(set(dot(row.x, row.x, count) / size + row.epsilon)));
  const auto normal = [&](std::size_t i) { return mul(load_some(row.x, i, count), factor); };
  const auto grown = [&](std::size_t i) { return mul(load_some(row.dy, i, count), load_some(row.gamma, i, count)); };
  const Vec mean_product = set(sum_row(count, [&](std::size_t i) { return mul(grown(i), normal(i)); }) / size);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const Vec x = normal(i);
    if (row.dgamma != nullptr) {
      store_some(row.dgamma, fma(load_some(row.dy, i, count), x, load_some(row.dgamma, i, count)), i, count);
    }
    store_some(row.dx, mul(sub(grown(i), mul(x, mean_product)), factor), i, count);
  }
}
