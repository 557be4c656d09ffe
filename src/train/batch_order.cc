#include "train/batch_order.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace marquee::train {
namespace {

using tensor::autograd::philox;

constexpr std::int64_t kMaxBatchSize = std::int64_t{1} << 20U;
constexpr std::int64_t kMaxAccumulation = std::int64_t{1} << 16U;
// As many batches are sorted by length together: enough for little padding, few enough that epochs differ.
constexpr std::int64_t kPoolBatches = 64;

// Streams of Philox beside those of everything else: of examples' and of batches' orders.
constexpr std::uint64_t kExampleOrderStreams = std::uint64_t{1} << 60U;
constexpr std::uint64_t kBatchOrderStreams = std::uint64_t{1} << 62U;

__extension__ using Wide = unsigned __int128;

/// Uniform in [0, limit), by 64 random bits whose product with the limit is rejected where it would favour some.
class Below {
 public:
  Below(std::uint64_t stream, std::uint64_t seed) : stream_(stream), seed_(seed) {}
  std::uint64_t operator()(std::uint64_t limit) {
    for (;;) {
      const Wide product = static_cast<Wide>(next()) * limit;
      if (static_cast<std::uint64_t>(product) >= (0 - limit) % limit) return static_cast<std::uint64_t>(product >> 64U);
    }
  }

 private:
  std::uint64_t next() {
    if (++used_ == 2) {
      words_ = philox(counter_++, stream_, seed_);
      used_ = 0;
    }
    return (static_cast<std::uint64_t>(words_[2 * used_ + 1]) << 32U) | words_[2 * used_];
  }
  std::uint64_t stream_;
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> words_{};
  std::size_t used_ = 1;
};

base::Result<void> check(const Dataset& dataset, const BatchSettings& settings) {
  if (dataset.size() < 1) return base::invalid_argument("there are no examples to train on");
  if (settings.batch_size < 1 || settings.batch_size > kMaxBatchSize) {
    return base::invalid_argument("a batch has 1 to 1,048,576 examples", "batch_size");
  }
  if (settings.accumulation < 1 || settings.accumulation > kMaxAccumulation) {
    return base::invalid_argument("a step takes 1 to 65,536 batches together", "accumulation");
  }
  if (settings.drop_last && dataset.size() < settings.batch_size) {
    return base::invalid_argument("a batch of " + std::to_string(settings.batch_size) + " is larger than the " +
                                      std::to_string(dataset.size()) +
                                      " examples, and batches that are not full are dropped",
                                  "batch_size");
  }
  return {};
}

}  // namespace

std::vector<std::int64_t> permutation(std::int64_t count, std::uint64_t stream, std::uint64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  Below below(stream, seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

BatchOrder::BatchOrder(const Dataset& dataset, const BatchSettings& settings, std::uint64_t seed)
    : dataset_(&dataset), settings_(settings), seed_(seed) {
  const std::int64_t size = settings.batch_size;
  batches_ = settings.drop_last ? dataset.size() / size : (dataset.size() + size - 1) / size;
  steps_per_epoch_ = (batches_ + settings.accumulation - 1) / settings.accumulation;
}

base::Result<BatchOrder> BatchOrder::make(const Dataset& dataset, const BatchSettings& settings, std::uint64_t seed) {
  MARQUEE_CHECK(check(dataset, settings));
  return BatchOrder(dataset, settings, seed);
}

base::Result<BatchOrder> BatchOrder::make_poisson(const Dataset& dataset, const BatchSettings& settings,
                                                  const SecretRandom& random) {
  MARQUEE_CHECK(check(dataset, settings));
  BatchOrder order(dataset, settings, 0);
  const auto expected = static_cast<double>(settings.batch_size * settings.accumulation);
  order.sample_rate_ = std::min(1.0, expected / static_cast<double>(dataset.size()));
  order.poisson_ = std::make_unique<SecretRandom>(random);
  return order;
}

void BatchOrder::order_epoch(std::int64_t epoch) {
  const auto stream = static_cast<std::uint64_t>(epoch);
  epoch_ = epoch;
  if (settings_.shuffle) {
    order_ = permutation(dataset_->size(), kExampleOrderStreams + stream, seed_);
  } else if (order_.empty() || settings_.by_length) {
    order_.resize(static_cast<std::size_t>(dataset_->size()));
    std::iota(order_.begin(), order_.end(), 0);
  }
  if (!settings_.by_length) return;
  sort_pools();
  // A last batch that is not full stays the last one.
  const std::int64_t full = dataset_->size() / settings_.batch_size;
  batch_order_ = permutation(full, kBatchOrderStreams + stream, seed_);
  for (std::int64_t i = full; i < batches_; ++i) batch_order_.push_back(i);
}

void BatchOrder::sort_pools() {
  const auto pool = static_cast<std::ptrdiff_t>(kPoolBatches * settings_.batch_size);
  for (auto begin = order_.begin(); begin != order_.end();) {
    const auto end = order_.end() - begin <= pool ? order_.end() : begin + pool;
    std::stable_sort(begin, end,
                     [&](std::int64_t a, std::int64_t b) { return dataset_->length(a) < dataset_->length(b); });
    begin = end;
  }
}

std::vector<std::vector<std::int64_t>> BatchOrder::step(std::int64_t step) {
  std::vector<std::vector<std::int64_t>> batches;
  if (poisson_) {
    for (const std::int64_t index : poisson_->sample(step, dataset_->size(), sample_rate_)) batches.push_back({index});
    return batches;
  }
  const std::int64_t epoch = step / steps_per_epoch_;
  if (epoch != epoch_) order_epoch(epoch);
  const std::int64_t first = step % steps_per_epoch_ * settings_.accumulation;
  for (std::int64_t i = first; i < std::min(batches_, first + settings_.accumulation); ++i) {
    const std::int64_t which = settings_.by_length ? batch_order_[static_cast<std::size_t>(i)] : i;
    const std::int64_t begin = which * settings_.batch_size;
    const std::int64_t end = std::min(dataset_->size(), begin + settings_.batch_size);
    batches.emplace_back(order_.begin() + begin, order_.begin() + end);
  }
  return batches;
}

}  // namespace marquee::train
