#include "text/words/word2vec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "text/words/words_fixture_test.h"

namespace marquee::text::words {
namespace {

Word2VecSettings small_settings() {
  Word2VecSettings settings;
  settings.dimensions = 20;
  settings.sample = 0.0;
  settings.epochs = 5;
  settings.rate = 0.05F;
  return settings;
}

WordVectors learn(const TestCorpus& corpus, const Word2VecSettings& settings, unsigned threads = 1) {
  auto training = Word2Vec::create(corpus.vocabulary, corpus.encoded, settings);
  EXPECT_TRUE(training) << training.error().message;
  base::ThreadPool pool(threads);
  EXPECT_TRUE(training->train(pool));
  EXPECT_TRUE(training->is_finished());
  return *training->vectors();
}

TEST(Word2Vec, EveryKindFindsTopics) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(4000, 1));
  for (const WordModel model : {WordModel::kSkipGram, WordModel::kCbow}) {
    for (const WordLoss loss : {WordLoss::kNegativeSampling, WordLoss::kHierarchicalSoftmax}) {
      Word2VecSettings settings = small_settings();
      settings.model = model;
      settings.loss = loss;
      if (model == WordModel::kCbow) settings.epochs = 15;
      EXPECT_GT(topic_purity(learn(corpus, settings)), 0.95) << static_cast<int>(model) << static_cast<int>(loss);
    }
  }
}

TEST(Word2Vec, TwoThreadsLearnTheSameTopics) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(4000, 1));
  EXPECT_GT(topic_purity(learn(corpus, small_settings(), 2)), 0.95);
}

TEST(Word2Vec, UntrainedVectorsKnowNothing) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(200, 1));
  const auto training = Word2Vec::create(corpus.vocabulary, corpus.encoded, small_settings());
  EXPECT_LT(topic_purity(*training->vectors()), 0.4);
}

TEST(Word2Vec, OneThreadIsReproducible) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(1000, 1));
  for (const int max_length : {0, 4}) {
    Word2VecSettings settings = small_settings();
    settings.sample = 1e-2;
    settings.subwords.max_length = max_length;
    const WordVectors first = learn(corpus, settings);
    EXPECT_TRUE(are_same(first, learn(corpus, settings)));
    settings.seed = 2;
    EXPECT_FALSE(are_same(first, learn(corpus, settings)));
  }
}

TEST(Word2Vec, GoesOnFromASavedStateWithTheSameBits) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(2000, 1));
  const WordVectors whole = learn(corpus, small_settings());
  base::ThreadPool pool(1);
  auto first = Word2Vec::create(corpus.vocabulary, corpus.encoded, small_settings());
  ASSERT_TRUE(first->train(pool, {}, 7));
  EXPECT_EQ(first->position(), 7U);
  ASSERT_TRUE(first->save_state(folder.path() / "state"));
  auto second = Word2Vec::create(corpus.vocabulary, corpus.encoded, small_settings());
  ASSERT_TRUE(second->load_state(folder.path() / "state"));
  EXPECT_EQ(second->position(), 7U);
  ASSERT_TRUE(second->train(pool));
  EXPECT_TRUE(are_same(whole, *second->vectors()));
}

TEST(Word2Vec, RefusesAStateThatIsNotItsOwn) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(500, 1));
  auto training = Word2Vec::create(corpus.vocabulary, corpus.encoded, small_settings());
  const auto path = folder.path() / "state";
  EXPECT_EQ(training->load_state(path).error().code, base::ErrorCode::kNotFound);
  ASSERT_TRUE(training->save_state(path));
  Word2VecSettings others = small_settings();
  others.window = 4;
  auto other = Word2Vec::create(corpus.vocabulary, corpus.encoded, others);
  EXPECT_EQ(other->load_state(path).error().code, base::ErrorCode::kFailedPrecondition);
  for (const std::streamoff at : {0, 20, 24, 400}) {  // a byte of the magic, the position, the size, the values
    ASSERT_TRUE(training->save_state(path));
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file.put('\x7f');
    file.close();
    EXPECT_EQ(training->load_state(path).error().code, base::ErrorCode::kCorrupt) << at;
  }
  ASSERT_TRUE(training->save_state(path));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_EQ(training->load_state(path).error().code, base::ErrorCode::kCorrupt);
}

TEST(Word2Vec, TellsHowFarItIsAndStopsWhenToldTo) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(3000, 1));
  auto training = Word2Vec::create(corpus.vocabulary, corpus.encoded, small_settings());
  std::atomic<bool> cancel{false};
  std::vector<TrainingProgress> told;
  TrainingHooks hooks;
  hooks.interval = std::chrono::milliseconds(0);
  hooks.cancel = &cancel;
  hooks.on_progress = [&](const TrainingProgress& progress) {
    told.push_back(progress);
    if (told.size() == 9) cancel = true;
  };
  base::ThreadPool pool(1);
  const auto stopped = training->train(pool, hooks);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, base::ErrorCode::kCancelled);
  EXPECT_EQ(training->position(), 9U);
  cancel = false;
  ASSERT_TRUE(training->train(pool, hooks));
  ASSERT_GT(told.size(), 20U);
  EXPECT_EQ(told.back().done, told.back().total);
  EXPECT_EQ(told.back().total, 5 * corpus.encoded.words());
  EXPECT_LT(told[told.size() - 2].loss, 0.9 * told.front().loss);
  EXPECT_LT(told.back().rate, told.front().rate);
  EXPECT_EQ(told.back().epoch, 4);
}

TEST(Word2Vec, SubwordsGiveUnknownWordsVectors) {
  const WordsFolder folder;
  // Words of a topic share letters: "drama1", "drama2" …
  std::mt19937 random(5);
  const char* stems[] = {"drama", "galaxy", "rhythm", "puppet"};
  std::string text;
  for (int i = 0; i < 4000; ++i) {
    const char* stem = stems[random() % 4];
    for (int word = 0; word < 8; ++word) text += stem + std::to_string(random() % 20) + (word == 7 ? "\n" : " ");
  }
  const TestCorpus corpus = encode_text(folder, text);
  for (const WordModel model : {WordModel::kSkipGram, WordModel::kCbow}) {
    Word2VecSettings settings = small_settings();
    settings.model = model;
    settings.subwords = {.min_length = 3, .max_length = 5, .buckets = 100'000};
    const WordVectors vectors = learn(corpus, settings);
    ASSERT_TRUE(vectors.subwords());
    EXPECT_LT(vectors.subwords()->buckets().size(), 3000U) << "only those in use";
    base::ThreadPool pool(1);
    std::vector<float> unknown(vectors.dimensions());
    for (const char* stem : stems) {
      ASSERT_EQ(vectors.find(std::string(stem) + "77"), WordTable::kNone);
      ASSERT_TRUE(vectors.look_up(std::string(stem) + "77", unknown));
      const auto near = vectors.nearest(unknown, {.top_k = 5}, pool);
      for (const Neighbour& one : *near) EXPECT_TRUE(vectors.word(one.word).starts_with(stem)) << stem;
    }
    EXPECT_FALSE(vectors.look_up("qqqq", unknown));
  }
}

TEST(Word2Vec, WantsTheVocabularyOfItsCorpus) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(10, 1));
  const TestCorpus other = encode_text(folder, "a b c\n");
  EXPECT_FALSE(Word2Vec::create(other.vocabulary, corpus.encoded, {}));
}

TEST(Word2Vec, SettingsHaveBounds) {
  const WordsFolder folder;
  const TestCorpus corpus = encode_text(folder, topic_text(10, 1));
  const auto field_of = [&](auto change) {
    Word2VecSettings settings;
    change(settings);
    const auto training = Word2Vec::create(corpus.vocabulary, corpus.encoded, settings);
    return training ? "none" : training.error().field;
  };
  EXPECT_EQ(field_of([](auto& s) { s.dimensions = 0; }), "dimensions");
  EXPECT_EQ(field_of([](auto& s) { s.window = 101; }), "window");
  EXPECT_EQ(field_of([](auto& s) { s.negative = 64; }), "negative");
  EXPECT_EQ(field_of([](auto& s) { s.sample = std::nan(""); }), "sample");
  EXPECT_EQ(field_of([](auto& s) { s.rate = 2.0F; }), "rate");
  EXPECT_EQ(field_of([](auto& s) { s.min_rate = 0.5F; }), "min_rate");
  EXPECT_EQ(field_of([](auto& s) { s.epochs = 0; }), "epochs");
  EXPECT_EQ(field_of([](auto& s) { s.subwords = {4, 3, 10}; }), "subwords.min_length");
  EXPECT_EQ(field_of([](auto& s) { s.subwords = {3, 4, 0}; }), "subwords.buckets");
  EXPECT_EQ(field_of([](auto&) {}), "none");
}

}  // namespace
}  // namespace marquee::text::words
