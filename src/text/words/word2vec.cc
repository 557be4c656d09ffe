#include "text/words/word2vec.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/first_error.h"
#include "kernels/words.h"
#include "text/words/training_state.h"
#include "text/words/word2vec_parameters.h"
#include "text/words/word2vec_worker.h"

namespace marquee::text::words {

using base::Result;

namespace {

template <typename T>
Result<void> in_range(const char* field, T value, T least, T most) {
  if (value >= least && value <= most) return {};
  return base::invalid_argument(std::string(field) + " is " + std::to_string(value) + "; it must lie between " +
                                    std::to_string(least) + " and " + std::to_string(most),
                                field);
}

Result<void> check(const Word2VecSettings& settings) {
  MARQUEE_CHECK(in_range("dimensions", settings.dimensions, 1, static_cast<int>(kMaxDimensions)));
  MARQUEE_CHECK(in_range("window", settings.window, 1, 100));
  MARQUEE_CHECK(in_range("negative", settings.negative, 1, static_cast<int>(kernels::kMaxLogisticTargets) - 1));
  MARQUEE_CHECK(in_range("negative_power", settings.negative_power, -2.0, 2.0));
  MARQUEE_CHECK(in_range("sample", settings.sample, 0.0, 1.0));
  MARQUEE_CHECK(in_range("epochs", settings.epochs, 1, 10'000));
  MARQUEE_CHECK(in_range("rate", settings.rate, 1e-9F, 1.0F));
  MARQUEE_CHECK(in_range("min_rate", settings.min_rate, 0.0F, settings.rate));
  return check_subword_settings(settings.subwords);
}

std::uint64_t fingerprint_of(const Word2VecSettings& s, const Vocabulary& vocabulary, const EncodedCorpus& corpus) {
  const double values[] = {static_cast<double>(s.model),
                           static_cast<double>(s.loss),
                           static_cast<double>(s.dimensions),
                           static_cast<double>(s.window),
                           static_cast<double>(s.negative),
                           s.negative_power,
                           s.sample,
                           static_cast<double>(s.epochs),
                           s.rate,
                           s.min_rate,
                           static_cast<double>(s.subwords.min_length),
                           static_cast<double>(s.subwords.max_length),
                           static_cast<double>(s.subwords.buckets),
                           static_cast<double>(corpus.words())};
  const std::uint64_t hash = XXH3_64bits_withSeed(values, sizeof values, s.seed);
  return XXH3_64bits_withSeed(&hash, sizeof hash, vocabulary.fingerprint());
}

}  // namespace

struct Word2Vec::Impl {
  const Vocabulary& vocabulary;
  const EncodedCorpus& corpus;
  Word2VecParameters parameters;
  std::uint64_t fingerprint;
  std::uint64_t position = 0;

  [[nodiscard]] std::uint64_t chunks() const {
    return corpus.chunks() * static_cast<std::uint64_t>(parameters.settings.epochs);
  }
  [[nodiscard]] std::uint64_t words_total() const {
    return corpus.words() * static_cast<std::uint64_t>(parameters.settings.epochs);
  }
  [[nodiscard]] std::uint64_t words_before(std::uint64_t chunk) const {
    return chunk / corpus.chunks() * corpus.words() + corpus.words_before(chunk % corpus.chunks());
  }
  [[nodiscard]] float rate_at(std::uint64_t chunk) const {
    const auto& settings = parameters.settings;
    const double done = static_cast<double>(words_before(chunk)) / static_cast<double>(words_total());
    return std::max(settings.min_rate, static_cast<float>(settings.rate - (settings.rate - settings.min_rate) * done));
  }
  [[nodiscard]] TrainingState state() {
    return {fingerprint, position, {parameters.inputs.padded(), parameters.outputs.padded()}};
  }

  Result<void> learn_chunk(std::uint64_t chunk, Word2VecWorker& worker, std::vector<std::int32_t>& buffer,
                           ProgressReporter& reporter) const {
    MARQUEE_ASSIGN(const auto words, corpus.read(chunk % corpus.chunks(), buffer));
    const float rate = rate_at(chunk);
    // Sequences below the number of rows began the rows.
    worker.learn(words, parameters.inputs.rows() + chunk, rate);
    const auto [loss, steps] = worker.take_loss();
    reporter.add(words_before(chunk + 1) - words_before(chunk), loss, steps, rate,
                 static_cast<int>(chunk / corpus.chunks()));
    return {};
  }
};

Word2Vec::Word2Vec(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Word2Vec::Word2Vec(Word2Vec&&) noexcept = default;
Word2Vec& Word2Vec::operator=(Word2Vec&&) noexcept = default;
Word2Vec::~Word2Vec() = default;

Result<Word2Vec> Word2Vec::create(const Vocabulary& vocabulary, const EncodedCorpus& corpus,
                                  const Word2VecSettings& settings) {
  MARQUEE_CHECK(check(settings));
  if (corpus.vocabulary_size() != vocabulary.size()) {
    return base::invalid_argument("the text was turned into numbers with another vocabulary");
  }
  if (corpus.words() == 0) {
    return base::Error{base::ErrorCode::kFailedPrecondition, "the text has no word of the vocabulary", "files"};
  }
  MARQUEE_ASSIGN(auto parameters, Word2VecParameters::create(vocabulary, settings));
  return Word2Vec(std::unique_ptr<Impl>(
      new Impl{vocabulary, corpus, std::move(parameters), fingerprint_of(settings, vocabulary, corpus)}));
}

Result<void> Word2Vec::train(base::ThreadPool& pool, const TrainingHooks& hooks, std::uint64_t max_chunks) {
  Impl& impl = *impl_;
  const std::uint64_t end = impl.position + std::min(max_chunks, impl.chunks() - impl.position);
  std::atomic<std::uint64_t> next{impl.position};
  base::FirstError first_error;
  std::atomic<bool> has_failed{false};
  ProgressReporter reporter(hooks, impl.words_before(impl.position), impl.words_total());
  pool.parallel_for(pool.size(), [&](std::size_t) {
    Word2VecWorker worker(impl.parameters);
    std::vector<std::int32_t> buffer;
    while (!hooks.is_cancelled() && !has_failed.load(std::memory_order_relaxed)) {
      const std::uint64_t chunk = next.fetch_add(1);
      if (chunk >= end) break;
      auto result = impl.learn_chunk(chunk, worker, buffer, reporter);
      if (!result) has_failed = true;
      first_error.note(std::move(result));
    }
  });
  impl.position = std::min(next.load(), end);
  MARQUEE_CHECK(first_error.take());
  reporter.finish();
  if (impl.position < end) return base::Error{base::ErrorCode::kCancelled, "training was cancelled"};
  return {};
}

bool Word2Vec::is_finished() const { return impl_->position == impl_->chunks(); }
std::uint64_t Word2Vec::position() const { return impl_->position; }
std::uint64_t Word2Vec::chunks() const { return impl_->chunks(); }

Result<void> Word2Vec::save_state(const std::filesystem::path& path) const {
  return write_training_state(path, impl_->state());
}

Result<void> Word2Vec::load_state(const std::filesystem::path& path) {
  TrainingState state = impl_->state();
  MARQUEE_CHECK(read_training_state(path, impl_->chunks(), state));
  impl_->position = state.position;
  return {};
}

Result<WordVectors> Word2Vec::vectors() const {
  const Word2VecParameters& parameters = impl_->parameters;
  const InputRows& rows = parameters.input_rows;
  const std::size_t words = impl_->vocabulary.size();
  MARQUEE_ASSIGN(RowMatrix vectors, RowMatrix::create(words, parameters.inputs.columns()));
  WordTable table;
  table.reserve(words);
  const auto& kernels = kernels::training_kernels();
  for (std::size_t word = 0; word < words; ++word) {
    const auto id = static_cast<std::int32_t>(word);
    table.add(impl_->vocabulary.word(id));
    if (!rows.has_subwords()) {
      std::copy_n(parameters.inputs.row(word), vectors.stride(), vectors.row(word));
      continue;
    }
    const auto parts = rows.of(id);
    for (const std::int32_t part : parts) {
      kernels.add_scaled(1.0F / static_cast<float>(parts.size()), parameters.inputs.row(static_cast<std::size_t>(part)),
                         vectors.stride(), vectors.row(word));
    }
  }
  std::optional<SubwordVectors> subwords;
  if (!rows.buckets().empty()) {
    const auto buckets = rows.buckets();
    MARQUEE_ASSIGN(RowMatrix ngrams, RowMatrix::create(buckets.size(), parameters.inputs.columns()));
    std::copy_n(parameters.inputs.row(words), buckets.size() * ngrams.stride(), ngrams.row(0));
    MARQUEE_ASSIGN(subwords, SubwordVectors::create(parameters.settings.subwords, {buckets.begin(), buckets.end()},
                                                    std::move(ngrams)));
  }
  return WordVectors::create(std::move(table), std::move(vectors), std::move(subwords));
}

}  // namespace marquee::text::words
