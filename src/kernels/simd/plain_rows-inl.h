// Rows that the compiler makes wide code of by itself, as their results have the same bits either way; the scalar ones
// too. Included inside an anonymous namespace.

void f32_to_bf16_row(const float* x, std::size_t count, std::uint16_t* y) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    const std::uint32_t rounded = bits + 0x7FFFU + ((bits >> 16U) & 1U);
    y[i] = static_cast<std::uint16_t>(is_nan ? (bits >> 16U) | 0x40U : rounded >> 16U);
  }
}

void bf16_to_f32_row(const std::uint16_t* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(x[i]) << 16U;
    __builtin_memcpy(y + i, &bits, sizeof bits);
  }
}

void keep_largest(const float* x, std::int32_t index, std::size_t count, float* largest, std::int32_t* where) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_larger = x[i] > largest[i];
    largest[i] = is_larger ? x[i] : largest[i];
    where[i] = is_larger ? index : where[i];
  }
}

void add_where(const float* x, const std::int32_t* where, std::int32_t index, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += where[i] == index ? x[i] : 0.0F;
}
