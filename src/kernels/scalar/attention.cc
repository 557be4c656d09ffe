#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/half.h"
#include "kernels/scalar/scalar.h"

namespace marquee::kernels::scalar {
namespace {

/// Element `index` of one page's keys or values, which belongs to `token`.
float load(const AttentionJob& job, const std::byte* base, std::size_t index, std::int32_t token) {
  const auto read = [base](auto element, std::size_t at) {
    std::memcpy(&element, base + at, sizeof(element));
    return element;
  };
  switch (job.elements) {
    case DType::kF32: return read(float{}, index * sizeof(float));
    case DType::kI8: {
      const std::size_t scales = static_cast<std::size_t>(kPageTokens) * job.head_dim;
      return static_cast<float>(read(std::int8_t{}, index)) *
             read(float{}, scales + static_cast<std::size_t>(token) * sizeof(float));
    }
    default: return f16_to_f32(read(std::uint16_t{}, index * sizeof(std::uint16_t)));
  }
}

float score(const AttentionJob& job, const float* query, const std::byte* keys, std::int32_t token) {
  float sum = 0.0F;
  for (std::size_t d = 0; d < job.head_dim; ++d) {
    sum += query[d] * load(job, keys, d * kPageTokens + static_cast<std::size_t>(token), token);
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
      sums[d] = sums[d] * shrink + weight * load(job, job.values + page, at, token);
    }
  }
  for (std::size_t d = 0; d < job.head_dim; ++d) job.out[index][d] = sums[d] / total;
  if (job.largest != nullptr) job.largest[index] = largest;
  if (job.total != nullptr) job.total[index] = total;
}

}  // namespace

void attention(const AttentionJob& job) {
  for (std::size_t i = 0; i < job.queries; ++i) attend(job, i);
}

}  // namespace marquee::kernels::scalar
