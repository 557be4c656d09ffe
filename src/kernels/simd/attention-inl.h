// Paged attention on 16 lanes. Included inside an instruction set's namespace, after its vector.h and math-inl.h.
//
// A lane is a token while scores are taken (keys lie dimension-major in a page, so no sum crosses lanes) and a
// dimension while values are gathered. Softmax is online over blocks of kPagesPerBlock pages that begin at fixed
// positions: whatever queries share a call, one query's operations are the same in the same order.

namespace {

constexpr std::int32_t kBlockTokens = kPageTokens * kPagesPerBlock;

MARQUEE_INLINE std::int32_t smaller(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
MARQUEE_INLINE std::int32_t larger(std::int32_t a, std::int32_t b) { return a > b ? a : b; }

/// The scales behind the elements of a page's keys or values, one a token.
MARQUEE_INLINE const float* token_scales(const std::int8_t* page, std::size_t head_dim) {
  return reinterpret_cast<const float*>(page + kPageTokens * head_dim);
}

/// Queries [base, base + Q) of a job, with their running softmax.
template <std::size_t Q>
struct QueryTile {
  std::size_t base = 0;
  float largest[Q];
  Vec total[Q];    // per lane; summed at the end
  float* sums[Q];  // [head_dim rounded up to 16] in the job's scratch
  Vec scores[Q][kPagesPerBlock];
  float weights[Q][kBlockTokens];
  float shrink[Q];        // what the block's new maximum does to earlier sums
  std::int32_t begin[Q];  // tokens of the block that the query sees: [begin, end)
  std::int32_t end[Q];
};

/// Where one page lies, and what will be read after its keys: a page's part of one layer and head is too short, and the
/// next one's too far away, for the CPU to see it coming.
template <typename Element>
struct PageKeys {
  const Element* keys;
  const Element* values;
  const Element* next_keys;
};

template <typename Element, std::size_t Q>
MARQUEE_INLINE void score_page(const AttentionJob& job, QueryTile<Q>& tile, const PageKeys<Element>& at,
                               std::int32_t page) {
  const Element* keys = at.keys;
  Vec even[Q];
  Vec odd[Q];
  const float* query[Q];
  for (std::size_t q = 0; q < Q; ++q) {
    even[q] = zero();
    odd[q] = zero();
    query[q] = job.query[tile.base + q];
  }
  std::size_t d = 0;
  for (; d + 2 <= job.head_dim; d += 2) {  // two chains per query hide the latency of the multiply-add
    if (d * kPageTokens * sizeof(Element) % 64 == 0) {
      __builtin_prefetch(at.next_keys + d * kPageTokens);
      __builtin_prefetch(at.values + d * kPageTokens);
    }
    const Vec first = load(keys + d * kPageTokens);
    const Vec second = load(keys + (d + 1) * kPageTokens);
    for (std::size_t q = 0; q < Q; ++q) {
      even[q] = fma(set(query[q][d]), first, even[q]);
      odd[q] = fma(set(query[q][d + 1]), second, odd[q]);
    }
  }
  if (d < job.head_dim) {
    const Vec last = load(keys + d * kPageTokens);
    for (std::size_t q = 0; q < Q; ++q) even[q] = fma(set(query[q][d]), last, even[q]);
  }
  Vec scale = set(job.scale);
  if constexpr (sizeof(Element) == 1) scale = mul(scale, load(token_scales(keys, job.head_dim)));
  for (std::size_t q = 0; q < Q; ++q) {
    Vec score = mul(add(even[q], odd[q]), scale);
    if (job.soft_cap > 0.0F) score = mul(set(job.soft_cap), hyperbolic_tangent(div(score, set(job.soft_cap))));
    const std::int32_t first = page * kPageTokens;
    tile.scores[q][page] = select_range(score, set(-__builtin_inff()), smaller(larger(tile.begin[q] - first, 0), 16),
                                        smaller(larger(tile.end[q] - first, 0), 16));
  }
}

/// Turns the block's scores into weights and moves the running maximum and total on.
template <std::size_t Q>
MARQUEE_INLINE void weigh_block(QueryTile<Q>& tile, std::size_t q) {
  Vec top = tile.scores[q][0];
  for (std::int32_t page = 1; page < kPagesPerBlock; ++page) top = max(top, tile.scores[q][page]);
  const float seen = largest_lane(top);
  const float grown = seen > tile.largest[q] ? seen : tile.largest[q];
  const Vec shrink = exponential(set(tile.largest[q] - grown));
  Vec sum = zero();
  for (std::int32_t page = 0; page < kPagesPerBlock; ++page) {
    const Vec weight = exponential(sub(tile.scores[q][page], set(grown)));
    store(&tile.weights[q][page * kPageTokens], weight);
    sum = add(sum, weight);
  }
  tile.total[q] = fma(tile.total[q], shrink, sum);
  tile.largest[q] = grown;
  tile.shrink[q] = first_lane(shrink);
}

template <typename Element>
MARQUEE_INLINE Vec load_value(const Element* row, std::size_t d, std::size_t head_dim) {
  return d + 16 <= head_dim ? load(row + d) : load_part(row + d, head_dim - d);
}

/// Adds the weighted values of the block's tokens [begin, end) to the sums of the N queries from `q` on, N registers
/// of dimensions at a time.
template <typename Element, std::size_t Q, std::size_t N, std::size_t C>
MARQUEE_INLINE void gather_dimensions(const AttentionJob& job, QueryTile<Q>& tile, std::size_t q,
                                      const std::int32_t* pages, std::int32_t begin, std::int32_t end, std::size_t d) {
  Vec sums[N][C];
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t c = 0; c < C; ++c) sums[n][c] = load(tile.sums[q + n] + d + c * 16);
  }
  for (std::int32_t token = begin; token < end; ++token) {
    const auto* page = reinterpret_cast<const Element*>(
        job.values + static_cast<std::size_t>(pages[token / kPageTokens]) * job.page_bytes);
    const Element* row = page + static_cast<std::size_t>(token % kPageTokens) * job.head_dim;
    Vec values[C];
    for (std::size_t c = 0; c < C; ++c) values[c] = load_value(row, d + c * 16, job.head_dim);
    for (std::size_t n = 0; n < N; ++n) {
      const Vec weight = set(tile.weights[q + n][token]);
      for (std::size_t c = 0; c < C; ++c) sums[n][c] = fma(weight, values[c], sums[n][c]);
    }
  }
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t c = 0; c < C; ++c) store(tile.sums[q + n] + d + c * 16, sums[n][c]);
  }
}

template <typename Element, std::size_t Q, std::size_t N>
MARQUEE_INLINE void gather(const AttentionJob& job, QueryTile<Q>& tile, std::size_t q, const std::int32_t* pages,
                           std::int32_t begin, std::int32_t end) {
  if (begin >= end) return;
  constexpr std::size_t kVectors = N > kQueryTile / 2 ? kValueVectors : kValueVectorsOfFew;
  std::size_t d = 0;
  for (; d + kVectors * 16 <= job.head_dim; d += kVectors * 16) {
    gather_dimensions<Element, Q, N, kVectors>(job, tile, q, pages, begin, end, d);
  }
  for (; d < job.head_dim; d += 16) gather_dimensions<Element, Q, N, 1>(job, tile, q, pages, begin, end, d);
}

/// Multiplies a query's weights by the scales of the values they meet.
template <std::size_t Q>
MARQUEE_INLINE void scale_weights(const AttentionJob& job, QueryTile<Q>& tile, std::size_t q,
                                  const std::int32_t* pages) {
  for (std::int32_t page = tile.begin[q] / kPageTokens; page * kPageTokens < tile.end[q]; ++page) {
    const std::byte* values = job.values + static_cast<std::size_t>(pages[page]) * job.page_bytes;
    float* weights = &tile.weights[q][page * kPageTokens];
    store(weights, mul(load(weights), load(token_scales(reinterpret_cast<const std::int8_t*>(values), job.head_dim))));
  }
}

/// Gathers the values of one block. Tokens that all queries see are read once for all; those that only some see (the
/// last positions of a prompt, the edge of a window) are read for these alone, in each query's own ascending order.
template <typename Element, std::size_t Q>
MARQUEE_INLINE void gather_block(const AttentionJob& job, QueryTile<Q>& tile, const std::int32_t* pages) {
  std::int32_t common_begin = 0;
  std::int32_t common_end = kBlockTokens;
  for (std::size_t q = 0; q < Q; ++q) {
    common_begin = larger(common_begin, tile.begin[q]);
    common_end = smaller(common_end, tile.end[q]);
  }
  if (common_begin >= common_end) common_begin = common_end = kBlockTokens;
  for (std::size_t q = 0; q < Q; ++q) {
    if (tile.begin[q] >= tile.end[q]) continue;
    if constexpr (sizeof(Element) == 1) scale_weights(job, tile, q, pages);
    const Vec shrink = set(tile.shrink[q]);
    for (std::size_t d = 0; d < job.head_dim; d += 16) store(tile.sums[q] + d, mul(load(tile.sums[q] + d), shrink));
    if (Q > 1) gather<Element, Q, 1>(job, tile, q, pages, tile.begin[q], smaller(tile.end[q], common_begin));
  }
  gather<Element, Q, Q>(job, tile, 0, pages, common_begin, common_end);
  if (Q == 1) return;
  for (std::size_t q = 0; q < Q; ++q) gather<Element, Q, 1>(job, tile, q, pages, common_end, tile.end[q]);
}

template <typename Element, std::size_t Q>
MARQUEE_INLINE void attend_block(const AttentionJob& job, QueryTile<Q>& tile, std::int32_t block,
                                 std::int32_t last_block) {
  const std::int32_t first_token = block * kBlockTokens;
  std::int32_t begin = kBlockTokens;
  std::int32_t end = 0;
  for (std::size_t q = 0; q < Q; ++q) {
    tile.begin[q] = smaller(larger(job.first[tile.base + q] - first_token, 0), kBlockTokens);
    tile.end[q] = smaller(larger(job.last[tile.base + q] + 1 - first_token, 0), kBlockTokens);
    if (tile.begin[q] >= tile.end[q]) continue;
    begin = smaller(begin, tile.begin[q]);
    end = larger(end, tile.end[q]);
  }
  if (begin >= end) return;
  const std::int32_t* pages = job.pages + block * kPagesPerBlock;
  for (std::int32_t page = 0; page < kPagesPerBlock; ++page) {
    if (page * kPageTokens >= end || (page + 1) * kPageTokens <= begin) {
      for (std::size_t q = 0; q < Q; ++q) tile.scores[q][page] = set(-__builtin_inff());
      continue;
    }
    const bool more = page + 1 < kPagesPerBlock ? (page + 1) * kPageTokens < end : block < last_block;
    const auto place = [&](const std::byte* first, std::int32_t index) {
      return reinterpret_cast<const Element*>(first + static_cast<std::size_t>(pages[index]) * job.page_bytes);
    };
    score_page<Element, Q>(
        job, tile, {place(job.keys, page), place(job.values, page), place(job.keys, more ? page + 1 : page)}, page);
  }
  for (std::size_t q = 0; q < Q; ++q) {
    if (tile.begin[q] < tile.end[q]) weigh_block(tile, q);
  }
  gather_block<Element, Q>(job, tile, pages);
}

template <typename Element, std::size_t Q>
void attend_tile(const AttentionJob& job, std::size_t base) {
  QueryTile<Q> tile;
  tile.base = base;
  const std::size_t padded = (job.head_dim + 15) / 16 * 16;
  std::int32_t first = job.first[base];
  std::int32_t last = job.last[base];
  for (std::size_t q = 0; q < Q; ++q) {
    tile.largest[q] = -__builtin_inff();
    tile.total[q] = zero();
    tile.sums[q] = job.scratch + q * padded;
    for (std::size_t d = 0; d < padded; d += 16) store(tile.sums[q] + d, zero());
    first = smaller(first, job.first[base + q]);
    last = larger(last, job.last[base + q]);
  }
  for (std::int32_t block = first / kBlockTokens; block <= last / kBlockTokens; ++block) {
    attend_block<Element, Q>(job, tile, block, last / kBlockTokens);
  }
  for (std::size_t q = 0; q < Q; ++q) {
    const float sum = sum_of_lanes(tile.total[q]);
    if (job.largest != nullptr) job.largest[base + q] = tile.largest[q];
    if (job.total != nullptr) job.total[base + q] = sum;
    const Vec total = set(sum);
    for (std::size_t d = 0; d < job.head_dim; d += 16) {
      const Vec result = div(load(tile.sums[q] + d), total);
      store_part(job.out[base + q] + d, result, job.head_dim - d < 16 ? job.head_dim - d : 16);
    }
  }
}

/// One function per size of a tile, so that its sums stay in registers: sizes 1 to kQueryTile.
template <typename Element, std::size_t Q>
MARQUEE_INLINE void attend_tile_of(const AttentionJob& job, std::size_t base, std::size_t count) {
  if constexpr (Q <= kQueryTile) {
    if (count == Q) return attend_tile<Element, Q>(job, base);
    attend_tile_of<Element, Q + 1>(job, base, count);
  }
}

template <typename Element>
void attend(const AttentionJob& job) {
  // Tiles of nearly equal size: 9 queries of at most 8 become 5 and 4.
  const std::size_t tiles = (job.queries + kQueryTile - 1) / kQueryTile;
  std::size_t base = 0;
  for (std::size_t t = 0; t < tiles; ++t) {
    const std::size_t count = (job.queries - base + (tiles - t) - 1) / (tiles - t);
    attend_tile_of<Element, 1>(job, base, count);
    base += count;
  }
}

}  // namespace

void attention(const AttentionJob& job) {
  switch (job.elements) {
    case DType::kF32: return attend<float>(job);
    case DType::kI8: return attend<std::int8_t>(job);
    default: return attend<std::uint16_t>(job);
  }
}
