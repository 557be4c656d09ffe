#pragma once
// A folder for a test's texts, and texts whose structure is known: which words belong together.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#include "text/words/encoded_corpus.h"
#include "text/words/vocabulary.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {

class WordsFolder {
 public:
  WordsFolder() {
    static int next = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("marquee-words-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
    std::filesystem::create_directories(path_);
  }
  ~WordsFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  WordsFolder(const WordsFolder&) = delete;
  WordsFolder& operator=(const WordsFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

constexpr int kTopics = 6;
constexpr int kWordsOfTopic = 8;

/// Sentences of twelve words, eight of ten from one topic ("t3w7" is of topic 3), the others from everywhere.
inline std::string topic_text(int sentences, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < sentences; ++i) {
    const auto topic = random() % kTopics;
    for (int word = 0; word < 12; ++word) {
      const bool is_of_topic = random() % 10 < 8;
      text += is_of_topic ? "t" + std::to_string(topic) + "w" + std::to_string(random() % kWordsOfTopic)
                          : "f" + std::to_string(random() % 12);
      text += word == 11 ? '\n' : ' ';
    }
  }
  return text;
}

struct TestCorpus {
  Vocabulary vocabulary;
  EncodedCorpus encoded;
};

inline TestCorpus encode_text(const WordsFolder& folder, std::string_view text, std::uint64_t min_count = 1) {
  auto source = TextFiles::open({folder.write("text.txt", text)});
  EXPECT_TRUE(source) << source.error().message;
  auto vocabulary = Vocabulary::count(*source, {}, {.min_count = min_count});
  EXPECT_TRUE(vocabulary) << vocabulary.error().message;
  auto encoded = EncodedCorpus::encode(*source, *vocabulary, folder.path());
  EXPECT_TRUE(encoded) << encoded.error().message;
  return {std::move(*vocabulary), std::move(*encoded)};
}

/// Of the seven nearest of each word of a topic, the share that is of its topic.
inline double topic_purity(const WordVectors& vectors) {
  base::ThreadPool pool(1);
  int right = 0;
  for (int topic = 0; topic < kTopics; ++topic) {
    const std::string prefix = "t" + std::to_string(topic) + "w";
    for (int word = 0; word < kWordsOfTopic; ++word) {
      const std::int32_t id = vectors.find(prefix + std::to_string(word));
      EXPECT_NE(id, WordTable::kNone);
      const auto near = vectors.nearest(vectors.vector(id), {.top_k = 7, .excluded = {&id, 1}}, pool);
      EXPECT_TRUE(near);
      for (const Neighbour& one : *near) right += vectors.word(one.word).starts_with(prefix) ? 1 : 0;
    }
  }
  return right / (7.0 * kTopics * kWordsOfTopic);
}

inline bool are_same(const WordVectors& a, const WordVectors& b) {
  if (a.size() != b.size() || a.dimensions() != b.dimensions()) return false;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(a.size()); ++id) {
    const auto x = a.vector(id);
    const auto y = b.vector(id);
    if (a.word(id) != b.word(id) || !std::equal(x.begin(), x.end(), y.begin())) return false;
  }
  return true;
}

}  // namespace marquee::text::words
