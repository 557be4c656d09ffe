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

// All queries of a run of rows on one KV head, kMaxAttentionQueries at a time.
void attend_run(const AttentionCall& call, const RowRun& run, std::size_t kv_head, float* scratch) {
  const KvLayout& layout = call.cache.layout();
  const auto head_dim = static_cast<std::size_t>(layout.head_dim);
  AttentionJob job;
  job.keys = call.cache.keys(0, call.params.layer, static_cast<std::int32_t>(kv_head));
  job.values = call.cache.values(0, call.params.layer, static_cast<std::int32_t>(kv_head));
  job.page_bytes = layout.page_bytes();
  job.pages = call.rows[run.first].pages.data();
  job.elements = layout.dtype;
  job.head_dim = head_dim;
  job.scale = call.params.scale;
  job.soft_cap = call.params.soft_cap;
  job.scratch = scratch;
  const auto flush = [&job] {
    if (job.queries > 0) kernels::kernels().attention(job);
    job.queries = 0;
  };
  for (std::size_t row = run.first; row < run.first + run.count; ++row) {
    for (std::size_t head = kv_head * call.heads_per_kv; head < (kv_head + 1) * call.heads_per_kv; ++head) {
      job.query[job.queries] = call.q.row(row) + head * head_dim;
      job.out[job.queries] = call.out.row(row) + head * head_dim;
      job.first[job.queries] = first_position(call.params, call.rows[row]);
      job.last[job.queries] = call.rows[row].position;
      if (++job.queries == kMaxAttentionQueries) flush();
    }
  }
  flush();
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
  const auto kv_heads = static_cast<std::size_t>(cache.layout().kv_heads);
  const AttentionCall call{cache, params, rows, q, out, static_cast<std::size_t>(params.heads) / kv_heads};
  const std::vector<RowRun> runs = cut_runs(rows, call.heads_per_kv);
  const std::size_t items = runs.size() * kv_heads;

  // One slot of scratch per member of the team; each member takes items until there are none.
  const std::size_t slot_floats =
      (kernels::attention_scratch_floats(static_cast<std::size_t>(cache.layout().head_dim)) + 15) / 16 * 16;
  const std::size_t team = std::min<std::size_t>(context.pool.size(), items);
  const std::size_t bytes = team * slot_floats * sizeof(float) + 64;
  if (context.scratch.size() < bytes) context.scratch.resize(bytes);
  const auto misalignment = reinterpret_cast<std::uintptr_t>(context.scratch.data()) % 64;
  auto* slots = reinterpret_cast<float*>(context.scratch.data() + (64 - misalignment) % 64);
  std::atomic<std::size_t> next{0};
  context.pool.parallel_for(team, [&](std::size_t member) {
    for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < items;
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      // The last rows of a prompt have the most to read: they go first, so that none is left over at the end.
      attend_run(call, runs[runs.size() - 1 - i / kv_heads], i % kv_heads, slots + member * slot_floats);
    }
  });
  return {};
}

}  // namespace marquee::tensor
