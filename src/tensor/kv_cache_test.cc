#include "tensor/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <set>
#include <stdexcept>

namespace marquee::tensor {
namespace {

using kernels::DType;

TEST(KvPool, LendsEachPageOnceAndTakesItBack) {
  auto pool = KvPool::create({2, 3, 64, DType::kF16}, 4);
  ASSERT_TRUE(pool);
  std::set<std::int32_t> pages;
  for (int i = 0; i < 4; ++i) pages.insert(*(*pool)->allocate());
  EXPECT_EQ(pages.size(), 4U);
  EXPECT_EQ((*pool)->free_pages(), 0);
  const auto none = (*pool)->allocate();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, base::ErrorCode::kResourceExhausted);
  (*pool)->release(2);
  EXPECT_EQ(*(*pool)->allocate(), 2);
}

TEST(KvPool, KeepsAPageUntilItsLastReferenceGoes) {
  auto pool = KvPool::create({1, 1, 8, DType::kF32}, 2);
  ASSERT_TRUE(pool);
  const std::int32_t page = *(*pool)->allocate();
  (*pool)->add_reference(page);
  EXPECT_EQ((*pool)->references(page), 2);
  (*pool)->release(page);
  EXPECT_EQ((*pool)->free_pages(), 1);
  (*pool)->release(page);
  EXPECT_EQ((*pool)->free_pages(), 2);
  EXPECT_THROW((*pool)->release(page), std::logic_error);
  EXPECT_THROW((*pool)->add_reference(page), std::logic_error);
}

TEST(KvPool, KeptPageIsIdleWhileNobodyUsesIt) {
  auto pool = KvPool::create({1, 1, 8, DType::kF32}, 2);
  ASSERT_TRUE(pool);
  const std::int32_t page = *(*pool)->allocate();
  (*pool)->keep(page);
  EXPECT_TRUE((*pool)->kept(page));
  EXPECT_EQ((*pool)->users(page), 1);
  EXPECT_EQ((*pool)->idle_pages(), 0);
  EXPECT_THROW((*pool)->keep(page), std::logic_error);
  (*pool)->release(page);
  EXPECT_EQ((*pool)->users(page), 0);
  EXPECT_EQ((*pool)->idle_pages(), 1);
  EXPECT_EQ((*pool)->free_pages(), 1);
  EXPECT_THROW((*pool)->release(page), std::logic_error) << "the keeper's reference is not a user's";
  (*pool)->add_reference(page);
  EXPECT_EQ((*pool)->idle_pages(), 0);
  (*pool)->drop(page);
  EXPECT_EQ((*pool)->users(page), 1);
  EXPECT_THROW((*pool)->drop(page), std::logic_error);
  (*pool)->release(page);
  EXPECT_EQ((*pool)->free_pages(), 2);
  EXPECT_THROW((*pool)->keep(page), std::logic_error);
  EXPECT_FALSE((*pool)->kept(page));
  const std::int32_t other = *(*pool)->allocate();
  (*pool)->keep(other);
  (*pool)->release(other);
  (*pool)->drop(other);
  EXPECT_EQ((*pool)->idle_pages(), 0);
  EXPECT_EQ((*pool)->free_pages(), 2);
}

TEST(KvPool, ClonesContentsNotReferences) {
  auto pool = KvPool::create({2, 2, 8, DType::kF16}, 2);
  ASSERT_TRUE(pool);
  const std::int32_t page = *(*pool)->allocate();
  const std::size_t bytes = (*pool)->layout().page_bytes();
  for (std::size_t i = 0; i < bytes; ++i) (*pool)->keys(page, 0, 0)[i] = static_cast<std::byte>(i * 7);
  (*pool)->add_reference(page);
  const std::int32_t copy = *(*pool)->clone(page);
  EXPECT_NE(copy, page);
  EXPECT_EQ((*pool)->references(copy), 1);
  EXPECT_EQ(std::memcmp((*pool)->keys(copy, 0, 0), (*pool)->keys(page, 0, 0), bytes), 0);
  (*pool)->keys(copy, 1, 1)[0] = std::byte{1};
  EXPECT_EQ((*pool)->keys(page, 1, 1)[0],
            static_cast<std::byte>(((*pool)->keys(page, 1, 1) - (*pool)->keys(page, 0, 0)) * 7));
  const auto full = (*pool)->clone(page);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, base::ErrorCode::kResourceExhausted);
}

TEST(KvPool, PlacesHeadsOneAfterAnother) {
  auto pool = KvPool::create({2, 3, 64, DType::kF16}, 2);
  ASSERT_TRUE(pool);
  EXPECT_EQ((*pool)->layout().page_bytes(), 2U * 3 * 2 * 16 * 64 * 2);
  EXPECT_EQ((*pool)->values(0, 0, 0) - (*pool)->keys(0, 0, 0), 16 * 64 * 2);
  EXPECT_EQ((*pool)->keys(0, 0, 1) - (*pool)->keys(0, 0, 0), 2 * 16 * 64 * 2);
  EXPECT_EQ((*pool)->keys(0, 1, 0) - (*pool)->keys(0, 0, 0), 3 * 2 * 16 * 64 * 2);
  EXPECT_EQ((*pool)->keys(1, 0, 0) - (*pool)->keys(0, 0, 0),
            static_cast<std::ptrdiff_t>((*pool)->layout().page_bytes()));
}

TEST(KvPool, RefusesLayoutsThatCannotBe) {
  EXPECT_FALSE(KvPool::create({0, 1, 64, DType::kF16}, 1));
  EXPECT_FALSE(KvPool::create({1, 0, 64, DType::kF16}, 1));
  EXPECT_FALSE(KvPool::create({1, 1, 0, DType::kF16}, 1));
  EXPECT_FALSE(KvPool::create({1, 1, 64, DType::kQ8_0}, 1));
  EXPECT_FALSE(KvPool::create({1, 1, 64, DType::kF16}, 0));
  const auto huge = KvPool::create({4096, 4096, 4096, DType::kF32}, std::numeric_limits<std::int32_t>::max());
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, base::ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace marquee::tensor
