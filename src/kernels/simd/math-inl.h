// Elementary functions on 16 lanes. Included inside an instruction set's namespace, after its vector.h.
// The coefficients are minimax fits by tests/golden/approximations/fit.py; kernels_test bounds the errors.

/// e^x: relative error below 2e-7; 0 below about -104, infinity above 88.73, NaN for NaN.
MARQUEE_INLINE Vec exponential(Vec x) {
  // Beyond these the answer is 0 or infinity; the bound keeps the power of two in range. NaN passes (second operand).
  x = min(set(150.0F), max(set(-150.0F), x));
  const Vec power = round_to_even(mul(x, set(1.44269504F)));
  // ln 2 in two parts, the first with few bits, so that the remainder is exact.
  Vec rest = fma(power, set(-0.693145752F), x);
  rest = fma(power, set(-1.42860682e-6F), rest);
  Vec tail = set(0.00138131448F);
  tail = fma(tail, rest, set(0.00836941879F));
  tail = fma(tail, rest, set(0.041668456F));
  tail = fma(tail, rest, set(0.166665152F));
  tail = fma(tail, rest, set(0.49999994F));
  const Vec result = add(fma(mul(rest, rest), tail, rest), set(1.0F));
  return times_power_of_two(result, power);
}

/// tanh x: relative error below 4e-7.
MARQUEE_INLINE Vec hyperbolic_tangent(Vec x) {
  const Vec size = magnitude(x);
  const Vec square = mul(x, x);
  Vec tail = set(-0.00570498873F);
  tail = fma(tail, square, set(0.0206390899F));
  tail = fma(tail, square, set(-0.0537397154F));
  tail = fma(tail, square, set(0.133314416F));
  tail = fma(tail, square, set(-0.333332807F));
  const Vec small = fma(mul(size, square), tail, size);
  const Vec grown = exponential(add(size, size));
  const Vec large = sub(set(1.0F), div(set(2.0F), add(grown, set(1.0F))));
  return with_sign_of(select_less(size, set(0.625F), small, large), x);
}

/// 1 / (1 + e^-x)
MARQUEE_INLINE Vec sigmoid(Vec x) { return div(set(1.0F), add(set(1.0F), exponential(sub(zero(), x)))); }

/// Half of erfc(|z|): the normal distribution's tail. Relative error below 2e-7 plus that of e^(-z²).
MARQUEE_INLINE Vec half_complementary_error(Vec z) {
  const Vec t = div(set(1.0F), fma(set(0.4F), z, set(1.0F)));
  Vec sum = set(0.0412526093F);
  sum = fma(sum, t, set(-0.140317321F));
  sum = fma(sum, t, set(0.0839836523F));
  sum = fma(sum, t, set(0.0879681334F));
  sum = fma(sum, t, set(0.0797541067F));
  sum = fma(sum, t, set(0.193394125F));
  sum = fma(sum, t, set(0.201887384F));
  sum = fma(sum, t, set(0.226443142F));
  sum = fma(sum, t, set(0.225634232F));
  return mul(mul(set(0.5F), mul(sum, t)), exponential(sub(zero(), mul(z, z))));
}

MARQUEE_INLINE Vec silu(Vec x) { return mul(x, sigmoid(x)); }

// x/2 · (1 + tanh u) = x · sigmoid(2u), which loses no digits where tanh is near -1.
MARQUEE_INLINE Vec gelu_tanh(Vec x) {
  const Vec cubic = fma(mul(mul(x, x), x), set(0.044715F), x);
  return mul(x, sigmoid(mul(set(1.5957691216057307F), cubic)));
}

MARQUEE_INLINE Vec gelu_erf(Vec x) {
  const Vec tail = half_complementary_error(mul(magnitude(x), set(0.70710678118654752F)));
  const Vec lost = mul(x, tail);
  return select_less(x, zero(), lost, sub(x, lost));
}

MARQUEE_INLINE Vec sign_of(Vec x) {
  return select_less(zero(), x, set(1.0F), select_less(x, zero(), set(-1.0F), zero()));
}

MARQUEE_INLINE Vec relu(Vec x) { return select_less(zero(), x, x, zero()); }
MARQUEE_INLINE Vec leaky_relu(Vec x) { return select_less(zero(), x, x, mul(set(0.01F), x)); }

/// Calls body with the activation as a function of lanes.
template <typename Body>
MARQUEE_INLINE void with_activation(Activation activation, Body body) {
  switch (activation) {
    case Activation::kIdentity: return body([](Vec x) { return x; });
    case Activation::kSilu: return body([](Vec x) { return silu(x); });
    case Activation::kGeluTanh: return body([](Vec x) { return gelu_tanh(x); });
    case Activation::kGeluErf: return body([](Vec x) { return gelu_erf(x); });
    case Activation::kRelu: return body([](Vec x) { return relu(x); });
    case Activation::kLeakyRelu: return body([](Vec x) { return leaky_relu(x); });
    case Activation::kTanh: return body([](Vec x) { return hyperbolic_tangent(x); });
    case Activation::kSigmoid: return body([](Vec x) { return sigmoid(x); });
  }
}
