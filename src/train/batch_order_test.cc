#include "train/batch_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "train/batch_loader.h"
#include "train/small_classifier_test.h"

namespace marquee::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Examples that are nothing but their index and a length.
class Counted final : public Dataset {
 public:
  explicit Counted(std::int64_t size) : size_(size) {}
  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] std::int64_t length(std::int64_t index) const override { return index * 7919 % 100; }
  base::Result<Batch> batch(std::span<const std::int64_t> indices, Random random) const override {
    if (std::find(indices.begin(), indices.end(), broken_) != indices.end()) return base::corrupt("row 7 is broken");
    Batch batch;
    batch.examples = static_cast<std::int64_t>(indices.size());
    batch.tensors = {Tensor::from({batch.examples}, indices)};
    const auto words = tensor::autograd::philox(0, random.next_stream, random.seed);
    batch.weight = 1.0 + words[0];
    return batch;
  }
  [[nodiscard]] std::string hash() const override { return "counted"; }
  std::int64_t broken_ = -1;

 private:
  std::int64_t size_;
};

std::vector<std::int64_t> epoch_of(BatchOrder& order, std::int64_t epoch) {
  std::vector<std::int64_t> all;
  for (std::int64_t step = 0; step < order.steps_per_epoch(); ++step) {
    for (const auto& batch : order.step(epoch * order.steps_per_epoch() + step)) {
      all.insert(all.end(), batch.begin(), batch.end());
    }
  }
  return all;
}

std::vector<std::int64_t> counting(std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(BatchOrderTest, PermutationsAreFair) {
  std::vector<std::int64_t> sorted = permutation(1000, 1, 2);
  EXPECT_EQ(sorted, permutation(1000, 1, 2));
  EXPECT_NE(sorted, permutation(1000, 2, 2));
  EXPECT_NE(sorted, permutation(1000, 1, 3));
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, counting(1000));
  EXPECT_TRUE(permutation(0, 1, 2).empty());
  // Each of the six orders of three about equally often: chi squared of 5 degrees is below 20 but once in a thousand.
  std::map<std::vector<std::int64_t>, double> counts;
  for (std::uint64_t stream = 0; stream < 6000; ++stream) ++counts[permutation(3, stream, 9)];
  double squares = 0.0;
  for (const auto& [order, count] : counts) squares += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_EQ(counts.size(), 6U);
  EXPECT_LT(squares, 20.0);
}

TEST(BatchOrderTest, AnEpochTakesEveryExampleOnce) {
  const Counted data(101);
  for (const bool by_length : {false, true}) {
    auto order = BatchOrder::make(data, {.batch_size = 8, .accumulation = 3, .by_length = by_length}, 4).value();
    EXPECT_EQ(order.steps_per_epoch(), 5);
    const auto first = epoch_of(order, 0);
    const auto second = epoch_of(order, 1);
    EXPECT_NE(first, second);
    for (auto epoch : {first, second}) {
      std::sort(epoch.begin(), epoch.end());
      EXPECT_EQ(epoch, counting(101));
    }
    EXPECT_EQ(epoch_of(order, 0), first) << "from the step's number alone";
  }
  auto plain = BatchOrder::make(data, {.batch_size = 50, .shuffle = false, .drop_last = true}, 4).value();
  EXPECT_EQ(plain.steps_per_epoch(), 2);
  EXPECT_EQ(epoch_of(plain, 3), counting(100));
}

TEST(BatchOrderTest, BatchesByLengthHoldAboutOneLength) {
  const Counted data(1000);
  auto order = BatchOrder::make(data, {.batch_size = 10, .by_length = true}, 4).value();
  std::int64_t apart = 0;
  std::vector<std::int64_t> lengths;
  for (std::int64_t step = 0; step < 100; ++step) {
    const auto batch = order.step(step).at(0);
    lengths.push_back(data.length(batch.front()));
    apart = std::max(apart, data.length(batch.back()) - lengths.back());
  }
  EXPECT_LE(apart, 5);
  EXPECT_FALSE(std::is_sorted(lengths.begin(), lengths.begin() + 64)) << "batches come in random order";
}

TEST(BatchOrderTest, PoissonTakesEachByChance) {
  const Counted data(2000);
  auto order = BatchOrder::make_poisson(data, {.batch_size = 50, .accumulation = 2}, SecretRandom::seeded(1)).value();
  EXPECT_DOUBLE_EQ(order.sample_rate(), 0.05);
  EXPECT_EQ(order.steps_per_epoch(), 20);
  std::vector<std::int64_t> taken(2000);
  std::set<std::size_t> sizes;
  for (std::int64_t step = 0; step < 400; ++step) {
    const auto batches = order.step(step);
    sizes.insert(batches.size());
    for (const auto& batch : batches) {
      ASSERT_EQ(batch.size(), 1U);
      ++taken[static_cast<std::size_t>(batch[0])];
    }
  }
  const double all = std::accumulate(taken.begin(), taken.end(), 0.0);
  EXPECT_NEAR(all, 2000 * 400 * 0.05, 5 * std::sqrt(2000 * 400 * 0.05 * 0.95));
  EXPECT_GT(sizes.size(), 10U);
  EXPECT_GT(*std::min_element(taken.begin(), taken.end()), 0);
}

TEST(BatchOrderTest, NamesTheSettingThatIsWrong) {
  const Counted data(10);
  EXPECT_EQ(BatchOrder::make(data, {.batch_size = 0}, 1).error().field, "batch_size");
  EXPECT_EQ(BatchOrder::make(data, {.accumulation = 0}, 1).error().field, "accumulation");
  EXPECT_EQ(BatchOrder::make(data, {.batch_size = 11, .drop_last = true}, 1).error().field, "batch_size");
  EXPECT_THAT(BatchOrder::make(Counted(0), {}, 1).error().message, HasSubstr("no examples"));
}

TEST(BatchLoaderTest, GivesTheSameBatchesFromAnyStep) {
  const Counted data(100);
  const auto batches = [&](std::int64_t begin) {
    BatchLoader loader(data, BatchOrder::make(data, {.batch_size = 7, .accumulation = 2}, 3).value(), 3, {begin, 30});
    std::vector<std::vector<Batch>> steps;
    for (std::int64_t step = begin; step < 30; ++step) steps.push_back(loader.next().value());
    return steps;
  };
  const auto whole = batches(0);
  const auto rest = batches(17);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    ASSERT_EQ(rest[i].size(), whole[17 + i].size());
    for (std::size_t b = 0; b < rest[i].size(); ++b) {
      EXPECT_EQ(rest[i][b].tensors[0].index_values(), whole[17 + i][b].tensors[0].index_values());
      EXPECT_EQ(rest[i][b].weight, whole[17 + i][b].weight) << "random numbers are the step's";
    }
  }
  EXPECT_NE(whole[0][0].weight, whole[0][1].weight);
  EXPECT_NE(whole[0][0].weight, whole[1][0].weight);
}

TEST(BatchLoaderTest, PassesAnErrorOnAndEndsWhenLeft) {
  Counted data(100);
  data.broken_ = 50;
  const BatchSettings settings{.batch_size = 10, .shuffle = false};
  {
    BatchLoader loader(data, BatchOrder::make(data, settings, 3).value(), 3, {0, 10});
    for (int step = 0; step < 5; ++step) EXPECT_TRUE(loader.next());
    EXPECT_THAT(loader.next().error().message, HasSubstr("row 7 is broken"));
  }
  const BatchLoader left(data, BatchOrder::make(data, settings, 3).value(), 3, {0, 1000});
}

}  // namespace
}  // namespace marquee::train
