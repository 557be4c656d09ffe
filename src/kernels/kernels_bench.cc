// Micro-benchmarks of the kernels on one thread: GMAC/s and GB/s of weights or cache read, beside the limits of one
// core (peak/…). script/bench kernels prints each kernel's share of its limit.

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "kernels/peak_bench.h"

namespace marquee::kernels {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
// More than the second-level cache holds, and what a small model's weights are.
constexpr std::size_t kStreamedBytes = std::size_t{64} << 20U;

/// Memory aligned and in huge pages as weights are.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t bytes) {
    const std::size_t size = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    data_ = static_cast<std::byte*>(std::aligned_alloc(kHugePage, size));
    ::madvise(data_, size, MADV_HUGEPAGE);
    std::memset(data_, 0x11, size);
  }
  ~AlignedBytes() { std::free(data_); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  [[nodiscard]] std::byte* get() const { return data_; }

 private:
  std::byte* data_;
};

/// Activations of `rows` rows as tiles of the table's full height.
struct Tiles {
  std::vector<std::int8_t> values;
  std::vector<float> scales, sums32, sums16, floats;
  std::vector<ActivationTile> tiles;

  Tiles(const Kernels& kernels, std::size_t rows, std::size_t in)
      : values(rows * in), scales(rows * in / 32), sums32(scales.size()), sums16(2 * scales.size()), floats(rows * in) {
    std::mt19937 random(1);
    std::vector<float> row(in);
    for (auto& value : row) value = static_cast<float>(random() % 2001) / 1000.0F - 1.0F;
    for (std::size_t first = 0; first < rows; first += kernels.max_tile_rows) {
      const std::size_t count = std::min(kernels.max_tile_rows, rows - first);
      const ActivationTile tile{first,
                                count,
                                1,
                                values.data() + first * in,
                                scales.data() + first * in / 32,
                                sums32.data() + first * in / 32,
                                sums16.data() + first * in / 16,
                                floats.data() + first * in};
      for (std::size_t r = 0; r < count; ++r) {
        kernels.quantize_row(row.data(), in,
                             {r, count, 1, values.data() + first * in, scales.data() + first * in / 32,
                              sums32.data() + first * in / 32, sums16.data() + first * in / 16});
      }
      tiles.push_back(tile);
    }
  }
};

void run_matmul(benchmark::State& state, Isa isa, DType dtype) {
  const Kernels* kernels = kernels_for(isa);
  if (kernels == nullptr) return state.SkipWithError("not on this CPU");
  const auto rows = static_cast<std::size_t>(state.range(0));
  const std::size_t in = 576;
  const PanelFormat format = panel_format(dtype);
  // One row streams weights, as a decoding step does; many rows reuse what lies in the second-level cache.
  const std::size_t bytes = rows == 1 ? kStreamedBytes : std::size_t{1} << 19U;
  const std::size_t panels = std::max<std::size_t>(1, bytes / format.panel_bytes(in));
  const std::size_t out = panels * kPanelRows;
  const AlignedBytes weights(panels * format.panel_bytes(in));
  const Tiles tiles(*kernels, rows, in);
  std::vector<float> y(rows * out);
  const MatmulJob job{format, in, weights.get(), out, tiles.tiles.data(), tiles.tiles.size(), y.data(), out};
  for (auto _ : state) {
    kernels->matmul(job);
    benchmark::ClobberMemory();
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["GMAC/s"] =
      benchmark::Counter(runs * static_cast<double>(rows * in * out) * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] = benchmark::Counter(runs * static_cast<double>(panels * format.panel_bytes(in)) * 1e-9,
                                              benchmark::Counter::kIsRate);
}

void run_peak(benchmark::State& state, Isa isa, std::size_t (*work)(std::size_t)) {
  if (kernels_for(isa) == nullptr) return state.SkipWithError("not on this CPU");
  std::size_t done = 0;
  for (auto _ : state) done += work(10'000);
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(done) * 1e-9, benchmark::Counter::kIsRate);
}

/// As many bytes as the weights that one row streams, read once in order: four streams keep more of it under way than
/// one.
void run_memory(benchmark::State& state) {
  const AlignedBytes memory(kStreamedBytes);
  constexpr std::size_t kStream = kStreamedBytes / sizeof(std::uint64_t) / 4;
  for (auto _ : state) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(memory.get());
    std::uint64_t sums[4] = {};
    for (std::size_t i = 0; i < kStream; i += 8) {
      for (std::size_t stream = 0; stream < 4; ++stream) {
        __builtin_prefetch(words + stream * kStream + i + 512);
        for (std::size_t lane = 0; lane < 8; ++lane) sums[stream] += words[stream * kStream + i + lane];
      }
    }
    benchmark::DoNotOptimize(sums);
  }
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kStreamedBytes) * 1e-9,
                         benchmark::Counter::kIsRate);
}

void run_attention(benchmark::State& state, Isa isa, std::size_t queries) {
  const Kernels* kernels = kernels_for(isa);
  if (kernels == nullptr) return state.SkipWithError("not on this CPU");
  const auto tokens = static_cast<std::int32_t>(state.range(0));
  const std::size_t head_dim = 64;
  const std::size_t page_bytes = 2 * 16 * head_dim * 2;
  const std::int32_t page_count = (tokens + 15) / 16;
  const AlignedBytes cache(page_bytes * static_cast<std::size_t>(page_count));
  std::vector<std::int32_t> pages;
  for (std::int32_t page = 0; page < page_count; ++page) pages.push_back(page);
  std::vector<float> data(2 * queries * head_dim, 0.5F);
  const AlignedBytes scratch(attention_scratch_floats(head_dim) * sizeof(float));
  AttentionJob job;
  job.keys = cache.get();
  job.values = cache.get() + page_bytes / 2;
  job.page_bytes = page_bytes;
  job.pages = pages.data();
  job.head_dim = head_dim;
  job.scale = 0.125F;
  job.queries = queries;
  job.scratch = reinterpret_cast<float*>(scratch.get());
  for (std::size_t q = 0; q < queries; ++q) {
    job.query[q] = data.data() + q * head_dim;
    job.out[q] = data.data() + (queries + q) * head_dim;
    job.last[q] = tokens - 1;
  }
  for (auto _ : state) {
    kernels->attention(job);
    benchmark::ClobberMemory();
  }
  const double work = static_cast<double>(state.iterations()) * tokens * static_cast<double>(queries * 2 * head_dim);
  state.counters["GMAC/s"] = benchmark::Counter(work * 1e-9, benchmark::Counter::kIsRate);
}

void run_row(benchmark::State& state, Isa isa, void (*body)(const Kernels&, std::vector<float>&)) {
  const Kernels* kernels = kernels_for(isa);
  if (kernels == nullptr) return state.SkipWithError("not on this CPU");
  std::vector<float> row(static_cast<std::size_t>(state.range(0)), 0.5F);
  for (auto _ : state) {
    body(*kernels, row);
    benchmark::ClobberMemory();
  }
  state.counters["Gvalue/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(row.size()) * 1e-9, benchmark::Counter::kIsRate);
}

void quantize(const Kernels& kernels, std::vector<float>& row) {
  static std::vector<std::int8_t> values(8192);
  static std::vector<float> scales(256), sums(256);
  kernels.quantize_row(row.data(), row.size(), {0, 1, 1, values.data(), scales.data(), sums.data(), nullptr});
}
// Not in place: values would shrink from call to call, until nothing but numbers too small to be normal is measured.
void gated(const Kernels& kernels, Activation activation, const std::vector<float>& row) {
  static std::vector<float> y(4096);
  kernels.gated_activation(activation, row.data(), row.data(), row.size(), y.data());
}
void silu(const Kernels& kernels, std::vector<float>& row) { gated(kernels, Activation::kSilu, row); }
void gelu_erf(const Kernels& kernels, std::vector<float>& row) { gated(kernels, Activation::kGeluErf, row); }
void norm(const Kernels& kernels, std::vector<float>& row) {
  kernels.rms_norm({.x = row.data(), .gamma = row.data(), .count = row.size(), .epsilon = 1e-5F, .y = row.data()});
}
void softmax(const Kernels& kernels, std::vector<float>& row) { kernels.softmax(row.data(), row.size()); }

Peak peak_of(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvxVnni: return {avxvnni::peak_int8, avx2::peak_float32};
    case Isa::kAvx2: return {avx2::peak_int8, avx2::peak_float32};
    case Isa::kAvx512Vnni: return {avx512::peak_int8, avx512::peak_float32};
#endif
    default: return {};
  }
}

const bool kRegistered = [] {
  benchmark::RegisterBenchmark("peak/memory", run_memory);
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kNeonDotprod}) {
    const std::string prefix = std::string(to_string(isa)) + "/";
    if (const Peak peak = peak_of(isa); peak.int8 != nullptr) {
      benchmark::RegisterBenchmark((prefix + "peak/int8").c_str(), run_peak, isa, peak.int8);
      benchmark::RegisterBenchmark((prefix + "peak/float32").c_str(), run_peak, isa, peak.float32);
    }
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_0, DType::kQ4_1, DType::kQ8_0,
                              DType::kQ3_K, DType::kQ4_K, DType::kQ6_K}) {
      const std::string name = prefix + "matmul/" + std::string(dtype_info(dtype).name);
      auto* bench = benchmark::RegisterBenchmark(name.c_str(), run_matmul, isa, dtype);
      for (const int rows : {1, 4, 8, 16, 128}) bench->Arg(rows);
    }
    for (const std::size_t queries : {1U, 3U, 8U, 24U}) {
      const std::string name = prefix + "attention/" + std::to_string(queries);
      benchmark::RegisterBenchmark(name.c_str(), run_attention, isa, queries)->Arg(64)->Arg(512)->Arg(4096);
    }
    benchmark::RegisterBenchmark((prefix + "quantize").c_str(), run_row, isa, quantize)->Arg(576)->Arg(1536);
    benchmark::RegisterBenchmark((prefix + "silu").c_str(), run_row, isa, silu)->Arg(1536);
    benchmark::RegisterBenchmark((prefix + "gelu_erf").c_str(), run_row, isa, gelu_erf)->Arg(1536);
    benchmark::RegisterBenchmark((prefix + "rms_norm").c_str(), run_row, isa, norm)->Arg(576);
    benchmark::RegisterBenchmark((prefix + "softmax").c_str(), run_row, isa, softmax)->Arg(49152);
  }
  return true;
}();

}  // namespace
}  // namespace marquee::kernels
