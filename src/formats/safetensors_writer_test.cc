#include "formats/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/safetensors.h"

namespace marquee::formats {
namespace {

using kernels::DType;
using tensor::StoredTensor;
using ::testing::HasSubstr;

class SafetensorsWriterTest : public ::testing::Test {
 protected:
  SafetensorsWriterTest() { std::filesystem::create_directories(folder_); }
  ~SafetensorsWriterTest() override { std::filesystem::remove_all(folder_); }
  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("safetensors_writer_" + std::to_string(::getpid()));
  const std::filesystem::path path_ = folder_ / "x.safetensors";
};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_F(SafetensorsWriterTest, WhatIsWrittenIsReadBack) {
  const std::string eight = "12345678", six = "abcdef", three = "xyz", four = "wxyz";
  const std::vector<StoredTensor> tensors = {
      {"bytes", DType::kU8, {3}, bytes_of(three)},
      {"half \"quoted\"", DType::kF16, {3, 1}, bytes_of(six)},
      {"float", DType::kF32, {2}, bytes_of(eight)},
      {"scalar", DType::kI32, {}, bytes_of(four)},
  };
  const auto written = write_safetensors(path_, tensors, {{"format", "pt"}, {"naïve", "\"ß\""}});
  ASSERT_TRUE(written) << written.error().message;
  const auto file = base::MappedFile::open(path_);
  ASSERT_TRUE(file);
  EXPECT_EQ(written->bytes, file->bytes().size());
  EXPECT_EQ(written->xxh3, XXH3_64bits(file->bytes().data(), file->bytes().size()));
  const auto read = parse_safetensors(file->bytes(), "x");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 4U);
  EXPECT_EQ((*read)[0].name, "float");  // the widest elements first, so that all are aligned
  EXPECT_EQ(((*read)[0].bytes.data() - file->bytes().data()) % 64, 0);
  EXPECT_EQ((*read)[1].name, "scalar");
  EXPECT_EQ((*read)[2].name, "half \"quoted\"");
  EXPECT_EQ((*read)[3].name, "bytes");
  for (const StoredTensor& found : *read) {
    for (const StoredTensor& given : tensors) {
      if (given.name != found.name) continue;
      EXPECT_EQ(found.dtype, given.dtype);
      EXPECT_EQ(found.shape, given.shape);
      EXPECT_EQ(text_of(found.bytes), text_of(given.bytes));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.safetensors.partial"));
}

TEST_F(SafetensorsWriterTest, AFileWithoutTensorsIsOne) {
  ASSERT_TRUE(write_safetensors(path_, {}));
  const auto file = base::MappedFile::open(path_);
  ASSERT_TRUE(file);
  const auto read = parse_safetensors(file->bytes(), "x");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->empty());
}

TEST_F(SafetensorsWriterTest, NamesWhatCannotBeWritten) {
  const std::string four = "wxyz";
  const auto message = [&](std::vector<StoredTensor> tensors, const SafetensorsMetadata& metadata = {}) {
    const auto written = write_safetensors(path_, tensors, metadata);
    EXPECT_FALSE(written);
    EXPECT_FALSE(std::filesystem::exists(path_));
    return written ? std::string() : written.error().message;
  };
  EXPECT_THAT(message({{"a", DType::kF32, {2}, bytes_of(four)}}),
              HasSubstr("'a' cannot be written: its shape takes 8"));
  EXPECT_THAT(message({{"", DType::kF32, {1}, bytes_of(four)}}), HasSubstr("its name must be"));
  EXPECT_THAT(message({{"__metadata__", DType::kF32, {1}, bytes_of(four)}}), HasSubstr("its name must be"));
  EXPECT_THAT(message({{"a\xFF", DType::kF32, {1}, bytes_of(four)}}), HasSubstr("its name must be"));
  EXPECT_THAT(message({{"a", DType::kQ8_0, {32}, bytes_of(four)}}), HasSubstr("quantised"));
  EXPECT_THAT(message({{"a", DType::kF32, {0}, {}}}), HasSubstr("'a' cannot be written"));
  EXPECT_THAT(message({{"a", DType::kF32, {1, 1, 1, 1, 1, 1, 1, 1, 1}, bytes_of(four)}}), HasSubstr("8 extents"));
  EXPECT_THAT(message({{"a", DType::kF32, {1}, bytes_of(four)}, {"a", DType::kI32, {1}, bytes_of(four)}}),
              HasSubstr("two tensors are named 'a'"));
  EXPECT_THAT(message({}, {{"k", "\xFF"}}), HasSubstr("'k' is not valid UTF-8"));
}

// A limit on a file's size stands for a disk that is full.
TEST_F(SafetensorsWriterTest, WhatDoesNotFitLeavesTheFileThatWasThere) {
  const std::string four = "wxyz";
  ASSERT_TRUE(write_safetensors(path_, std::vector<StoredTensor>{{"a", DType::kF32, {1}, bytes_of(four)}}));
  const auto before = std::filesystem::file_size(path_);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string many(100'000, 'x');
  const auto written =
      write_safetensors(path_, std::vector<StoredTensor>{{"a", DType::kU8, {100'000}, bytes_of(many)}});
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, base::ErrorCode::kIo);
  EXPECT_THAT(written.error().message, HasSubstr("cannot write"));
  EXPECT_EQ(std::filesystem::file_size(path_), before);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.safetensors.partial"));
}

}  // namespace
}  // namespace marquee::formats
