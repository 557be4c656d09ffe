#include "text/words/cooccurrence.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/first_error.h"
#include "text/words/pair_counter.h"
#include "text/words/random.h"

namespace marquee::text::words {

using base::Result;

namespace {

constexpr std::size_t kMaxShards = 512;
/// Sequences of random numbers: one for the shards, and one for the order of each.
constexpr std::uint64_t kShardSequence = 0;

Result<void> check(const CooccurrenceSettings& settings) {
  if (settings.window < 1 || settings.window > 100) {
    return base::invalid_argument("window must lie between 1 and 100", "window");
  }
  if (!(settings.x_max > 0.0) || !std::isfinite(settings.x_max)) {
    return base::invalid_argument("x_max must be above 0", "x_max");
  }
  if (!(settings.alpha > 0.0 && settings.alpha <= 2.0)) {
    return base::invalid_argument("alpha must be above 0 and at most 2", "alpha");
  }
  if (settings.memory_bytes < (std::size_t{1} << 20U)) {
    return base::invalid_argument("memory_bytes must be at least 1 MiB", "memory_bytes");
  }
  return {};
}

/// Counts the pairs of sentences.
class SentenceCounter {
 public:
  SentenceCounter(const CooccurrenceSettings& settings, PairCounter& counter)
      : window_(static_cast<std::size_t>(settings.window)), symmetric_(settings.symmetric), counter_(counter) {
    for (std::size_t distance = 1; distance <= window_; ++distance) {
      weights_.push_back(settings.distance_weighting ? 1.0 / static_cast<double>(distance) : 1.0);
    }
    pairs_.resize(window_);
  }

  Result<void> count(std::span<const std::int32_t> chunk) {
    std::size_t sentence = 0;
    for (std::size_t at = 0; at < chunk.size(); ++at) {
      if (chunk[at] == EncodedCorpus::kSentenceEnd) {
        sentence = at + 1;
        continue;
      }
      // Two passes: while the second waits for one place of the table, those of the others are on their way.
      const std::size_t reach = std::min(window_, at - sentence);
      for (std::size_t distance = 1; distance <= reach; ++distance) {
        auto first = static_cast<std::uint32_t>(chunk[at]);
        auto second = static_cast<std::uint32_t>(chunk[at - distance]);
        if (symmetric_ && second < first) std::swap(first, second);
        pairs_[distance - 1] = pair_of(first, second);
        counter_.prefetch(pairs_[distance - 1]);
      }
      for (std::size_t i = 0; i < reach; ++i) {
        if (counter_.add(pairs_[i], weights_[i])) MARQUEE_CHECK(counter_.make_room());
      }
    }
    return {};
  }

 private:
  std::size_t window_;
  bool symmetric_;
  PairCounter& counter_;
  std::vector<double> weights_;
  std::vector<std::uint64_t> pairs_;
};

/// Thread t takes the chunks t, t + threads …, so that sums are rounded the same way every time.
Result<std::vector<PairCounter>> count_pairs(const EncodedCorpus& corpus, const CooccurrenceSettings& settings,
                                             base::ThreadPool& pool, const TrainingHooks& hooks) {
  const std::size_t threads = pool.size();
  std::vector<PairCounter> counters;
  for (std::size_t i = 0; i < threads; ++i) {
    MARQUEE_ASSIGN(ScratchFile file, ScratchFile::create(settings.scratch));
    counters.emplace_back(settings.memory_bytes / threads, std::move(file));
  }
  base::FirstError first_error;
  std::atomic<bool> has_failed{false};
  pool.parallel_for(threads, [&](std::size_t thread) {
    SentenceCounter sentences(settings, counters[thread]);
    std::vector<std::int32_t> buffer;
    for (std::size_t chunk = thread; chunk < corpus.chunks(); chunk += threads) {
      if (hooks.is_cancelled() || has_failed.load(std::memory_order_relaxed)) return;
      const auto words = corpus.read(chunk, buffer);
      auto result = words ? sentences.count(*words) : Result<void>(words.error());
      if (!result) has_failed = true;
      first_error.note(std::move(result));
    }
    counters[thread].finish();
  });
  MARQUEE_CHECK(first_error.take());
  if (hooks.is_cancelled()) return base::Error{base::ErrorCode::kCancelled, "cancelled while pairs were counted"};
  return counters;
}

void shuffle(std::span<Cooccurrence> pairs, std::uint64_t seed, std::uint64_t sequence) {
  SplitMix64 random(seed, sequence);
  for (std::size_t left = pairs.size(); left > 1; --left) {
    // A shard has fewer than 2^32 pairs, or they would take 64 GiB; beyond that the order is a little less random.
    const std::size_t chosen = random.below(static_cast<std::uint32_t>(std::min<std::size_t>(left, 0xFFFFFFFFU)));
    std::swap(pairs[left - 1], pairs[chosen]);
  }
}

}  // namespace

/// Deals pairs out to shards at random.
class ShardWriter {
 public:
  static Result<ShardWriter> create(const CooccurrenceSettings& settings, std::uint64_t upper_bound) {
    ShardWriter writer(settings);
    const std::uint64_t bytes = upper_bound * sizeof(Cooccurrence);
    const std::size_t shards = bytes <= settings.memory_bytes
                                   ? 1
                                   : std::min<std::uint64_t>(kMaxShards, 2 + bytes * 5 / 4 / settings.memory_bytes);
    writer.result_.sizes_.resize(shards);
    writer.buffers_.resize(shards);
    if (shards == 1) writer.result_.in_memory_.reserve(upper_bound);
    for (std::size_t i = 0; shards > 1 && i < shards; ++i) {
      MARQUEE_ASSIGN(ScratchFile file, ScratchFile::create(settings.scratch));
      writer.result_.files_.push_back(std::move(file));
    }
    return writer;
  }

  Result<void> add(const PairCount& pair) {
    const auto row = static_cast<std::int32_t>(pair.pair >> 32U);
    const auto column = static_cast<std::int32_t>(pair.pair & 0xFFFFFFFFU);
    // A word beside itself is its own mirror image: both count.
    const double count = settings_.symmetric && row == column ? 2.0 * pair.count : pair.count;
    const Cooccurrence one{
        row, column, static_cast<float>(std::log(count)),
        count < settings_.x_max ? static_cast<float>(std::pow(count / settings_.x_max, settings_.alpha)) : 1.0F};
    if (result_.files_.empty()) {
      result_.in_memory_.push_back(one);
      return {};
    }
    const std::size_t shard = random_.below(static_cast<std::uint32_t>(buffers_.size()));
    buffers_[shard].push_back(one);
    return buffers_[shard].size() < kBufferedPairs ? Result<void>() : write(shard);
  }

  Result<CooccurrenceShards> finish() && {
    for (std::size_t shard = 0; shard < result_.files_.size(); ++shard) MARQUEE_CHECK(write(shard));
    if (result_.files_.empty()) {
      result_.sizes_[0] = result_.in_memory_.size();
      shuffle(result_.in_memory_, settings_.seed, kShardSequence + 1);
    }
    return std::move(result_);
  }

 private:
  static constexpr std::size_t kBufferedPairs = 4096;
  explicit ShardWriter(const CooccurrenceSettings& settings)
      : settings_(settings), random_(settings.seed, kShardSequence) {
    result_.is_symmetric_ = settings.symmetric;
    result_.seed_ = settings.seed;
  }
  Result<void> write(std::size_t shard) {
    MARQUEE_CHECK(result_.files_[shard].append(std::span<const Cooccurrence>(buffers_[shard])));
    result_.sizes_[shard] += buffers_[shard].size();
    buffers_[shard].clear();
    return {};
  }

  const CooccurrenceSettings& settings_;
  SplitMix64 random_;
  CooccurrenceShards result_;
  std::vector<std::vector<Cooccurrence>> buffers_;
};

Result<CooccurrenceShards> CooccurrenceShards::count(const EncodedCorpus& corpus, const CooccurrenceSettings& settings,
                                                     base::ThreadPool& pool, const TrainingHooks& hooks) {
  MARQUEE_CHECK(check(settings));
  MARQUEE_ASSIGN(const auto counters, count_pairs(corpus, settings, pool, hooks));
  PairMerger merger(counters, settings.memory_bytes / 4);
  MARQUEE_ASSIGN(auto writer, ShardWriter::create(settings, merger.upper_bound()));
  for (std::uint64_t done = 0;; ++done) {
    if (done % 65'536 == 0 && hooks.is_cancelled()) {
      return base::Error{base::ErrorCode::kCancelled, "cancelled while pairs were sorted"};
    }
    MARQUEE_ASSIGN(const PairCount pair, merger.next());
    if (pair.count == 0.0) break;
    MARQUEE_CHECK(writer.add(pair));
  }
  MARQUEE_ASSIGN(auto shards, std::move(writer).finish());
  shards.vocabulary_size_ = corpus.vocabulary_size();
  if (shards.total() == 0) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       "no two words of the vocabulary stand in one sentence; give longer texts", "files"};
  }
  return shards;
}

std::uint64_t CooccurrenceShards::total() const {
  return std::accumulate(sizes_.begin(), sizes_.end(), std::uint64_t{0});
}

Result<std::span<const Cooccurrence>> CooccurrenceShards::load(std::size_t shard,
                                                               std::vector<Cooccurrence>& buffer) const {
  if (files_.empty()) return std::span<const Cooccurrence>(in_memory_);
  buffer.resize(sizes_[shard]);
  MARQUEE_CHECK(files_[shard].read(0, std::span<Cooccurrence>(buffer)));
  shuffle(buffer, seed_, kShardSequence + 1 + shard);
  return std::span<const Cooccurrence>(buffer);
}

}  // namespace marquee::text::words
