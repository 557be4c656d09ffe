#include "tensor/autograd/gemm.h"

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>

#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

// Below this many multiply-adds a hand-off to the team costs more than it saves.
constexpr std::size_t kTeamWork = std::size_t{1} << 16U;
// What the inner kernels take at a time: parts are multiples of it.
constexpr std::size_t kPartStep = 16;

}  // namespace

Gemm Gemm::rows(std::size_t begin, std::size_t count) const {
  Gemm part = *this;
  part.m = count;
  part.a += transpose_a ? begin : begin * lda;
  part.c += begin * ldc;
  return part;
}

Gemm Gemm::columns(std::size_t begin, std::size_t count) const {
  Gemm part = *this;
  part.n = count;
  part.b += transpose_b ? begin * ldb : begin;
  part.c += begin;
  return part;
}

void gemm_here(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  omp_set_num_threads(
      1);  // of this thread: the team shares a product out itself, and a second one would fight for the cores
  const auto whole = [](std::size_t value) { return static_cast<dnnl_dim_t>(value); };
  const auto status = dnnl::sgemm(g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', whole(g.m), whole(g.n),
                                  whole(g.k), g.alpha, g.a, whole(g.lda), g.b, whole(g.ldb), g.beta, g.c, whole(g.ldc));
  if (status != dnnl::status::success) throw std::runtime_error("oneDNN could not compute a product");
}

void gemm(const Gemm& g) {
  base::ThreadPool& team = ComputeScope::current().team();
  const bool by_rows = g.m >= g.n;
  const std::size_t steps = ((by_rows ? g.m : g.n) + kPartStep - 1) / kPartStep;
  const std::size_t parts = std::min<std::size_t>(team.size(), steps);
  if (parts <= 1 || g.m * g.n * g.k < kTeamWork) return gemm_here(g);
  team.parallel_for(parts, [&](std::size_t part) {
    const std::size_t length = by_rows ? g.m : g.n;
    const std::size_t begin = std::min(length, steps * part / parts * kPartStep);
    const std::size_t end = std::min(length, steps * (part + 1) / parts * kPartStep);
    gemm_here(by_rows ? g.rows(begin, end - begin) : g.columns(begin, end - begin));
  });
}

}  // namespace marquee::tensor::autograd
