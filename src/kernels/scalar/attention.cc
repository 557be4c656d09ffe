#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/half.h"
#include "kernels/scalar/scalar.h"

namespace marquee::kernels::scalar {
namespace {

float load(const AttentionJob& job, const std::byte* base, std::size_t index) {
  if (!job.half) {
    float value = 0.0F;
    std::memcpy(&value, base + index * sizeof(value), sizeof(value));
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, base + index * sizeof(bits), sizeof(bits));
  return f16_to_f32(bits);
}

float score(const AttentionJob& job, const float* query, const std::byte* keys, std::int32_t token) {
  float sum = 0.0F;
  for (std::size_t d = 0; d < job.head_dim; ++d) {
    sum += query[d] * load(job, keys, d * kPageTokens + static_cast<std::size_t>(token));
  }
  sum *= job.scale;
  return job.soft_cap > 0.0F ? job.soft_cap * std::tanh(sum / job.soft_cap) : sum;
}

// Online softmax, one position after another: whenever the largest score grows, what was summed shrinks to match.
void attend(const AttentionJob& job, std::size_t index) {
  float* sums = job.scratch;
  std::memset(sums, 0, job.head_dim * sizeof(float));
  float largest = -std::numeric_limits<float>::infinity();
  float total = 0.0F;
  for (std::int32_t position = job.first[index]; position <= job.last[index]; ++position) {
    const std::size_t page = static_cast<std::size_t>(job.pages[position / kPageTokens]) * job.page_bytes;
    const std::int32_t token = position % kPageTokens;
    const float value = score(job, job.query[index], job.keys + page, token);
    const float grown = std::fmax(largest, value);
    const float shrink = std::exp(largest - grown);
    const float weight = std::exp(value - grown);
    largest = grown;
    total = total * shrink + weight;
    for (std::size_t d = 0; d < job.head_dim; ++d) {
      const std::size_t at = static_cast<std::size_t>(token) * job.head_dim + d;
      sums[d] = sums[d] * shrink + weight * load(job, job.values + page, at);
    }
  }
  for (std::size_t d = 0; d < job.head_dim; ++d) job.out[index][d] = sums[d] / total;
}

}  // namespace

void attention(const AttentionJob& job) {
  for (std::size_t i = 0; i < job.queries; ++i) attend(job, i);
}

}  // namespace marquee::kernels::scalar
