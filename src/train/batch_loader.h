#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "train/batch_order.h"
#include "train/dataset.h"

namespace marquee::train {

/// Makes the batches of coming steps on a thread of its own, a few ahead, in order: what is made does not depend on
/// when.
class BatchLoader {
 public:
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::size_t ahead = 2;  ///< steps that may wait to be taken; at least 1
  };
  /// @param seed of the random numbers that the dataset gets
  BatchLoader(const Dataset& dataset, BatchOrder order, std::uint64_t seed, Range range);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The batches of the next step. May be called as often as there are steps. @error of the dataset
  base::Result<std::vector<Batch>> next();

 private:
  void load();
  base::Result<std::vector<Batch>> load_step(std::int64_t step);

  const Dataset& dataset_;
  BatchOrder order_;
  std::uint64_t seed_;
  Range range_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<base::Result<std::vector<Batch>>> ready_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace marquee::train
