#include "serving/prefix_cache_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "serving/scratch_folder_test.h"

namespace marquee::serving {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kHeaderBytes = 184;
constexpr std::size_t kDigestBytes = 64;

CacheFit small_fit() {
  CacheFit fit;
  fit.tenant = "studio";
  fit.weights_sha256 = base::sha256_hex("weights");
  fit.layout = {2, 1, 4, kernels::DType::kF16};
  fit.context_length = 64;
  fit.vocab_size = 100;
  return fit;
}

PageTokens tokens_from(formats::TokenId first) {
  PageTokens tokens{};
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = first + static_cast<formats::TokenId>(i);
  return tokens;
}

std::vector<std::byte> contents_of(int seed, const CacheFit& fit) {
  std::vector<std::byte> bytes(fit.layout.page_bytes());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 31 + static_cast<unsigned>(seed));
  return bytes;
}

/// Three pages: two that begin a text, and one after the first.
std::string saved(const ScratchFolder& folder, const CacheFit& fit) {
  const auto path = folder.path() / "show.kv";
  auto writer = CacheFileWriter::create(path, fit);
  EXPECT_TRUE(writer);
  EXPECT_TRUE(writer->add(-1, tokens_from(1), contents_of(1, fit)));
  EXPECT_TRUE(writer->add(-1, tokens_from(2), contents_of(2, fit)));
  EXPECT_FALSE(std::filesystem::exists(path)) << "not before it is whole";
  EXPECT_TRUE(writer->add(0, tokens_from(3), contents_of(3, fit)));
  const auto bytes = writer->finish();
  EXPECT_TRUE(bytes);
  std::string all = read_all(path);
  EXPECT_EQ(all.size(), *bytes);
  return all;
}

/// With the checksum that belongs to what is before it.
std::string signed_again(std::string file) {
  file.resize(file.size() - kDigestBytes);
  return file + base::sha256_hex(file);
}

base::Error error_of(const ScratchFolder& folder, const std::string& file, const CacheFit& fit) {
  const auto read = CacheFile::open(folder.write("show.kv", file), fit);
  return read ? base::Error{base::ErrorCode::kInternal, "it was read"} : read.error();
}

template <typename Value>
std::string with_value(std::string file, std::size_t offset, Value value) {
  std::memcpy(file.data() + offset, &value, sizeof(value));
  return signed_again(std::move(file));
}

TEST(PrefixCacheFile, GivesBackWhatWasWritten) {
  const ScratchFolder folder;
  const CacheFit fit = small_fit();
  const std::string bytes = saved(folder, fit);
  const auto file = CacheFile::open(folder.path() / "show.kv", fit);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->pages(), 3);
  EXPECT_EQ(file->file_bytes(), bytes.size());
  const std::vector<std::int32_t> parents = {-1, -1, 0};
  for (std::int32_t i = 0; i < 3; ++i) {
    const auto page = file->page(i);
    EXPECT_EQ(page.parent, parents[static_cast<std::size_t>(i)]);
    EXPECT_EQ(page.tokens, tokens_from(i + 1));
    const auto expected = contents_of(i + 1, fit);
    ASSERT_EQ(page.contents.size(), expected.size());
    EXPECT_EQ(std::memcmp(page.contents.data(), expected.data(), expected.size()), 0);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().filename(), "show.kv") << "nothing is left beside it";
  }
}

TEST(PrefixCacheFile, EveryDamagedByteAndEveryLengthIsRefused) {
  const ScratchFolder folder;
  const CacheFit fit = small_fit();
  const std::string good = saved(folder, fit);
  for (std::size_t i = 0; i < good.size(); i += i < kHeaderBytes ? 1 : 13) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_EQ(error_of(folder, bad, fit).code, base::ErrorCode::kCorrupt) << "byte " << i;
  }
  for (std::size_t length = 0; length < good.size(); length += 7) {
    const auto error = error_of(folder, good.substr(0, length), fit);
    EXPECT_EQ(error.code, base::ErrorCode::kCorrupt) << length;
    EXPECT_THAT(error.message, HasSubstr("show.kv"));
  }
  EXPECT_EQ(error_of(folder, good + "x", fit).code, base::ErrorCode::kCorrupt);
  EXPECT_EQ(CacheFile::open(folder.path() / "none.kv", fit).error().code, base::ErrorCode::kNotFound);
}

// The checksum is right: somebody made the file so.
TEST(PrefixCacheFile, HostileFilesAreRefusedToo) {
  const ScratchFolder folder;
  const CacheFit fit = small_fit();
  const std::string good = saved(folder, fit);
  const std::size_t record = 4 + sizeof(PageTokens) + fit.layout.page_bytes();
  const auto at = [&](std::size_t number) { return kHeaderBytes + number * record; };
  struct Case {
    std::string file;
    const char* says;
  };
  const std::vector<Case> cases = {
      {with_value(good, 0, 'X'), "no saved cache"},
      {with_value<std::int32_t>(good, at(0), 0), "page 0 of 3 comes before"},
      {with_value<std::int32_t>(good, at(1), 1), "page 1 of 3 comes before"},
      {with_value<std::int32_t>(good, at(2), 3), "page 2 of 3 comes before"},
      {with_value<std::int32_t>(good, at(2), -2), "page 2 of 3 comes before"},
      {with_value<std::int32_t>(good, at(2), 0x7fffffff), "page 2 of 3 comes before"},
      {with_value<std::int32_t>(good, at(1) + 4, -1), "page 1 of 3 has a token"},
      {with_value<std::int32_t>(good, at(1) + 4 + 60, 100), "page 1 of 3 has a token"},
      {signed_again(good.substr(0, kHeaderBytes + 5) + good.substr(good.size() - kDigestBytes)),
       "whole number of pages"},
      {signed_again(good.substr(0, kHeaderBytes - 1) + good.substr(good.size() - kDigestBytes)), "too few"},
      {signed_again(std::string(kDigestBytes, 'a')), "too few"},
  };
  for (const Case& one : cases) {
    const auto error = error_of(folder, one.file, fit);
    EXPECT_EQ(error.code, base::ErrorCode::kCorrupt) << one.says;
    EXPECT_THAT(error.message, HasSubstr(one.says));
  }
  std::string deep = good.substr(0, at(1));  // a text longer than the model's context
  for (std::int32_t number = 1; number < 5; ++number) {
    std::string more = good.substr(at(1), record);
    const std::int32_t parent = number - 1;
    std::memcpy(more.data(), &parent, sizeof(parent));
    deep += more;
  }
  EXPECT_THAT(error_of(folder, signed_again(deep + std::string(kDigestBytes, ' ')), fit).message,
              HasSubstr("page 4 of 5 lies beyond the model's context"));
}

TEST(PrefixCacheFile, OnlyFitsWhatItWasSavedFrom) {
  const ScratchFolder folder;
  const std::string good = saved(folder, small_fit());
  struct Case {
    std::function<void(CacheFit&)> change;
    const char* says;
  };
  const std::vector<Case> cases = {
      {[](CacheFit& fit) { fit.tenant = "rival"; }, "for another tenant"},
      {[](CacheFit& fit) { fit.tenant = "studio2"; }, "for another tenant"},
      {[](CacheFit& fit) { fit.weights_sha256 = base::sha256_hex("others"); }, "from other model files"},
      {[](CacheFit& fit) { fit.context_length = 128; }, "with a context of 64 tokens, not 128"},
      {[](CacheFit& fit) { fit.layout.layers = 4; }, "another layout"},
      {[](CacheFit& fit) { fit.activations = tensor::ActivationType::kInt16; }, "with other activations"},
      {[](CacheFit& fit) {
         fit.layout = {1, 2, 4, kernels::DType::kF16};
       },
       "another layout"},
      {[](CacheFit& fit) {
         fit.layout = {2, 1, 2, kernels::DType::kF32};
       },
       "another layout"},
  };
  for (const Case& one : cases) {
    CacheFit fit = small_fit();
    one.change(fit);
    const auto error = error_of(folder, good, fit);
    EXPECT_EQ(error.code, base::ErrorCode::kFailedPrecondition) << one.says;
    EXPECT_THAT(error.message, HasSubstr(one.says));
  }
  const auto later = error_of(folder, with_value<std::uint32_t>(good, 8, 3), small_fit());
  EXPECT_EQ(later.code, base::ErrorCode::kFailedPrecondition);
  EXPECT_THAT(later.message, HasSubstr("another version"));
}

TEST(PrefixCacheFile, AnUnfinishedFileIsNoFile) {
  const ScratchFolder folder;
  const CacheFit fit = small_fit();
  const std::string good = saved(folder, fit);
  const auto path = folder.path() / "show.kv";
  {
    auto writer = CacheFileWriter::create(path, fit);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add(-1, tokens_from(9), contents_of(9, fit)));
  }
  EXPECT_EQ(read_all(path), good) << "the one before is whole";
  CacheFileWriter::discard(path);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(CacheFileWriter::create(folder.path() / "no" / "such" / "folder.kv", fit).error().code,
            base::ErrorCode::kIo);
}

}  // namespace
}  // namespace marquee::serving
