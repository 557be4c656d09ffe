#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/ops.h"
#include "tensor/shape_check.h"

namespace marquee::tensor {
namespace {

using kernels::AttentionJob;
using kernels::kMaxAttentionQueries;

/// Consecutive rows of one sequence, short enough that their heads fit one kernel call.
struct RowRun {
  std::size_t first = 0;
  std::size_t count = 0;
};

std::int32_t first_position(const AttentionParams& params, const AttentionRow& row) {
  return params.window > 0 ? std::max(0, row.position - params.window + 1) : 0;
}

base::Result<void> check_page(const KvPool& cache, const AttentionRow& row, std::int32_t first, const char* op) {
  if (row.position < 0) return base::invalid_argument(std::string(op) + ": a position is negative");
  const auto last_page = static_cast<std::size_t>(row.position / kKvPageTokens);
  if (last_page >= row.pages.size()) {
    return base::invalid_argument(std::string(op) + ": position " + std::to_string(row.position) + " is beyond the " +
                                  std::to_string(row.pages.size()) + " pages given");
  }
  for (auto page = static_cast<std::size_t>(first / kKvPageTokens); page <= last_page; ++page) {
    if (row.pages[page] < 0 || row.pages[page] >= cache.total_pages()) {
      return base::invalid_argument(std::string(op) + ": page " + std::to_string(row.pages[page]) +
                                    " is not in the cache");
    }
  }
  return {};
}

base::Result<void> check_attention(const KvPool& cache, const AttentionParams& params,
                                   std::span<const AttentionRow> rows, ConstMatrix q, ConstMatrix out) {
  const KvLayout& layout = cache.layout();
  if (params.heads < 1 || params.heads % layout.kv_heads != 0) {
    return base::invalid_argument("attention: " + std::to_string(params.heads) + " query heads cannot share " +
                                  std::to_string(layout.kv_heads) + " KV heads");
  }
  if (params.layer < 0 || params.layer >= layout.layers) {
    return base::invalid_argument("attention: layer " + std::to_string(params.layer) + " of " +
                                  std::to_string(layout.layers));
  }
  MARQUEE_CHECK(check_extent("attention", "q's row count", q.rows, rows.size()));
  MARQUEE_CHECK(check_extent("attention", "q's column count", q.cols,
                             static_cast<std::size_t>(params.heads) * static_cast<std::size_t>(layout.head_dim)));
  MARQUEE_CHECK(check_same_shape("attention", q, out));
  for (const AttentionRow& row : rows) {
    MARQUEE_CHECK(check_page(cache, row, first_position(params, row), "attention"));
  }
  return {};
}

std::vector<RowRun> cut_runs(std::span<const AttentionRow> rows, std::size_t heads_per_kv) {
  const std::size_t longest = std::max<std::size_t>(1, kMaxAttentionQueries / heads_per_kv);
  std::vector<RowRun> runs;
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t count = 1;
    while (count < longest && first + count < rows.size() &&
           rows[first + count].pages.data() == rows[first].pages.data()) {
      ++count;
    }
    runs.push_back({first, count});
    first += count;
  }
  return runs;
}

struct AttentionCall {
  const KvPool& cache;
  const AttentionParams& params;
  std::span<const AttentionRow> rows;
  ConstMatrix q;
  Matrix out;
  std::size_t heads_per_kv = 1;
};

/// Positions whose softmax is one piece. A longer one is put together from such pieces, the earliest first, so that
/// threads can share a single row's; where they begin depends on positions alone.
constexpr std::int32_t kPieceTokens = 256;

struct Pieces {
  std::int32_t first = 0;
  std::int32_t last = 0;
};
Pieces pieces_of(std::int32_t first, std::int32_t last) { return {first / kPieceTokens, last / kPieceTokens}; }

/// Attention of one query over some positions.
struct Partial {
  float* result = nullptr;  // [head_dim]
  float largest = 0.0F;     // score
  float total = 0.0F;       // Σ exp(score - largest); 0: no positions yet
};

/// Puts the positions behind `sum`'s into it.
void fold(Partial& sum, const Partial& next, std::size_t head_dim) {
  if (sum.total == 0.0F) {
    std::memcpy(sum.result, next.result, head_dim * sizeof(float));
    sum.largest = next.largest;
    sum.total = next.total;
    return;
  }
  const float largest = std::max(sum.largest, next.largest);
  const float before = sum.total * std::exp(sum.largest - largest);
  const float added = next.total * std::exp(next.largest - largest);
  sum.largest = largest;
  sum.total = before + added;
  const float keep = before / sum.total;
  const float take = added / sum.total;
  for (std::size_t d = 0; d < head_dim; ++d) sum.result[d] = sum.result[d] * keep + next.result[d] * take;
}

struct Query {
  const float* q = nullptr;
  float* out = nullptr;
  std::int32_t first = 0;
  std::int32_t last = 0;
};

/// One thread's memory.
struct Scratch {
  float* kernel = nullptr;
  float* piece = nullptr;  // [kMaxAttentionQueries][head_dim]
  float* sums = nullptr;   // the same

  static std::size_t floats(std::size_t head_dim) {
    return kernels::attention_scratch_floats(head_dim) + 2 * kMaxAttentionQueries * rounded(head_dim);
  }
  static std::size_t rounded(std::size_t head_dim) { return (head_dim + 15) / 16 * 16; }
  Scratch(float* memory, std::size_t head_dim)
      : kernel(memory),
        piece(memory + kernels::attention_scratch_floats(head_dim)),
        sums(piece + kMaxAttentionQueries * rounded(head_dim)) {}
};

AttentionJob make_job(const AttentionCall& call, const RowRun& run, std::size_t kv_head, const Scratch& scratch) {
  const KvLayout& layout = call.cache.layout();
  AttentionJob job;
  job.keys = call.cache.keys(0, call.params.layer, static_cast<std::int32_t>(kv_head));
  job.values = call.cache.values(0, call.params.layer, static_cast<std::int32_t>(kv_head));
  job.page_bytes = layout.page_bytes();
  job.pages = call.rows[run.first].pages.data();
  job.elements = layout.dtype;
  job.head_dim = static_cast<std::size_t>(layout.head_dim);
  job.scale = call.params.scale;
  job.soft_cap = call.params.soft_cap;
  job.scratch = scratch.kernel;
  return job;
}

void add_query(AttentionJob& job, const Query& query, float* out, std::int32_t first, std::int32_t last) {
  job.query[job.queries] = query.q;
  job.out[job.queries] = out;
  job.first[job.queries] = std::max(query.first, first);
  job.last[job.queries] = std::min(query.last, last);
  ++job.queries;
}

/// At most kMaxAttentionQueries of a run's queries on one KV head, piece by piece.
void attend_queries(AttentionJob job, std::span<const Query> queries, const Scratch& scratch) {
  Pieces pieces = pieces_of(queries.front().first, queries.front().last);
  for (const Query& query : queries) {
    const Pieces own = pieces_of(query.first, query.last);
    pieces = {std::min(pieces.first, own.first), std::max(pieces.last, own.last)};
  }
  if (pieces.first == pieces.last) {
    for (const Query& query : queries) add_query(job, query, query.out, query.first, query.last);
    return kernels::kernels().attention(job);
  }
  float largest[kMaxAttentionQueries];
  float total[kMaxAttentionQueries];
  job.largest = largest;
  job.total = total;
  Partial sums[kMaxAttentionQueries];
  for (std::size_t i = 0; i < queries.size(); ++i) sums[i].result = scratch.sums + i * job.head_dim;
  for (std::int32_t piece = pieces.first; piece <= pieces.last; ++piece) {
    const std::int32_t begin = piece * kPieceTokens;
    const std::int32_t last = begin + kPieceTokens - 1;
    std::size_t owner[kMaxAttentionQueries];
    job.queries = 0;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      if (queries[i].first > last || queries[i].last < begin) continue;
      owner[job.queries] = i;
      add_query(job, queries[i], scratch.piece + job.queries * job.head_dim, begin, last);
    }
    if (job.queries == 0) continue;
    kernels::kernels().attention(job);
    for (std::size_t i = 0; i < job.queries; ++i)
      fold(sums[owner[i]], {job.out[i], largest[i], total[i]}, job.head_dim);
  }
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::memcpy(queries[i].out, sums[i].result, job.head_dim * sizeof(float));
  }
}

Query query_of(const AttentionCall& call, std::size_t row, std::size_t head) {
  const std::size_t at = head * static_cast<std::size_t>(call.cache.layout().head_dim);
  return {call.q.row(row) + at, call.out.row(row) + at, first_position(call.params, call.rows[row]),
          call.rows[row].position};
}

/// All queries of a run of rows on one KV head, kMaxAttentionQueries at a time.
void attend_run(const AttentionCall& call, const RowRun& run, std::size_t kv_head, const Scratch& scratch) {
  const AttentionJob job = make_job(call, run, kv_head, scratch);
  Query queries[kMaxAttentionQueries];
  std::size_t count = 0;
  for (std::size_t row = run.first; row < run.first + run.count; ++row) {
    for (std::size_t head = kv_head * call.heads_per_kv; head < (kv_head + 1) * call.heads_per_kv; ++head) {
      if (count == kMaxAttentionQueries) {
        attend_queries(job, {queries, count}, scratch);
        count = 0;
      }
      queries[count++] = query_of(call, row, head);
    }
  }
  attend_queries(job, {queries, count}, scratch);
}

/// What one thread does at a time: a run on one KV head; of a row alone, and long, only one piece.
struct Item {
  RowRun run;
  std::size_t kv_head = 0;
  std::int32_t piece = -1;   // -1: all
  std::size_t partials = 0;  // where the piece's results go: the first of heads_per_kv
};

std::vector<Item> cut_items(const AttentionCall& call, const std::vector<RowRun>& runs) {
  const auto kv_heads = static_cast<std::size_t>(call.cache.layout().kv_heads);
  std::vector<Item> items;
  std::size_t partials = 0;
  // The last rows of a prompt have the most to read: they go first, so that none is left over at the end.
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const AttentionRow& row = call.rows[run->first];
    const Pieces pieces = pieces_of(first_position(call.params, row), row.position);
    const bool cut = run->count == 1 && pieces.first < pieces.last && call.heads_per_kv <= kMaxAttentionQueries;
    for (std::size_t kv_head = 0; kv_head < kv_heads; ++kv_head) {
      if (!cut) {
        items.push_back({*run, kv_head, -1, 0});
        continue;
      }
      for (std::int32_t piece = pieces.first; piece <= pieces.last; ++piece, partials += call.heads_per_kv) {
        items.push_back({*run, kv_head, piece, partials});
      }
    }
  }
  return items;
}

/// One piece of a row alone. @param partials those of its heads
void attend_piece(const AttentionCall& call, const Item& item, std::span<Partial> partials, const Scratch& scratch) {
  AttentionJob job = make_job(call, item.run, item.kv_head, scratch);
  float largest[kMaxAttentionQueries];
  float total[kMaxAttentionQueries];
  job.largest = largest;
  job.total = total;
  const std::int32_t begin = item.piece * kPieceTokens;
  for (std::size_t i = 0; i < partials.size(); ++i) {
    const Query query = query_of(call, item.run.first, item.kv_head * call.heads_per_kv + i);
    add_query(job, query, partials[i].result, begin, begin + kPieceTokens - 1);
  }
  kernels::kernels().attention(job);
  for (std::size_t i = 0; i < partials.size(); ++i) {
    partials[i].largest = largest[i];
    partials[i].total = total[i];
  }
}

/// Puts the pieces of rows alone together: those of one row and head stand in their order.
void fold_pieces(const AttentionCall& call, std::span<const Item> items, std::span<Partial> partials) {
  const auto head_dim = static_cast<std::size_t>(call.cache.layout().head_dim);
  for (std::size_t i = 0; i < items.size();) {
    const Item& first = items[i];
    std::size_t end = i + 1;
    while (end < items.size() && items[end].piece > first.piece && items[end].kv_head == first.kv_head &&
           items[end].run.first == first.run.first) {
      ++end;
    }
    for (std::size_t head = 0; first.piece >= 0 && head < call.heads_per_kv; ++head) {
      Partial& sum = partials[first.partials + head];
      for (std::size_t next = i + 1; next < end; ++next) fold(sum, partials[items[next].partials + head], head_dim);
      const Query query = query_of(call, first.run.first, first.kv_head * call.heads_per_kv + head);
      std::memcpy(query.out, sum.result, head_dim * sizeof(float));
    }
    i = end;
  }
}

/// The token's place in one page, layer and head.
struct Slot {
  std::byte* keys;
  std::byte* values;
  std::size_t index;
};

template <typename Element>
void store_elements(const Slot& slot, const Element* k, const Element* v, std::size_t head_dim) {
  auto* key_column = reinterpret_cast<Element*>(slot.keys) + slot.index;
  for (std::size_t d = 0; d < head_dim; ++d) key_column[d * kKvPageTokens] = k[d];
  std::memcpy(reinterpret_cast<Element*>(slot.values) + slot.index * head_dim, v, head_dim * sizeof(Element));
}

/// x ≈ scale · to, rounded half to even. @return scale; NaN if x holds NaN or infinity, which then shows in the result
float quantize(const float* x, std::size_t count, std::int8_t* to) {
  float largest = 0.0F;
  float poison = 0.0F;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::fabs(x[i]));
    poison += x[i] * 0.0F;
  }
  const float inverse = largest < 1e-36F ? 0.0F : 127.0F / largest;
  // The sum with 1.5 · 2^23 has no bits for a fraction: adding it rounds. NaN becomes the lower bound.
  constexpr float kRound = 12'582'912.0F;
  for (std::size_t i = 0; i < count; ++i) {
    const float rounded = (x[i] * inverse + kRound) - kRound;
    to[i] = static_cast<std::int8_t>(std::min(127.0F, std::max(-127.0F, rounded)));
  }
  return largest / 127.0F + poison;
}

/// @param buffer 2 * head_dim values
void store_int8(const Slot& slot, const float* k, const float* v, std::size_t head_dim, std::int8_t* buffer) {
  const std::size_t scale_at = kKvPageTokens * head_dim + slot.index * sizeof(float);
  const float scales[] = {quantize(k, head_dim, buffer), quantize(v, head_dim, buffer + head_dim)};
  store_elements(slot, buffer, buffer + head_dim, head_dim);
  std::memcpy(slot.keys + scale_at, &scales[0], sizeof(float));
  std::memcpy(slot.values + scale_at, &scales[1], sizeof(float));
}

}  // namespace

base::Result<void> write_kv(KvPool& cache, std::int32_t layer, std::span<const AttentionRow> rows, ConstMatrix k,
                            ConstMatrix v) {
  const KvLayout& layout = cache.layout();
  const auto head_dim = static_cast<std::size_t>(layout.head_dim);
  const std::size_t columns = static_cast<std::size_t>(layout.kv_heads) * head_dim;
  if (layer < 0 || layer >= layout.layers) {
    return base::invalid_argument("write_kv: layer " + std::to_string(layer) + " of " + std::to_string(layout.layers));
  }
  MARQUEE_CHECK(check_extent("write_kv", "k's row count", k.rows, rows.size()));
  MARQUEE_CHECK(check_extent("write_kv", "k's column count", k.cols, columns));
  MARQUEE_CHECK(check_same_shape("write_kv", k, v));
  for (const AttentionRow& row : rows) MARQUEE_CHECK(check_page(cache, row, row.position, "write_kv"));

  const auto& kernels = kernels::kernels();
  std::vector<std::uint16_t> half(layout.dtype == kernels::DType::kF16 ? 2 * columns : 0);
  std::vector<std::int8_t> small(layout.dtype == kernels::DType::kI8 ? 2 * head_dim : 0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::int32_t page = rows[r].pages[static_cast<std::size_t>(rows[r].position / kKvPageTokens)];
    const auto index = static_cast<std::size_t>(rows[r].position % kKvPageTokens);
    if (!half.empty()) {
      kernels.f32_to_f16(k.row(r), columns, half.data());
      kernels.f32_to_f16(v.row(r), columns, half.data() + columns);
    }
    for (std::int32_t head = 0; head < layout.kv_heads; ++head) {
      const std::size_t at = static_cast<std::size_t>(head) * head_dim;
      const Slot slot{cache.keys(page, layer, head), cache.values(page, layer, head), index};
      if (!half.empty()) {
        store_elements(slot, half.data() + at, half.data() + columns + at, head_dim);
      } else if (!small.empty()) {
        store_int8(slot, k.row(r) + at, v.row(r) + at, head_dim, small.data());
      } else {
        store_elements(slot, k.row(r) + at, v.row(r) + at, head_dim);
      }
    }
  }
  return {};
}

base::Result<void> attention(ComputeContext& context, const KvPool& cache, const AttentionParams& params,
                             std::span<const AttentionRow> rows, ConstMatrix q, Matrix out) {
  MARQUEE_CHECK(check_attention(cache, params, rows, q, out));
  if (rows.empty()) return {};
  const auto kv_heads = static_cast<std::size_t>(cache.layout().kv_heads);
  const auto head_dim = static_cast<std::size_t>(cache.layout().head_dim);
  const AttentionCall call{cache, params, rows, q, out, static_cast<std::size_t>(params.heads) / kv_heads};
  const std::vector<Item> items = cut_items(call, cut_runs(rows, call.heads_per_kv));
  std::size_t partial_count = 0;
  for (const Item& item : items) partial_count += item.piece >= 0 ? call.heads_per_kv : 0;

  // One slot of scratch per member of the team; each member takes items until there are none.
  const std::size_t slot_floats = Scratch::floats(head_dim);
  const std::size_t team = std::min<std::size_t>(context.pool.size(), items.size());
  const std::size_t bytes = (team * slot_floats + partial_count * head_dim) * sizeof(float) + 64;
  if (context.scratch.size() < bytes) context.scratch.resize(bytes);
  const auto misalignment = reinterpret_cast<std::uintptr_t>(context.scratch.data()) % 64;
  auto* slots = reinterpret_cast<float*>(context.scratch.data() + (64 - misalignment) % 64);
  std::vector<Partial> partials(partial_count);
  for (std::size_t i = 0; i < partial_count; ++i) partials[i].result = slots + team * slot_floats + i * head_dim;

  std::atomic<std::size_t> next{0};
  context.pool.parallel_for(team, [&](std::size_t member) {
    const Scratch scratch(slots + member * slot_floats, head_dim);
    for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < items.size();
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      const Item& item = items[i];
      if (item.piece < 0) {
        attend_run(call, item.run, item.kv_head, scratch);
      } else {
        attend_piece(call, item, std::span(partials).subspan(item.partials, call.heads_per_kv), scratch);
      }
    }
  });
  if (partial_count > 0) fold_pieces(call, items, partials);
  return {};
}

}  // namespace marquee::tensor
