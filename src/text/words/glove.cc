#include "text/words/glove.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/first_error.h"
#include "kernels/training.h"
#include "kernels/words.h"
#include "text/words/glove_rows.h"
#include "text/words/training_state.h"

namespace marquee::text::words {

using base::Result;

namespace {

class GloveWorker {
 public:
  GloveWorker(GloveRows& words, GloveRows& neighbours, const GloveSettings& settings, bool is_symmetric)
      : words_(words), neighbours_(neighbours), settings_(settings), is_symmetric_(is_symmetric) {}

  /// @return the sum of the losses
  double learn(std::span<const Cooccurrence> pairs) {
    double loss = 0.0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i + kAhead < pairs.size()) prefetch(pairs[i + kAhead]);
      const Cooccurrence& pair = pairs[i];
      loss += step(words_.vector(pair.row), neighbours_.vector(pair.column), pair);
      if (is_symmetric_ && pair.row != pair.column) {
        loss += step(words_.vector(pair.column), neighbours_.vector(pair.row), pair);
      }
    }
    return loss;
  }

 private:
  static constexpr std::size_t kAhead = 2;

  void prefetch(const Cooccurrence& pair) {
    const std::size_t values = 2 * words_.half;
    prefetch_row(words_.vector(pair.row), values);
    prefetch_row(neighbours_.vector(pair.column), values);
    if (!is_symmetric_) return;
    prefetch_row(words_.vector(pair.column), values);
    prefetch_row(neighbours_.vector(pair.row), values);
  }

  double step(float* word, float* neighbour, const Cooccurrence& pair) {
    const std::size_t count = words_.dimensions;
    const std::size_t half = words_.half;
    const float product = kernels_.dot(word, neighbour, count);
    const float difference = product + word[count] + neighbour[count] - pair.log_count;
    const float error = settings_.rate * pair.weight * difference;
    word_kernels_.pair_step({count, error, settings_.clip, word, word + half, neighbour, neighbour + half});
    for (float* bias : {word + count, neighbour + count}) {
      bias[0] -= error / std::sqrt(bias[half]);
      bias[half] += error * error;
    }
    return 0.5 * static_cast<double>(pair.weight) * difference * difference;
  }

  GloveRows& words_;
  GloveRows& neighbours_;
  const GloveSettings& settings_;
  bool is_symmetric_;
  const kernels::TrainingKernels& kernels_ = kernels::training_kernels();
  const kernels::WordKernels& word_kernels_ = kernels::word_kernels();
};

Result<void> check(const GloveSettings& settings) {
  if (settings.dimensions < 1 || settings.dimensions > static_cast<int>(kMaxDimensions)) {
    return base::invalid_argument("dimensions must lie between 1 and " + std::to_string(kMaxDimensions), "dimensions");
  }
  if (settings.epochs < 1 || settings.epochs > 10'000) {
    return base::invalid_argument("epochs must lie between 1 and 10000", "epochs");
  }
  if (!(settings.rate > 0.0F && settings.rate <= 1.0F)) {
    return base::invalid_argument("rate must be above 0 and at most 1", "rate");
  }
  if (!(settings.clip > 0.0F)) return base::invalid_argument("clip must be above 0", "clip");
  return {};
}

std::uint64_t fingerprint_of(const GloveSettings& s, const Vocabulary& vocabulary, const CooccurrenceShards& pairs) {
  const double values[] = {static_cast<double>(s.dimensions),  static_cast<double>(s.epochs),      s.rate, s.clip,
                           static_cast<double>(pairs.total()), static_cast<double>(pairs.shards())};
  const std::uint64_t hash = XXH3_64bits_withSeed(values, sizeof values, s.seed);
  return XXH3_64bits_withSeed(&hash, sizeof hash, vocabulary.fingerprint());
}

/// What is left of a shard in an epoch.
struct ShardWork {
  std::span<const Cooccurrence> pairs;
  std::uint64_t first_piece = 0;  ///< of the shard; those before are done
  std::uint64_t end_piece = 0;
  int epoch = 0;
};

}  // namespace

struct Glove::Impl {
  const Vocabulary& vocabulary;
  const CooccurrenceShards& pairs;
  GloveSettings settings;
  GloveRows words;
  GloveRows neighbours;
  std::uint64_t fingerprint;
  std::uint64_t position = 0;

  [[nodiscard]] static std::uint64_t pieces_of(std::uint64_t pairs) { return (pairs + kPiecePairs - 1) / kPiecePairs; }
  [[nodiscard]] std::uint64_t pieces_of_epoch() const {
    std::uint64_t sum = 0;
    for (std::size_t shard = 0; shard < pairs.shards(); ++shard) sum += pieces_of(pairs.size(shard));
    return sum;
  }
  [[nodiscard]] std::uint64_t pieces() const { return pieces_of_epoch() * static_cast<std::uint64_t>(settings.epochs); }
  [[nodiscard]] TrainingState state() {
    return {fingerprint, position, {words.matrix.padded(), neighbours.matrix.padded()}};
  }

  Result<void> learn_shard(const ShardWork& work, base::ThreadPool& pool, const TrainingHooks& hooks,
                           ProgressReporter& reporter);
};

Glove::Glove(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Glove::Glove(Glove&&) noexcept = default;
Glove& Glove::operator=(Glove&&) noexcept = default;
Glove::~Glove() = default;

Result<Glove> Glove::create(const Vocabulary& vocabulary, const CooccurrenceShards& pairs,
                            const GloveSettings& settings) {
  MARQUEE_CHECK(check(settings));
  if (pairs.vocabulary_size() != vocabulary.size()) {
    return base::invalid_argument("the pairs are of another vocabulary");
  }
  const auto dimensions = static_cast<std::size_t>(settings.dimensions);
  MARQUEE_ASSIGN(auto words, GloveRows::create(vocabulary.size(), dimensions, SplitMix64(settings.seed, 0)));
  MARQUEE_ASSIGN(auto neighbours, GloveRows::create(vocabulary.size(), dimensions, SplitMix64(settings.seed, 1)));
  return Glove(std::unique_ptr<Impl>(new Impl{vocabulary, pairs, settings, std::move(words), std::move(neighbours),
                                              fingerprint_of(settings, vocabulary, pairs)}));
}

Result<void> Glove::Impl::learn_shard(const ShardWork& work, base::ThreadPool& pool, const TrainingHooks& hooks,
                                      ProgressReporter& reporter) {
  std::atomic<std::uint64_t> next{work.first_piece};
  pool.parallel_for(pool.size(), [&](std::size_t) {
    GloveWorker worker(words, neighbours, settings, pairs.is_symmetric());
    while (!hooks.is_cancelled()) {
      const std::uint64_t piece = next.fetch_add(1);
      if (piece >= work.end_piece) break;
      const std::uint64_t begin = piece * kPiecePairs;
      const auto part = work.pairs.subspan(begin, std::min<std::uint64_t>(kPiecePairs, work.pairs.size() - begin));
      const double loss = worker.learn(part);
      reporter.add(part.size(), loss, (pairs.is_symmetric() ? 2 : 1) * part.size(), settings.rate, work.epoch);
    }
  });
  const std::uint64_t reached = std::min(next.load(), work.end_piece);
  position += reached - work.first_piece;
  if (reached < work.end_piece) return base::Error{base::ErrorCode::kCancelled, "training was cancelled"};
  return {};
}

Result<void> Glove::train(base::ThreadPool& pool, const TrainingHooks& hooks, std::uint64_t max_pieces) {
  Impl& impl = *impl_;
  const std::uint64_t end = impl.position + std::min(max_pieces, impl.pieces() - impl.position);
  const std::uint64_t of_epoch = impl.pieces_of_epoch();
  const std::uint64_t total = impl.pairs.total() * static_cast<std::uint64_t>(impl.settings.epochs);
  ProgressReporter reporter(hooks, std::min(impl.position * kPiecePairs, total), total);
  std::vector<Cooccurrence> buffer;
  while (impl.position < end) {
    // Pieces are numbered shard after shard, epoch after epoch.
    std::uint64_t in_shard = impl.position % of_epoch;
    std::size_t shard = 0;
    while (in_shard >= Impl::pieces_of(impl.pairs.size(shard))) in_shard -= Impl::pieces_of(impl.pairs.size(shard++));
    MARQUEE_ASSIGN(const auto pairs, impl.pairs.load(shard, buffer));
    const std::uint64_t last = std::min(Impl::pieces_of(pairs.size()), in_shard + (end - impl.position));
    const auto epoch = static_cast<int>(impl.position / of_epoch);
    MARQUEE_CHECK(impl.learn_shard({pairs, in_shard, last, epoch}, pool, hooks, reporter));
  }
  reporter.finish();
  return {};
}

bool Glove::is_finished() const { return impl_->position == impl_->pieces(); }
std::uint64_t Glove::position() const { return impl_->position; }
std::uint64_t Glove::pieces() const { return impl_->pieces(); }

Result<void> Glove::save_state(const std::filesystem::path& path) const {
  return write_training_state(path, impl_->state());
}

Result<void> Glove::load_state(const std::filesystem::path& path) {
  TrainingState state = impl_->state();
  MARQUEE_CHECK(read_training_state(path, impl_->pieces(), state));
  impl_->position = state.position;
  return {};
}

Result<WordVectors> Glove::vectors() const {
  MARQUEE_ASSIGN(RowMatrix sums, RowMatrix::create(impl_->vocabulary.size(), impl_->words.dimensions));
  WordTable table;
  table.reserve(sums.rows());
  for (std::size_t word = 0; word < sums.rows(); ++word) {
    const auto id = static_cast<std::int32_t>(word);
    table.add(impl_->vocabulary.word(id));
    const float* first = impl_->words.vector(id);
    const float* second = impl_->neighbours.vector(id);
    for (std::size_t i = 0; i < sums.columns(); ++i) sums.row(word)[i] = first[i] + second[i];
  }
  return WordVectors::create(std::move(table), std::move(sums));
}

}  // namespace marquee::text::words
