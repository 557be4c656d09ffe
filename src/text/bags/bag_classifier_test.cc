#include "text/bags/bag_classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace marquee::text::bags {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class BagFolder {
 public:
  BagFolder() : path_(fs::temp_directory_path() / ("marquee-bags-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~BagFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  BagFolder(const BagFolder&) = delete;
  BagFolder& operator=(const BagFolder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }

 private:
  fs::path path_;
};

struct Reviews {
  std::vector<std::string> texts;
  std::vector<std::string> labels;
  std::vector<std::string_view> text_views;
  std::vector<std::string_view> label_views;
};

/// Reviews made of words that say nothing and a few that tell the genre.
Reviews make_reviews(std::size_t count) {
  const std::vector<std::string> genres = {"comedy", "horror", "western"};
  const std::vector<std::vector<std::string>> tell = {
      {"laughed", "joke", "witty"}, {"scream", "ghost", "dread"}, {"sheriff", "saloon", "horse"}};
  const std::vector<std::string> other = {"film",  "scene", "actor", "plot", "music", "camera",
                                          "watch", "great", "slow",  "long", "ending"};
  std::mt19937 random(3);
  Reviews reviews;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t genre = random() % genres.size();
    std::string text;
    for (int word = 0; word < 14; ++word) {
      const bool tells = random() % 5 == 0;
      const auto& from = tells ? tell[random() % 8 == 0 ? random() % 3 : genre] : other;
      text += from[random() % from.size()] + (word % 5 == 4 ? ", " : " ");
    }
    reviews.texts.push_back(text);
    reviews.labels.push_back(genres[genre]);
  }
  reviews.text_views.assign(reviews.texts.begin(), reviews.texts.end());
  reviews.label_views.assign(reviews.labels.begin(), reviews.labels.end());
  return reviews;
}

BagClassifier train(const Reviews& reviews, const BagClassifierOptions& options) {
  base::ThreadPool pool(2);
  auto classifier = BagClassifier::train(reviews.text_views, reviews.label_views, options, pool);
  EXPECT_TRUE(classifier) << (classifier ? "" : classifier.error().message);
  return std::move(classifier).value();
}

std::vector<double> scores_of(const BagClassifier& classifier, std::string_view text) {
  base::ThreadPool pool(1);
  auto scores = classifier.classify(std::span(&text, 1), pool);
  EXPECT_TRUE(scores);
  return std::move(scores).value();
}

TEST(BagClassifier, LearnsAndNamesItsLabels) {
  const Reviews reviews = make_reviews(600);
  for (const auto& learner :
       std::vector<decltype(BagClassifierOptions::learner)>{LogisticOptions{}, SvmOptions{}, NaiveBayesOptions{}}) {
    BagClassifierOptions options;
    options.learner = learner;
    const BagClassifier classifier = train(reviews, options);
    EXPECT_THAT(classifier.labels(), ElementsAre("comedy", "horror", "western"));
    const auto scores = scores_of(classifier, "The ghost made me scream with dread");
    EXPECT_GT(scores[1], scores[0]);
    EXPECT_GT(scores[1], scores[2]);
  }
}

std::vector<VectoriserOptions> vectorisers_to_explain() {
  std::vector<VectoriserOptions> all(5, VectoriserOptions::tf_idf());
  all[1].max_ngram = 3;
  all[1].sublinear_tf = true;
  all[2].analyser = Analyser::kCharWordBoundary;
  all[2].min_ngram = 2;
  all[2].max_ngram = 4;
  all[3].analyser = Analyser::kChar;
  all[3].max_ngram = 3;
  all[4] = VectoriserOptions::hashing(64);
  all[4].max_ngram = 2;
  return all;
}

TEST(BagClassifier, ContributionsSumToTheScore) {
  const Reviews reviews = make_reviews(300);
  const std::string text =
      "The Ghost, the ghost \xF0\x9F\x8E\xAC \xFF  laughed;  a long\n\nscream ended the western film.";
  for (const auto& vectoriser : vectorisers_to_explain()) {
    const BagClassifier classifier = train(reviews, {.vectoriser = vectoriser, .learner = LogisticOptions{}});
    const std::string_view view = text;
    base::ThreadPool pool(1);
    const auto rows = classifier.vectoriser().transform(std::span(&view, 1), pool);
    ASSERT_TRUE(rows);
    std::vector<double> scores(3);
    classifier.model().class_scores(rows->row(0), scores);
    const double mean = (scores[0] + scores[1] + scores[2]) / 3.0;
    for (std::uint32_t label = 0; label < 3; ++label) {
      for (const auto baseline : {ScoreBaseline::kZero, ScoreBaseline::kMeanOfClasses}) {
        const auto why = classifier.explain(text, label, baseline);
        ASSERT_TRUE(why) << why.error().message;
        const double score = scores[label] - (baseline == ScoreBaseline::kZero ? 0.0 : mean);
        EXPECT_NEAR(why->score, score, 1e-12);
        double by_terms = why->bias;
        for (const auto& term : why->terms) by_terms += term.contribution;
        EXPECT_NEAR(by_terms, score, 1e-12);
        double by_spans = why->bias;
        for (const auto& span : why->spans) {
          by_spans += span.contribution;
          EXPECT_LE(span.span.end, text.size());
        }
        EXPECT_NEAR(by_spans, score, 1e-12);
      }
    }
  }
}

TEST(BagClassifier, TwoClassesExplainEachOther) {
  Reviews reviews = make_reviews(300);
  for (auto& label : reviews.labels) label = label == "horror" ? "yes" : "no";
  reviews.label_views.assign(reviews.labels.begin(), reviews.labels.end());
  const BagClassifier classifier = train(reviews, {});
  const auto yes = classifier.explain("a ghost and a joke", 1);
  const auto no = classifier.explain("a ghost and a joke", 0);
  ASSERT_TRUE(yes && no);
  EXPECT_DOUBLE_EQ(yes->score, -no->score);
  ASSERT_FALSE(yes->terms.empty());
  EXPECT_EQ(yes->terms[0].term, "ghost");
  ASSERT_EQ(yes->terms[0].spans.size(), 1U);
  EXPECT_EQ(yes->terms[0].spans[0].begin, 2U);
  EXPECT_EQ(yes->terms[0].spans[0].end, 7U);
  EXPECT_FALSE(classifier.explain("a ghost", 2));
}

/// What is left of the likeliest label's probability without the bytes of the given spans.
double without(const BagClassifier& classifier, std::string text, const std::vector<SourceSpan>& spans,
               std::uint32_t label) {
  for (const SourceSpan& span : spans) {
    for (std::uint32_t i = span.begin; i < span.end; ++i) text[i] = ' ';
  }
  return scores_of(classifier, text)[label];
}

TEST(BagClassifier, DeletingWhatCountsMostHurtsMoreThanChance) {
  const Reviews reviews = make_reviews(600);
  const BagClassifier classifier = train(reviews, {});
  std::mt19937 random(9);
  double by_explanation = 0.0;
  double by_chance = 0.0;
  for (std::size_t i = 0; i < 100; ++i) {
    const auto scores = scores_of(classifier, reviews.texts[i]);
    const auto label = static_cast<std::uint32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    auto why = classifier.explain(reviews.texts[i], label);
    ASSERT_TRUE(why);
    std::vector<SpanContribution> spans = why->spans;
    const auto first_three = [&spans] { return std::vector<SourceSpan>{spans[0].span, spans[1].span, spans[2].span}; };
    std::shuffle(spans.begin(), spans.end(), random);
    by_chance += scores[label] - without(classifier, reviews.texts[i], first_three(), label);
    std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.contribution > b.contribution; });
    by_explanation += scores[label] - without(classifier, reviews.texts[i], first_three(), label);
  }
  EXPECT_GT(by_explanation, 3.0 * std::fabs(by_chance));
}

TEST(BagClassifier, LoadsWhatItSaved) {
  const Reviews reviews = make_reviews(200);
  const BagFolder folder;
  for (const auto& vectoriser : vectorisers_to_explain()) {
    BagClassifier classifier = train(reviews, {.vectoriser = vectoriser, .learner = LogisticOptions{}});
    classifier.set_temperature(1.5);
    ASSERT_TRUE(classifier.save(folder.path()));
    const auto loaded = BagClassifier::load(folder.path());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->labels(), classifier.labels());
    EXPECT_EQ(loaded->vectoriser().documents(), 200U);
    EXPECT_EQ(scores_of(*loaded, reviews.texts[7]), scores_of(classifier, reviews.texts[7]));
  }
}

TEST(BagClassifier, LabelsByThemselvesAreSavedToo) {
  const Reviews reviews = make_reviews(200);
  std::vector<std::vector<std::string>> labels;
  for (const std::string& label : reviews.labels) {
    labels.push_back(label == "comedy" ? std::vector<std::string>{} : std::vector<std::string>{"other", label});
  }
  base::ThreadPool pool(1);
  const auto classifier =
      BagClassifier::train_labels(reviews.text_views, labels, VectoriserOptions::tf_idf(), {}, pool);
  ASSERT_TRUE(classifier) << classifier.error().message;
  EXPECT_THAT(classifier->labels(), ElementsAre("horror", "other", "western"));
  const BagFolder folder;
  ASSERT_TRUE(classifier->save(folder.path()));
  const auto loaded = BagClassifier::load(folder.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto scores = scores_of(*loaded, "sheriff horse saloon");
  EXPECT_EQ(scores, scores_of(*classifier, "sheriff horse saloon"));
  EXPECT_GT(scores[2], 0.5);
  EXPECT_GT(scores[1], 0.5);
  EXPECT_LT(scores[0], 0.5);
}

TEST(BagClassifier, RefusesWrongLabels) {
  Reviews reviews = make_reviews(10);
  base::ThreadPool pool(1);
  reviews.label_views[4] = "\xFF";
  const auto broken = BagClassifier::train(reviews.text_views, reviews.label_views, {}, pool);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("row 4"));
  reviews.label_views.assign(10, "one");
  const auto alone = BagClassifier::train(reviews.text_views, reviews.label_views, {}, pool);
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().message, HasSubstr("two or more"));
  reviews.label_views.pop_back();
  EXPECT_FALSE(BagClassifier::train(reviews.text_views, reviews.label_views, {}, pool));
}

/// Every file of a saved classifier, changed in every way below, is refused or gives a classifier that still answers.
TEST(BagClassifier, HostileFilesAreRefused) {
  const BagFolder folder;
  const BagClassifier classifier = train(make_reviews(60), {});
  ASSERT_TRUE(classifier.save(folder.path()));
  std::mt19937 random(17);
  for (const auto& name :
       {"labels.json", "vectoriser.json", "vectoriser.safetensors", "linear_model.json", "linear_model.safetensors"}) {
    const std::string good = folder.read(name);
    ASSERT_FALSE(good.empty()) << name;
    for (const std::size_t keep : {std::size_t{0}, std::size_t{1}, good.size() / 2, good.size() - 2}) {
      folder.write(name, good.substr(0, keep));
      EXPECT_FALSE(BagClassifier::load(folder.path())) << name << " cut to " << keep;
    }
    for (int i = 0; i < 400; ++i) {
      std::string bad = good;
      for (int change = 0; change < 1 + i % 3; ++change) bad[random() % bad.size()] = static_cast<char>(random());
      folder.write(name, bad);
      if (const auto loaded = BagClassifier::load(folder.path())) {
        (void)loaded->explain("a ghost in the saloon", 0);
      } else {
        EXPECT_FALSE(loaded.error().message.empty());
      }
    }
    fs::remove(folder.path() / name);
    const auto gone = BagClassifier::load(folder.path());
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, base::ErrorCode::kNotFound) << name;
    folder.write(name, good);
  }
  ASSERT_TRUE(BagClassifier::load(folder.path()));
}

TEST(BagClassifier, PartsThatDoNotBelongTogetherAreRefused) {
  const BagFolder folder;
  const Reviews reviews = make_reviews(60);
  ASSERT_TRUE(train(reviews, {}).save(folder.path()));
  const std::string model = folder.read("linear_model.json");
  const std::string tensors = folder.read("linear_model.safetensors");
  BagClassifierOptions options;
  options.vectoriser.max_ngram = 2;
  ASSERT_TRUE(train(reviews, options).save(folder.path()));
  folder.write("linear_model.json", model);
  const auto wrong_size = BagClassifier::load(folder.path());
  ASSERT_FALSE(wrong_size);
  EXPECT_THAT(wrong_size.error().message, HasSubstr("linear_model.json says"));
  folder.write("linear_model.safetensors", tensors);
  const auto wrong_vectoriser = BagClassifier::load(folder.path());
  ASSERT_FALSE(wrong_vectoriser);
  EXPECT_THAT(wrong_vectoriser.error().message, HasSubstr("where the vectoriser has"));
}

}  // namespace
}  // namespace marquee::text::bags
