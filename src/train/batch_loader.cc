#include "train/batch_loader.h"

#include <exception>
#include <string>
#include <utility>

namespace marquee::train {
namespace {

// Beside the streams of orders and of operations, which count from 0.
constexpr std::uint64_t kExampleStreams = std::uint64_t{1} << 61U;

}  // namespace

BatchLoader::BatchLoader(const Dataset& dataset, BatchOrder order, std::uint64_t seed, Range range)
    : dataset_(dataset), order_(std::move(order)), seed_(seed), range_(range), thread_([this] { load(); }) {}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

base::Result<std::vector<Batch>> BatchLoader::load_step(std::int64_t step) {
  try {
    std::vector<Batch> batches;
    // Streams 2^20 apart: a step's batches count within.
    std::uint64_t stream = kExampleStreams + (static_cast<std::uint64_t>(step) << 20U);
    for (const auto& indices : order_.step(step)) {
      MARQUEE_ASSIGN(Batch batch, dataset_.batch(indices, {.seed = seed_, .next_stream = stream++}));
      if (batch.weight <= 0.0) batch.weight = static_cast<double>(batch.examples);
      batches.push_back(std::move(batch));
    }
    return batches;
  } catch (const std::exception& error) {
    return base::Error{base::ErrorCode::kInternal,
                       "the batches of step " + std::to_string(step + 1) + " could not be made: " + error.what()};
  }
}

void BatchLoader::load() {
  for (std::int64_t step = range_.begin; step < range_.end; ++step) {
    auto batches = load_step(step);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || ready_.size() < range_.ahead; });
    if (stopping_) return;
    const bool failed = !batches;
    ready_.push_back(std::move(batches));
    changed_.notify_all();
    if (failed) return;
  }
}

base::Result<std::vector<Batch>> BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  auto batches = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batches;
}

}  // namespace marquee::train
