#include "tensor/aligned_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

namespace marquee::tensor {
namespace {

TEST(AlignedBuffer, IsZeroedAlignedAndItsOwn) {
  std::vector<AlignedBuffer> buffers;
  for (std::size_t bytes = 1; bytes < 100000; bytes = bytes * 3 + 7) {
    auto buffer = AlignedBuffer::allocate(bytes);
    ASSERT_TRUE(buffer);
    ASSERT_EQ(buffer->size(), bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data()) % 64, 0U);
    for (std::size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(buffer->data()[i], std::byte{0});
      buffer->data()[i] = static_cast<std::byte>(buffers.size() + 1);
    }
    buffers.push_back(std::move(buffer).value());
  }
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    for (std::size_t i = 0; i < buffers[b].size(); ++i) ASSERT_EQ(buffers[b].data()[i], static_cast<std::byte>(b + 1));
  }
}

TEST(AlignedBuffer, OutlivesItsNeighbours) {
  auto first = AlignedBuffer::allocate(1000);
  auto second = AlignedBuffer::allocate(1000);
  ASSERT_TRUE(first && second);
  second->data()[999] = std::byte{9};
  *first = AlignedBuffer();
  AlignedBuffer moved = std::move(second).value();
  EXPECT_EQ(moved.data()[999], std::byte{9});
}

TEST(AlignedBuffer, RefusesWhatCannotBe) {
  EXPECT_TRUE(AlignedBuffer::allocate(0));
  const auto huge = AlignedBuffer::allocate(std::numeric_limits<std::size_t>::max());
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_FALSE(AlignedBuffer::allocate(std::size_t{1} << 62U));
}

TEST(AlignedBuffer, MayBeAllocatedFromAnyThread) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      std::vector<AlignedBuffer> buffers;
      for (int i = 0; i < 200; ++i) {
        auto buffer = AlignedBuffer::allocate(4096);
        ASSERT_TRUE(buffer);
        for (std::size_t at = 0; at < 4096; ++at) ASSERT_EQ(buffer->data()[at], std::byte{0});
        buffer->data()[i] = std::byte{1};
        if (i % 3 != 0) buffers.push_back(std::move(buffer).value());
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace marquee::tensor
