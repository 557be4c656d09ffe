// Kernels over one row. Included inside an instruction set's namespace, after its vector.h, math-inl.h and
// map_row-inl.h. A row is taken 16 values at a time from its start, so its sums come about the same way wherever it
// lies.

void rms_norm(const NormRow& row) {
  Vec squares = zero();
  for (std::size_t i = 0; i < row.count; i += kLanes) {
    const Vec x = load_some(row.x, i, row.count);
    squares = fma(x, x, squares);
  }
  const float mean = sum_of_lanes(squares) / static_cast<float>(row.count);
  const Vec factor = div(set(1.0F), square_root(set(mean + row.epsilon)));
  const Vec offset = set(row.gamma_offset);
  map_row(row.x, row.count, row.y,
          [&](Vec x, std::size_t i) { return mul(mul(x, factor), add(load_some(row.gamma, i, row.count), offset)); });
}

void layer_norm(const NormRow& row) {
  Vec sum = zero();
  for (std::size_t i = 0; i < row.count; i += kLanes) sum = add(sum, load_some(row.x, i, row.count));
  const Vec mean = set(sum_of_lanes(sum) / static_cast<float>(row.count));
  Vec squares = zero();
  for (std::size_t i = 0; i < row.count; i += kLanes) {
    const std::size_t left = row.count - i;
    Vec centred = sub(load_some(row.x, i, row.count), mean);
    if (left < kLanes) centred = select_range(centred, zero(), 0, static_cast<std::int32_t>(left));
    squares = fma(centred, centred, squares);
  }
  const float variance = sum_of_lanes(squares) / static_cast<float>(row.count);
  const Vec factor = div(set(1.0F), square_root(set(variance + row.epsilon)));
  map_row(row.x, row.count, row.y, [&](Vec x, std::size_t i) {
    const Vec beta = row.beta == nullptr ? zero() : load_some(row.beta, i, row.count);
    return fma(mul(sub(x, mean), factor), load_some(row.gamma, i, row.count), beta);
  });
}

void softmax(float* row, std::size_t count) {
  const Vec lowest = set(-__builtin_inff());
  Vec largest = lowest;
  for (std::size_t i = 0; i < count; i += kLanes) {
    Vec x = load_some(row, i, count);
    if (count - i < kLanes) x = select_range(x, lowest, 0, static_cast<std::int32_t>(count - i));
    largest = max(largest, x);
  }
  const Vec top = set(largest_lane(largest));
  Vec sum = zero();
  map_row(row, count, row, [&](Vec x, std::size_t i) {
    Vec weight = exponential(sub(x, top));
    if (count - i < kLanes) weight = select_range(weight, zero(), 0, static_cast<std::int32_t>(count - i));
    sum = add(sum, weight);
    return weight;
  });
  const Vec factor = set(1.0F / sum_of_lanes(sum));
  map_row(row, count, row, [&](Vec x, std::size_t) { return mul(x, factor); });
}

void gated_activation(Activation activation, const float* gate, const float* up, std::size_t count, float* y) {
  with_activation(activation, [&](auto activated) {
    map_row(gate, count, y, [&](Vec x, std::size_t i) { return mul(activated(x), load_some(up, i, count)); });
  });
}

void activate(Activation activation, float* x, std::size_t count) {
  with_activation(activation,
                  [&](auto activated) { map_row(x, count, x, [&](Vec v, std::size_t) { return activated(v); }); });
}

void add_row(const float* x, std::size_t count, float* y) {
  map_row(y, count, y, [&](Vec v, std::size_t i) { return add(v, load_some(x, i, count)); });
}

void multiply_row(const float* x, std::size_t count, float* y) {
  map_row(y, count, y, [&](Vec v, std::size_t i) { return mul(v, load_some(x, i, count)); });
}

void soft_cap(float cap, float* x, std::size_t count) {
  const Vec limit = set(cap);
  map_row(x, count, x, [&](Vec v, std::size_t) { return mul(limit, hyperbolic_tangent(div(v, limit))); });
}

void rope_halves(const float* cosines, const float* sines, std::size_t half, float* head) {
  for (std::size_t i = 0; i < half; i += kLanes) {
    const std::size_t left = half - i < kLanes ? half - i : kLanes;
    const Vec cosine = load_some(cosines, i, half);
    const Vec sine = load_some(sines, i, half);
    const Vec a = load_some(head, i, half);
    const Vec b = load_some(head + half, i, half);
    store_part(head + i, sub(mul(a, cosine), mul(b, sine)), left);
    store_part(head + half + i, add(mul(b, cosine), mul(a, sine)), left);
  }
}

void rope_interleaved(const float* cosines, const float* sines, std::size_t half, float* head) {
  for (std::size_t i = 0; i < half; ++i) {
    const float a = head[2 * i];
    const float b = head[2 * i + 1];
    head[2 * i] = a * cosines[i] - b * sines[i];
    head[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

void f32_to_f16_row(const float* x, std::size_t count, std::uint16_t* y) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, load(x + i));
  if (i < count) store_part(y + i, load_part(x + i, count - i), count - i);
}

void f16_to_f32_row(const std::uint16_t* x, std::size_t count, float* y) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, load(x + i));
  if (i < count) store_part(y + i, load_part(x + i, count - i), count - i);
}
