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

/// Philox of sixteen counters: word w of the l-th in word[w][l].
struct PhiloxLanes {
  std::uint32_t word[4][16];
};

inline void philox_round(PhiloxLanes& x, std::uint32_t key0, std::uint32_t key1) {
  for (std::size_t l = 0; l < 16; ++l) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * x.word[0][l];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * x.word[2][l];
    x.word[0][l] = static_cast<std::uint32_t>(product1 >> 32U) ^ x.word[1][l] ^ key0;
    x.word[1][l] = static_cast<std::uint32_t>(product1);
    x.word[2][l] = static_cast<std::uint32_t>(product0 >> 32U) ^ x.word[3][l] ^ key1;
    x.word[3][l] = static_cast<std::uint32_t>(product0);
  }
}

void dropout_mask(const DropoutMask& mask) {
  PhiloxLanes x;
  for (std::size_t begin = 0; begin < mask.count; begin += 64) {
    for (std::size_t l = 0; l < 16; ++l) {
      const std::uint64_t counter = mask.first_counter + begin / 4 + l;
      x.word[0][l] = static_cast<std::uint32_t>(counter);
      x.word[1][l] = static_cast<std::uint32_t>(counter >> 32U);
      x.word[2][l] = static_cast<std::uint32_t>(mask.stream);
      x.word[3][l] = static_cast<std::uint32_t>(mask.stream >> 32U);
    }
    auto key0 = static_cast<std::uint32_t>(mask.key);
    auto key1 = static_cast<std::uint32_t>(mask.key >> 32U);
    for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9U, key1 += 0xBB67AE85U) philox_round(x, key0, key1);
    float values[64];
    for (std::size_t l = 0; l < 16; ++l) {
      for (std::size_t w = 0; w < 4; ++w) values[4 * l + w] = (x.word[w][l] >> 8U) < mask.below ? 0.0F : mask.kept;
    }
    const std::size_t count = mask.count - begin < 64 ? mask.count - begin : 64;
    __builtin_memcpy(mask.y + begin, values, count * sizeof(float));
  }
}
