#include "tensor/bidirectional_attention.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/shape_check.h"

namespace marquee::tensor {
namespace {

using kernels::kPageTokens;

constexpr std::size_t kPage = static_cast<std::size_t>(kPageTokens);

/// One thread's room for the keys and values of one head of one text, laid out as the paged kernel reads them.
class HeadPages {
 public:
  void reserve(std::size_t tokens, std::size_t head_dim) {
    const std::size_t pages = (tokens + kPage - 1) / kPage;
    page_floats_ = kPage * head_dim;
    const std::size_t floats = 2 * pages * page_floats_ + kernels::attention_scratch_floats(head_dim);
    if (memory_.size() < floats + kAlignment) memory_.resize(floats + kAlignment);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    keys_ = memory_.data() + (kBytes - address % kBytes) % kBytes / sizeof(float);
    values_ = keys_ + pages * page_floats_;
    scratch_ = values_ + pages * page_floats_;
    const std::size_t known = order_.size();
    if (known >= pages) return;
    order_.resize(pages);
    std::iota(order_.begin() + static_cast<std::ptrdiff_t>(known), order_.end(), static_cast<std::int32_t>(known));
  }

  /// Keys become dimension-major in their pages, values follow each other. @shape k, v: [tokens, head_dim]
  void fill(ConstMatrix k, ConstMatrix v) {
    for (std::size_t begin = 0; begin < k.rows; begin += kPage) {
      float* const page = keys_ + begin * k.cols;
      const std::size_t count = std::min(kPage, k.rows - begin);
      if (count < kPage) std::memset(page, 0, page_floats_ * sizeof(float));
      for (std::size_t token = 0; token < count; ++token) {
        const float* const row = k.row(begin + token);
        for (std::size_t d = 0; d < k.cols; ++d) page[d * kPage + token] = row[d];
      }
    }
    for (std::size_t token = 0; token < v.rows; ++token) {
      std::memcpy(values_ + token * v.cols, v.row(token), v.cols * sizeof(float));
    }
  }

  void lay_out(kernels::AttentionJob& job) const {
    job.keys = reinterpret_cast<const std::byte*>(keys_);
    job.values = reinterpret_cast<const std::byte*>(values_);
    job.page_bytes = page_floats_ * sizeof(float);
    job.pages = order_.data();
    job.elements = kernels::DType::kF32;
    job.scratch = scratch_;
  }

 private:
  static constexpr std::size_t kBytes = 64;
  static constexpr std::size_t kAlignment = kBytes / sizeof(float);
  std::vector<float> memory_;
  std::vector<std::int32_t> order_;  ///< 0, 1, 2, …: the pages lie in order
  std::size_t page_floats_ = 0;
  float* keys_ = nullptr;
  float* values_ = nullptr;
  float* scratch_ = nullptr;
};

struct Batch {
  const BidirectionalParams& params;
  std::span<const TextRows> texts;
  ConstMatrix qkv;
  Matrix out;
};

void attend_head(const Batch& batch, const TextRows& text, std::size_t head) {
  const auto head_dim = static_cast<std::size_t>(batch.params.head_dim);
  const std::size_t width = static_cast<std::size_t>(batch.params.heads) * head_dim;
  const ConstMatrix rows = batch.qkv.slice_rows(text.first, text.count);
  thread_local HeadPages pages;
  pages.reserve(text.count, head_dim);
  pages.fill(rows.slice_cols(width + head * head_dim, head_dim),
             rows.slice_cols(2 * width + head * head_dim, head_dim));
  kernels::AttentionJob job;
  pages.lay_out(job);
  job.head_dim = head_dim;
  job.scale = batch.params.scale;
  for (std::size_t begin = 0; begin < text.count; begin += kernels::kMaxAttentionQueries) {
    job.queries = std::min(kernels::kMaxAttentionQueries, text.count - begin);
    for (std::size_t i = 0; i < job.queries; ++i) {
      job.query[i] = rows.row(begin + i) + head * head_dim;
      job.out[i] = batch.out.row(text.first + begin + i) + head * head_dim;
      job.first[i] = 0;
      job.last[i] = static_cast<std::int32_t>(text.count) - 1;
    }
    kernels::kernels().attention(job);
  }
}

}  // namespace

base::Result<void> bidirectional_attention(base::ThreadPool& pool, const BidirectionalParams& params,
                                           std::span<const TextRows> texts, ConstMatrix qkv, Matrix out) {
  if (params.heads < 1 || params.head_dim < 1) {
    return base::invalid_argument("bidirectional_attention: heads and head_dim must be at least 1");
  }
  const auto heads = static_cast<std::size_t>(params.heads);
  const std::size_t width = heads * static_cast<std::size_t>(params.head_dim);
  MARQUEE_CHECK(check_extent("bidirectional_attention", "qkv's column count", qkv.cols, 3 * width));
  MARQUEE_CHECK(check_extent("bidirectional_attention", "the result's column count", out.cols, width));
  MARQUEE_CHECK(check_extent("bidirectional_attention", "the result's row count", out.rows, qkv.rows));
  for (const TextRows& text : texts) {
    if (text.first <= qkv.rows && text.count <= qkv.rows - text.first) continue;
    return base::invalid_argument("bidirectional_attention: rows " + std::to_string(text.first) + " to " +
                                  std::to_string(text.first + text.count) + " of " + std::to_string(qkv.rows));
  }
  const Batch batch{params, texts, qkv, out};
  pool.parallel_for(texts.size() * heads,
                    [&](std::size_t task) { attend_head(batch, texts[task / heads], task % heads); });
  return {};
}

}  // namespace marquee::tensor
