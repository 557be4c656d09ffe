// Gated recurrent cells. Included inside an instruction set's anonymous namespace, after map_row-inl.h and math-inl.h.

void gru(const GruRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; i += kLanes) {
    const auto input = [&](std::size_t gate) { return load_some(row.from_input + gate * n, i, n); };
    const auto state = [&](std::size_t gate) { return load_some(row.from_state + gate * n, i, n); };
    const Vec reset = sigmoid(add(input(0), state(0)));
    const Vec update = sigmoid(add(input(1), state(1)));
    const Vec candidate = hyperbolic_tangent(fma(reset, state(2), input(2)));
    store_some(row.gates, reset, i, n);
    store_some(row.gates + n, update, i, n);
    store_some(row.gates + 2 * n, candidate, i, n);
    store_some(row.next, fma(update, sub(load_some(row.state, i, n), candidate), candidate), i, n);
  }
}

void gru_gradient(const GruGradientRow& row) {
  const std::size_t n = row.hidden;
  const Vec one = set(1.0F);
  for (std::size_t i = 0; i < n; i += kLanes) {
    const Vec reset = load_some(row.gates, i, n);
    const Vec update = load_some(row.gates + n, i, n);
    const Vec candidate = load_some(row.gates + 2 * n, i, n);
    const Vec of_state = load_some(row.from_state + 2 * n, i, n);
    const Vec state = load_some(row.state, i, n);
    const Vec d = load_some(row.d_next, i, n);
    const Vec d_candidate = mul(mul(d, sub(one, update)), sub(one, mul(candidate, candidate)));
    const Vec d_update = mul(mul(d, sub(state, candidate)), mul(update, sub(one, update)));
    const Vec d_reset = mul(mul(d_candidate, of_state), mul(reset, sub(one, reset)));
    store_some(row.d_from_input, d_reset, i, n);
    store_some(row.d_from_input + n, d_update, i, n);
    store_some(row.d_from_input + 2 * n, d_candidate, i, n);
    store_some(row.d_from_state, d_reset, i, n);
    store_some(row.d_from_state + n, d_update, i, n);
    store_some(row.d_from_state + 2 * n, mul(d_candidate, reset), i, n);
    store_some(row.d_state, mul(d, update), i, n);
  }
}

void lstm(const LstmRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; i += kLanes) {
    const Vec input = sigmoid(load_some(row.sums, i, n));
    const Vec forget = sigmoid(load_some(row.sums + n, i, n));
    const Vec candidate = hyperbolic_tangent(load_some(row.sums + 2 * n, i, n));
    const Vec output = sigmoid(load_some(row.sums + 3 * n, i, n));
    const Vec cell = fma(forget, load_some(row.cell, i, n), mul(input, candidate));
    store_some(row.gates, input, i, n);
    store_some(row.gates + n, forget, i, n);
    store_some(row.gates + 2 * n, candidate, i, n);
    store_some(row.gates + 3 * n, output, i, n);
    store_some(row.next_cell, cell, i, n);
    store_some(row.next, mul(output, hyperbolic_tangent(cell)), i, n);
  }
}

void lstm_gradient(const LstmGradientRow& row) {
  const std::size_t n = row.hidden;
  const Vec one = set(1.0F);
  const auto logistic_slope = [&](Vec y) { return mul(y, sub(one, y)); };
  for (std::size_t i = 0; i < n; i += kLanes) {
    const Vec input = load_some(row.gates, i, n);
    const Vec forget = load_some(row.gates + n, i, n);
    const Vec candidate = load_some(row.gates + 2 * n, i, n);
    const Vec output = load_some(row.gates + 3 * n, i, n);
    const Vec shown = hyperbolic_tangent(load_some(row.next_cell, i, n));
    const Vec d = load_some(row.d_next, i, n);
    const Vec d_cell = fma(mul(d, output), sub(one, mul(shown, shown)), load_some(row.d_cell, i, n));
    store_some(row.d_sums, mul(mul(d_cell, candidate), logistic_slope(input)), i, n);
    store_some(row.d_sums + n, mul(mul(d_cell, load_some(row.cell, i, n)), logistic_slope(forget)), i, n);
    store_some(row.d_sums + 2 * n, mul(mul(d_cell, input), sub(one, mul(candidate, candidate))), i, n);
    store_some(row.d_sums + 3 * n, mul(mul(d, shown), logistic_slope(output)), i, n);
    store_some(row.d_cell, mul(d_cell, forget), i, n);
  }
}
