#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/half.h"
#include "kernels/isa_test.h"

namespace marquee::kernels {
namespace {

std::size_t element_bytes(DType elements) {
  return elements == DType::kF32 ? sizeof(float) : elements == DType::kF16 ? sizeof(std::uint16_t) : 1;
}

/// A cache of NaN with keys and values at its first `tokens` positions.
struct Cache {
  std::size_t head_dim;
  DType elements;
  std::size_t side_bytes;  ///< of a page's keys, and of its values
  std::size_t page_bytes;
  std::vector<std::byte> memory;
  std::vector<std::int32_t> pages;

  Cache(std::size_t head_dim_, DType elements_, std::int32_t tokens) : head_dim(head_dim_), elements(elements_) {
    side_bytes = 16 * head_dim * element_bytes(elements) + (elements == DType::kI8 ? 16 * sizeof(float) : 0);
    page_bytes = 2 * side_bytes + 4;  // an odd distance: no page is aligned as another
    const std::int32_t page_count = tokens / 16 + 1;
    memory.assign(page_bytes * static_cast<std::size_t>(page_count), std::byte{0xFF});
    for (std::int32_t page = 0; page < page_count; ++page) pages.push_back((page * 7 + 3) % page_count);
    if (page_count % 7 == 0) {
      for (std::int32_t page = 0; page < page_count; ++page) pages[static_cast<std::size_t>(page)] = page;
    }
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (std::int32_t token = 0; token < tokens; ++token) {
      std::byte* page =
          memory.data() + static_cast<std::size_t>(pages[static_cast<std::size_t>(token / 16)]) * page_bytes;
      const auto slot = static_cast<std::size_t>(token % 16);
      for (std::size_t d = 0; d < head_dim; ++d) {
        put(page, d * 16 + slot, normal(random));
        put(page + side_bytes, slot * head_dim + d, normal(random));
      }
      if (elements != DType::kI8) continue;
      for (std::byte* side : {page, page + side_bytes}) {
        const float scale = std::fabs(normal(random));
        std::memcpy(side + 16 * head_dim + slot * sizeof(scale), &scale, sizeof(scale));
      }
    }
  }
  void put(std::byte* side, std::size_t index, float value) const {
    const std::uint16_t half = f32_to_f16(value);
    const auto small = static_cast<std::int8_t>(std::lround(std::clamp(value * 40.0F, -127.0F, 127.0F)));
    const void* from = elements == DType::kF32   ? static_cast<const void*>(&value)
                       : elements == DType::kF16 ? static_cast<const void*>(&half)
                                                 : &small;
    std::memcpy(side + index * element_bytes(elements), from, element_bytes(elements));
  }
};

struct Query {
  std::int32_t first;
  std::int32_t last;
};

/// The results of `queries`, `together` at a time.
std::vector<float> attend(const Kernels& kernels, const Cache& cache, const std::vector<Query>& queries,
                          std::size_t together, float soft_cap) {
  const std::size_t dim = cache.head_dim;
  const Misaligned q(queries.size() * dim, 1, 5);
  std::vector<float> out(queries.size() * dim, -9.0F);
  std::vector<float> scratch(attention_scratch_floats(dim) + 16);
  for (std::size_t begin = 0; begin < queries.size(); begin += together) {
    AttentionJob job;
    job.keys = cache.memory.data();
    job.values = cache.memory.data() + cache.side_bytes;
    job.page_bytes = cache.page_bytes;
    job.pages = cache.pages.data();
    job.elements = cache.elements;
    job.head_dim = dim;
    job.scale = cache.elements == DType::kI8 ? 0.01F : 0.2F;
    job.soft_cap = soft_cap;
    job.scratch = scratch.data();
    for (std::size_t i = begin; i < std::min(begin + together, queries.size()); ++i) {
      job.query[job.queries] = q.data() + i * dim;
      job.out[job.queries] = out.data() + i * dim;
      job.first[job.queries] = queries[i].first;
      job.last[job.queries] = queries[i].last;
      ++job.queries;
    }
    kernels.attention(job);
  }
  return out;
}

static_assert(kMaxAttentionQueries >= 16, "the queries below fit one call");

class PagedAttention : public IsaTest {};

// Ranges that begin and end inside pages and blocks, and queries of one call whose ranges barely or do not meet.
const std::vector<Query> kQueries = {{0, 0},     {0, 15},  {0, 16},    {0, 63},  {0, 64},   {0, 65},
                                     {5, 5},     {5, 70},  {63, 64},   {64, 64}, {17, 130}, {100, 199},
                                     {128, 191}, {0, 199}, {190, 199}, {3, 4}};

TEST_P(PagedAttention, AgreesWithTheScalarTwin) {
  for (const DType elements : {DType::kF32, DType::kF16, DType::kI8}) {
    const float tolerance = elements == DType::kI8 ? 1e-3F : 1e-5F;  // its values reach 127 and more
    for (const std::size_t head_dim : {1U, 8U, 15U, 16U, 20U, 64U, 80U, 96U, 128U, 256U}) {
      const Cache cache(head_dim, elements, 200);
      for (const float soft_cap : {0.0F, 1.5F}) {
        const auto expected = attend(scalar(), cache, kQueries, 1, soft_cap);
        const auto actual = attend(wide(), cache, kQueries, kQueries.size(), soft_cap);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR(actual[i], expected[i], tolerance)
              << dtype_info(elements).name << "head_dim " << head_dim << " query " << i / head_dim;
        }
      }
    }
  }
}

TEST_P(PagedAttention, GivesTheSameBitsInAnyCompany) {
  for (const std::size_t head_dim : {20U, 64U, 136U}) {
    for (const DType elements : {DType::kF16, DType::kI8}) {
      const Cache cache(head_dim, elements, 200);
      const auto alone = attend(wide(), cache, kQueries, 1, 0.0F);
      for (std::size_t together = 2; together <= kQueries.size(); ++together) {
        const auto crowd = attend(wide(), cache, kQueries, together, 0.0F);
        ASSERT_EQ(std::memcmp(crowd.data(), alone.data(), crowd.size() * sizeof(float)), 0) << together << " together";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, PagedAttention, testing::ValuesIn(kIsas), isa_name);

}  // namespace
}  // namespace marquee::kernels
