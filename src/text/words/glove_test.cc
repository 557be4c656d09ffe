#include "text/words/glove.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "text/words/pair_counter.h"
#include "text/words/words_fixture_test.h"

namespace marquee::text::words {
namespace {

using Counts = std::map<std::pair<std::int32_t, std::int32_t>, double>;

/// Pairs as shards hold them, counted in the simplest way there is.
Counts counts_of(const TestCorpus& corpus, int window, bool symmetric) {
  Counts counts;
  std::vector<std::int32_t> buffer;
  for (std::size_t chunk = 0; chunk < corpus.encoded.chunks(); ++chunk) {
    const auto ids = corpus.encoded.read(chunk, buffer);
    for (std::size_t i = 0; i < ids->size(); ++i) {
      for (int distance = 1; distance <= window && distance <= static_cast<int>(i) && (*ids)[i] >= 0; ++distance) {
        const std::int32_t other = (*ids)[i - static_cast<std::size_t>(distance)];
        if (other < 0) break;
        const std::int32_t word = (*ids)[i];
        const bool swaps = symmetric && other < word;
        counts[{swaps ? other : word, swaps ? word : other}] += (symmetric && other == word ? 2.0 : 1.0) / distance;
      }
    }
  }
  return counts;
}

CooccurrenceSettings counting_in(const WordsFolder& folder) {
  CooccurrenceSettings settings;
  settings.window = 5;
  settings.scratch = folder.path();
  settings.x_max = 10.0;
  return settings;
}

void expect_counts(const CooccurrenceShards& shards, const Counts& expected, const CooccurrenceSettings& settings) {
  std::size_t found = 0;
  std::vector<Cooccurrence> buffer;
  for (std::size_t shard = 0; shard < shards.shards(); ++shard) {
    const auto pairs = shards.load(shard, buffer);
    ASSERT_TRUE(pairs);
    for (const Cooccurrence& pair : *pairs) {
      const auto at = expected.find({pair.row, pair.column});
      ASSERT_NE(at, expected.end());
      ASSERT_NEAR(pair.log_count, std::log(at->second), 1e-5);
      ASSERT_NEAR(pair.weight, std::min(1.0, std::pow(at->second / settings.x_max, settings.alpha)), 1e-5);
      ++found;
    }
  }
  EXPECT_EQ(found, expected.size());
  EXPECT_EQ(shards.total(), expected.size());
}

TEST(PairCounter, SpillsAndMergesToTheSameSums) {
  const WordsFolder folder;
  std::map<std::uint64_t, double> expected;
  std::vector<PairCounter> counters;
  std::mt19937_64 random(3);
  for (int i = 0; i < 2; ++i) {
    counters.emplace_back(std::size_t{1} << 17U, std::move(*ScratchFile::create(folder.path())));
    for (int n = 0; n < 60'000; ++n) {
      const std::uint64_t pair =
          pair_of(static_cast<std::uint32_t>(random() % 300), static_cast<std::uint32_t>(random() % 200));
      expected[pair] += 0.5;
      if (!counters.back().add(pair, 0.5)) continue;
      ASSERT_TRUE(counters.back().make_room());
    }
    counters.back().finish();
    EXPECT_GT(counters.back().runs().size(), 3U);
  }
  PairMerger merger(counters, std::size_t{1} << 16U);
  for (const auto& [pair, count] : expected) {
    const auto next = merger.next();
    ASSERT_TRUE(next);
    ASSERT_EQ(next->pair, pair);
    ASSERT_EQ(next->count, count);
  }
  EXPECT_EQ(merger.next()->count, 0.0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 0) << "scratch files have no names";
}

TEST(Cooccurrences, AreCountedByDistance) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(1000, 1) + "f0 f0 f0\nf1\n");
  for (const bool symmetric : {true, false}) {
    for (const unsigned threads : {1U, 2U}) {
      CooccurrenceSettings settings = counting_in(folder);
      settings.symmetric = symmetric;
      base::ThreadPool pool(threads);
      const auto shards = CooccurrenceShards::count(corpus.encoded, settings, pool);
      ASSERT_TRUE(shards) << shards.error().message;
      EXPECT_EQ(shards->shards(), 1U);
      expect_counts(*shards, counts_of(corpus, settings.window, symmetric), settings);
    }
  }
}

TEST(Cooccurrences, InLittleMemoryAreTheSame) {
  const WordsFolder folder;
  // Many different words: far more pairs than a MiB holds.
  std::mt19937 random(4);
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "w" + std::to_string(random() % 2000) + (i % 20 == 19 ? "\n" : " ");
  const TestCorpus corpus = encode_text(folder, text);
  CooccurrenceSettings settings = counting_in(folder);
  settings.memory_bytes = std::size_t{1} << 20U;
  base::ThreadPool pool(2);
  const auto shards = CooccurrenceShards::count(corpus.encoded, settings, pool);
  ASSERT_TRUE(shards) << shards.error().message;
  EXPECT_GT(shards->shards(), 2U);
  for (std::size_t shard = 0; shard < shards->shards(); ++shard) {
    EXPECT_LE(shards->size(shard) * sizeof(Cooccurrence), settings.memory_bytes);
  }
  expect_counts(*shards, counts_of(corpus, settings.window, true), settings);
}

TEST(Cooccurrences, SettingsHaveBounds) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, "a b\n");
  base::ThreadPool pool(1);
  const auto field_of = [&](auto change) {
    CooccurrenceSettings settings = counting_in(folder);
    change(settings);
    const auto shards = CooccurrenceShards::count(corpus.encoded, settings, pool);
    return shards ? "none" : shards.error().field;
  };
  EXPECT_EQ(field_of([](auto& s) { s.window = 0; }), "window");
  EXPECT_EQ(field_of([](auto& s) { s.x_max = 0.0; }), "x_max");
  EXPECT_EQ(field_of([](auto& s) { s.alpha = 3.0; }), "alpha");
  EXPECT_EQ(field_of([](auto& s) { s.memory_bytes = 1000; }), "memory_bytes");
  EXPECT_EQ(field_of([](auto&) {}), "none");
  CooccurrenceSettings nowhere = counting_in(folder);
  nowhere.scratch = folder.path() / "missing";
  EXPECT_EQ(CooccurrenceShards::count(corpus.encoded, nowhere, pool).error().code, base::ErrorCode::kIo);
  const TestCorpus lonely = encode_text(folder, "a\nb\n");
  EXPECT_EQ(CooccurrenceShards::count(lonely.encoded, counting_in(folder), pool).error().code,
            base::ErrorCode::kFailedPrecondition);
}

GloveSettings small_glove() {
  GloveSettings settings;
  settings.dimensions = 16;
  settings.epochs = 25;
  return settings;
}

TEST(Glove, FindsTopics) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(3000, 1));
  for (const bool symmetric : {true, false}) {
    for (const unsigned threads : {1U, 2U}) {
      base::ThreadPool pool(threads);
      CooccurrenceSettings settings = counting_in(folder);
      settings.symmetric = symmetric;
      const auto shards = CooccurrenceShards::count(corpus.encoded, settings, pool);
      auto training = Glove::create(corpus.vocabulary, *shards, small_glove());
      EXPECT_LT(topic_purity(*training->vectors()), 0.4);
      ASSERT_TRUE(training->train(pool));
      EXPECT_GT(topic_purity(*training->vectors()), 0.95) << symmetric << threads;
    }
  }
}

TEST(Glove, FitsTheLogarithmsOfCounts) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(300, 1));
  base::ThreadPool pool(1);
  const auto shards = CooccurrenceShards::count(corpus.encoded, counting_in(folder), pool);
  GloveSettings settings;
  settings.dimensions = 60;  // as many as words: everything can be fitted
  settings.epochs = 400;
  auto training = Glove::create(corpus.vocabulary, *shards, settings);
  std::vector<double> losses;
  TrainingHooks hooks;
  hooks.interval = std::chrono::milliseconds(0);
  hooks.on_progress = [&](const TrainingProgress& progress) { losses.push_back(progress.loss); };
  ASSERT_TRUE(training->train(pool, hooks));
  EXPECT_GT(losses.front(), 0.1);
  EXPECT_LT(losses.back(), 0.005);
}

TEST(Glove, GoesOnFromASavedStateWithTheSameBits) {
  const WordsFolder folder;
  std::mt19937 random(4);
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "w" + std::to_string(random() % 2000) + (i % 20 == 19 ? "\n" : " ");
  const TestCorpus corpus = encode_text(folder, text);
  for (const std::size_t memory : {std::size_t{1} << 20U, std::size_t{1} << 26U}) {  // several shards, and one
    CooccurrenceSettings counting = counting_in(folder);
    counting.memory_bytes = memory;
    base::ThreadPool pool(1);
    const auto shards = CooccurrenceShards::count(corpus.encoded, counting, pool);
    GloveSettings settings = small_glove();
    settings.epochs = 3;
    auto whole = Glove::create(corpus.vocabulary, *shards, settings);
    ASSERT_TRUE(whole->train(pool));
    auto first = Glove::create(corpus.vocabulary, *shards, settings);
    const std::uint64_t half = first->pieces() / 2;
    ASSERT_TRUE(first->train(pool, {}, half));
    EXPECT_EQ(first->position(), half);
    ASSERT_TRUE(first->save_state(folder.path() / "state"));
    auto second = Glove::create(corpus.vocabulary, *shards, settings);
    ASSERT_TRUE(second->load_state(folder.path() / "state"));
    ASSERT_TRUE(second->train(pool));
    EXPECT_TRUE(second->is_finished());
    EXPECT_TRUE(are_same(*whole->vectors(), *second->vectors()));
    settings.seed = 2;
    auto other = Glove::create(corpus.vocabulary, *shards, settings);
    EXPECT_EQ(other->load_state(folder.path() / "state").error().code, base::ErrorCode::kFailedPrecondition);
  }
}

TEST(Glove, StopsWhenToldTo) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(300, 1));
  base::ThreadPool pool(1);
  const auto shards = CooccurrenceShards::count(corpus.encoded, counting_in(folder), pool);
  auto training = Glove::create(corpus.vocabulary, *shards, small_glove());
  const std::atomic<bool> cancel{true};
  TrainingHooks hooks;
  hooks.cancel = &cancel;
  const auto stopped = training->train(pool, hooks);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, base::ErrorCode::kCancelled);
  EXPECT_EQ(training->position(), 0U);
}

}  // namespace
}  // namespace marquee::text::words
