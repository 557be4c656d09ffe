#include "tensor/packed_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tensor/packed_weight.h"
#include "tensor/packed_weight_impl.h"
#include "tensor/random_floats_test.h"

namespace marquee::tensor {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const PackedCacheKey kKey{std::string(32, 'a') + std::string(32, 'b'), "avx2"};
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30U;

class PackedCacheTest : public ::testing::Test {
 protected:
  PackedCacheTest() {
    std::string pattern = (fs::temp_directory_path() / "packed_cache_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (std::int64_t i = 0; i < 3; ++i) {
      values_.push_back(random_floats(static_cast<std::size_t>((20 + i) * 32), static_cast<unsigned>(i)));
    }
  }
  ~PackedCacheTest() override { fs::remove_all(folder_); }

  [[nodiscard]] StoredTensor stored(std::size_t i) const {
    return {"w" + std::to_string(i),
            kernels::DType::kF32,
            {static_cast<std::int64_t>(20 + i), 32},
            std::as_bytes(std::span(values_[i]))};
  }

  /// Packs all matrices, from the cache or into it, and returns their bytes one after another.
  base::Result<std::string> pack_all(PackedCache& cache) {
    std::string all;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const StoredTensor tensor = stored(i);
      MARQUEE_ASSIGN(const auto weight, PackedWeight::pack(std::span(&tensor, 1), pool_, &cache));
      const auto& panels = weight.impl().parts[0].panels;
      all.append(reinterpret_cast<const char*>(panels.data()), panels.size());
    }
    return all;
  }

  std::string write(const PackedCacheKey& key = kKey, std::uint64_t most_bytes = kPlenty) {
    auto cache = PackedCache::open(folder_ / "packed", key);
    EXPECT_TRUE(cache) << cache.error().message;
    EXPECT_FALSE(cache->reading());
    auto packed = pack_all(*cache);
    EXPECT_TRUE(packed);
    const auto written = cache->write(most_bytes);
    EXPECT_TRUE(written) << written.error().message;
    return *packed;
  }

  [[nodiscard]] fs::path file(const PackedCacheKey& key = kKey) const { return folder_ / "packed" / key.file_name(); }

  fs::path folder_;
  std::vector<std::vector<float>> values_;
  base::ThreadPool pool_{2};
};

TEST_F(PackedCacheTest, GivesBackWhatWasPacked) {
  const std::string packed = write();
  auto cache = PackedCache::open(folder_ / "packed", kKey);
  ASSERT_TRUE(cache) << cache.error().message;
  ASSERT_TRUE(cache->reading());
  for (auto& values : values_) std::fill(values.begin(), values.end(), 0.0F);  // nothing is packed again
  const auto again = pack_all(*cache);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, packed);
  const StoredTensor more = stored(0);
  EXPECT_THAT(PackedWeight::pack(std::span(&more, 1), pool_, &*cache).error().message, HasSubstr("too few matrices"));
}

TEST_F(PackedCacheTest, AnotherKeyHasAnotherFile) {
  write();
  for (const PackedCacheKey& key :
       {PackedCacheKey{kKey.content, "avx512_vnni"}, PackedCacheKey{std::string(64, 'c'), kKey.isa}}) {
    const auto cache = PackedCache::open(folder_ / "packed", key);
    ASSERT_TRUE(cache);
    EXPECT_FALSE(cache->reading());
  }
  // A file that was given another's name.
  const PackedCacheKey other{kKey.content, "scalar"};
  fs::copy(file(), file(other));
  EXPECT_THAT(PackedCache::open(folder_ / "packed", other).error().message, HasSubstr("belongs to another model"));
}

TEST_F(PackedCacheTest, EveryDamagedByteIsFound) {
  write();
  std::ifstream stream(file(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const auto try_file = [&](const std::string& bytes) -> base::Result<std::string> {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    MARQUEE_ASSIGN(auto cache, PackedCache::open(folder_ / "packed", kKey));
    return pack_all(cache);
  };
  ASSERT_TRUE(try_file(whole));
  std::size_t tried = 0;
  for (std::size_t at = 0; at < whole.size(); at += at < 144 || at + 200 > whole.size() ? 1 : 97) {
    if (at >= 144 && at < 4096) continue;  // nothing is there
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_FALSE(try_file(bytes)) << "byte " << at;
    ++tried;
  }
  EXPECT_GT(tried, 300U);
  for (const std::size_t size : {std::size_t{1}, std::size_t{143}, std::size_t{4096}, whole.size() - 1}) {
    EXPECT_EQ(try_file(whole.substr(0, size)).error().code, base::ErrorCode::kCorrupt) << size;
  }
  EXPECT_FALSE(try_file(whole + "x"));
}

TEST_F(PackedCacheTest, AnotherMatrixIsRefused) {
  write();
  auto cache = PackedCache::open(folder_ / "packed", kKey);
  ASSERT_TRUE(cache);
  const StoredTensor second = stored(1);
  EXPECT_THAT(PackedWeight::pack(std::span(&second, 1), pool_, &*cache).error().message,
              HasSubstr("matrix 0 is another one"));
}

TEST_F(PackedCacheTest, TheLeastRecentlyUsedGoFirst) {
  const auto key = [](char c) { return PackedCacheKey{std::string(64, c), "avx2"}; };
  for (const char c : {'1', '2', '3'}) write(key(c));
  const auto size = fs::file_size(file(key('1')));
  for (const char c : {'2', '3'}) {
    fs::last_write_time(file(key(c)), fs::file_time_type::clock::now() - std::chrono::hours(c == '2' ? 3 : 2));
  }
  ASSERT_TRUE(PackedCache::open(folder_ / "packed", key('2')));  // used just now
  write(key('4'), size * 3);
  EXPECT_TRUE(fs::exists(file(key('2'))));
  EXPECT_FALSE(fs::exists(file(key('3'))));
  EXPECT_TRUE(fs::exists(file(key('4'))));
  write(key('5'), size - 1);
  EXPECT_FALSE(fs::exists(file(key('5')))) << "larger than all may be";
  remove_packed_cache(folder_ / "packed", key('4').content);
  EXPECT_FALSE(fs::exists(file(key('4'))));
}

TEST_F(PackedCacheTest, WhatCannotBeWrittenLeavesNothing) {
  std::ofstream(folder_ / "packed") << "a file where the folder should be";
  PackedCache cache = std::move(*PackedCache::open(folder_ / "elsewhere", kKey));
  ASSERT_TRUE(pack_all(cache));
  fs::create_directories(file().parent_path().parent_path() / "elsewhere" / kKey.file_name());  // a folder in its place
  EXPECT_FALSE(cache.write(kPlenty));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "elsewhere")) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 0U);
}

}  // namespace
}  // namespace marquee::tensor
