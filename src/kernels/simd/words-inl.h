// Kernels of word vectors. Included inside an instruction set's anonymous namespace, after its vector.h, map_row-inl.h
// and math-inl.h.

/// scores[t] = input · rows[t], kTargets at a time: a register of input serves all, and their sums hide each other's
/// latency.
template <std::size_t kTargets>
MARQUEE_INLINE void score_rows(const float* input, float* const* rows, std::size_t count, float* scores) {
  Vec sums[kTargets];
  for (std::size_t t = 0; t < kTargets; ++t) sums[t] = zero();
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec x = load(input + i);
    for (std::size_t t = 0; t < kTargets; ++t) sums[t] = fma(x, load(rows[t] + i), sums[t]);
  }
  if (i < count) {
    const Vec x = load_part(input + i, count - i);
    for (std::size_t t = 0; t < kTargets; ++t) sums[t] = fma(x, load_part(rows[t] + i, count - i), sums[t]);
  }
  for (std::size_t t = 0; t < kTargets; ++t) scores[t] = sum_of_lanes(sums[t]);
}

/// input += Σ gains[t] rows[t]; rows[t] += gains[t] · (input as it was).
template <std::size_t kTargets>
MARQUEE_INLINE void exchange_rows(float* input, float* const* rows, const float* gains, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const Vec before = load_some(input, i, count);
    Vec after = before;
    for (std::size_t t = 0; t < kTargets; ++t) {
      const Vec gain = set(gains[t]);
      const Vec row = load_some(rows[t], i, count);
      after = fma(gain, row, after);
      store_some(rows[t], fma(gain, before, row), i, count);
    }
    store_some(input, after, i, count);
  }
}

/// The same of any number of rows.
MARQUEE_INLINE void exchange_rows(const LogisticStep& step, const float* gains) {
  for (std::size_t i = 0; i < step.count; i += kLanes) {
    const Vec before = load_some(step.input, i, step.count);
    Vec after = before;
    for (std::size_t t = 0; t < step.targets; ++t) {
      const Vec gain = set(gains[t]);
      const Vec row = load_some(step.rows[t], i, step.count);
      after = fma(gain, row, after);
      store_some(step.rows[t], fma(gain, before, row), i, step.count);
    }
    store_some(step.input, after, i, step.count);
  }
}

void logistic_step(const LogisticStep& step) {
  float gains[kMaxLogisticTargets];
  std::size_t scored = 0;
  for (; scored + 6 <= step.targets; scored += 6) {
    score_rows<6>(step.input, step.rows + scored, step.count, step.scores + scored);
  }
  for (; scored < step.targets; ++scored) {
    score_rows<1>(step.input, step.rows + scored, step.count, step.scores + scored);
  }
  for (std::size_t t = 0; t < step.targets; t += kLanes) {
    const Vec error = sub(load_some(step.labels, t, step.targets), sigmoid(load_some(step.scores, t, step.targets)));
    store_some(gains, mul(set(step.rate), error), t, step.targets);
  }
  // Five negative samples and what was there is what nearly everybody asks for.
  if (step.targets == 6) return exchange_rows<6>(step.input, step.rows, gains, step.count);
  exchange_rows(step, gains);
}

void pair_step(const PairStep& step) {
  const Vec error = set(step.error);
  const Vec most = set(step.clip);
  const Vec least = set(-step.clip);
  for (std::size_t i = 0; i < step.count; i += kLanes) {
    const Vec a = load_some(step.a, i, step.count);
    const Vec b = load_some(step.b, i, step.count);
    const Vec a_squares = load_some(step.a_squares, i, step.count);
    const Vec b_squares = load_some(step.b_squares, i, step.count);
    const Vec of_a = min(most, max(least, mul(error, b)));
    const Vec of_b = min(most, max(least, mul(error, a)));
    store_some(step.a, sub(a, mul(of_a, inverse_root(a_squares))), i, step.count);
    store_some(step.b, sub(b, mul(of_b, inverse_root(b_squares))), i, step.count);
    store_some(step.a_squares, fma(of_a, of_a, a_squares), i, step.count);
    store_some(step.b_squares, fma(of_b, of_b, b_squares), i, step.count);
  }
}
