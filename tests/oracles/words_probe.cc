// words_probe word2vec|glove TEXT OUT KEY=VALUE...: learns word vectors of a text (words between blanks, a sentence a
// line) and writes them in the format that format= names; prints lines "NAME VALUE" of what it did and how fast. With
// unknown=WORD,WORD it prints their vectors, made of n-grams: "vector WORD NUMBERS".
// words_probe convert IN FORMAT OUT FORMAT
// words_probe nearest FILE FORMAT COUNT WORD...: for each word a line of words and scores
// words_probe analogies FILE FORMAT add|multiply < lines "A B C": for each line the words nearest to A - B + C
// words_probe ngrams SHORTEST LONGEST BUCKETS WORD: the buckets of its n-grams, one a line
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "text/words/glove.h"
#include "text/words/vector_files.h"
#include "text/words/word2vec.h"

namespace {

using namespace marquee;  // NOLINT: a program of one file
using base::Result;
using namespace text::words;  // NOLINT

using Settings = std::map<std::string, std::string>;

double number(const Settings& settings, const std::string& key, double otherwise) {
  const auto found = settings.find(key);
  return found == settings.end() ? otherwise : std::stod(found->second);
}
std::string word(const Settings& settings, const std::string& key, const std::string& otherwise) {
  const auto found = settings.find(key);
  return found == settings.end() ? otherwise : found->second;
}

/// Time of the processor, which what else runs on the machine changes least; and of the clock.
class Stopwatch {
 public:
  double cpu() const { return static_cast<double>(std::clock() - cpu_begin_) / CLOCKS_PER_SEC; }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::clock_t cpu_begin_ = std::clock();
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Words of the text with numbers, and how long that took.
struct Corpus {
  Vocabulary vocabulary;
  EncodedCorpus encoded;
};

Result<Corpus> read(const std::string& path, const Settings& s) {
  const Stopwatch watch;
  MARQUEE_ASSIGN(auto source, TextFiles::open({path}));
  SplitSettings split;
  if (number(s, "unicode", 0) > 0) split = {WordRule::kUnicode, true, true};
  VocabularySettings settings;
  settings.min_count = static_cast<std::uint64_t>(number(s, "min_count", 5));
  MARQUEE_ASSIGN(auto vocabulary, Vocabulary::count(source, split, settings));
  MARQUEE_ASSIGN(auto encoded, EncodedCorpus::encode(source, vocabulary, word(s, "scratch", "/tmp")));
  std::printf("vocabulary %zu\nwords %llu\nread_cpu %.3f\n", vocabulary.size(),
              static_cast<unsigned long long>(encoded.words()), watch.cpu());
  return Corpus{std::move(vocabulary), std::move(encoded)};
}

Result<void> finish(const WordVectors& vectors, const std::string& out, const Settings& s) {
  MARQUEE_ASSIGN(const auto format, vector_format_of(word(s, "format", "word2vec_text")));
  MARQUEE_CHECK(save_vectors(vectors, out, format));
  std::istringstream unknown(word(s, "unknown", ""));
  std::vector<float> vector(vectors.dimensions());
  for (std::string name; std::getline(unknown, name, ',');) {
    if (!vectors.look_up(name, vector)) continue;
    std::printf("vector %s", name.c_str());
    for (const float value : vector) std::printf(" %.9g", value);
    std::printf("\n");
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("peak_megabytes %.1f\n", static_cast<double>(usage.ru_maxrss) / 1024.0);
  return {};
}

TrainingHooks hooks_for(double& loss) {
  TrainingHooks hooks;
  hooks.on_progress = [&loss](const TrainingProgress& progress) { loss = progress.loss; };
  return hooks;
}

Result<void> learn_word2vec(const std::string& path, const std::string& out, const Settings& s) {
  MARQUEE_ASSIGN(const Corpus corpus, read(path, s));
  Word2VecSettings settings;
  settings.model = word(s, "model", "skip_gram") == "cbow" ? WordModel::kCbow : WordModel::kSkipGram;
  settings.loss = number(s, "hierarchical", 0) > 0 ? WordLoss::kHierarchicalSoftmax : WordLoss::kNegativeSampling;
  settings.dimensions = static_cast<int>(number(s, "dimensions", 100));
  settings.window = static_cast<int>(number(s, "window", 5));
  settings.negative = static_cast<int>(number(s, "negative", 5));
  settings.sample = number(s, "sample", 1e-3);
  settings.epochs = static_cast<int>(number(s, "epochs", 5));
  settings.rate = static_cast<float>(number(s, "rate", 0.025));
  settings.min_rate = static_cast<float>(number(s, "min_rate", 1e-4));
  settings.subwords.min_length = static_cast<int>(number(s, "minn", 3));
  settings.subwords.max_length = static_cast<int>(number(s, "maxn", 0));
  settings.subwords.buckets = static_cast<std::uint32_t>(number(s, "buckets", 2e6));
  settings.seed = static_cast<std::uint64_t>(number(s, "seed", 1));
  const Stopwatch begin_watch;
  MARQUEE_ASSIGN(auto training, Word2Vec::create(corpus.vocabulary, corpus.encoded, settings));
  std::printf("begin_cpu %.3f\n", begin_watch.cpu());
  base::ThreadPool pool(static_cast<unsigned>(number(s, "threads", 1)));
  double loss = 0.0;
  const Stopwatch watch;
  MARQUEE_CHECK(training.train(pool, hooks_for(loss)));
  std::printf("train_cpu %.3f\ntrain_seconds %.3f\nloss %.4f\n", watch.cpu(), watch.seconds(), loss);
  MARQUEE_ASSIGN(const auto vectors, training.vectors());
  return finish(vectors, out, s);
}

Result<void> learn_glove(const std::string& path, const std::string& out, const Settings& s) {
  MARQUEE_ASSIGN(const Corpus corpus, read(path, s));
  base::ThreadPool pool(static_cast<unsigned>(number(s, "threads", 1)));
  CooccurrenceSettings counting;
  counting.window = static_cast<int>(number(s, "window", 15));
  counting.symmetric = number(s, "symmetric", 1) > 0;
  counting.x_max = number(s, "x_max", 100.0);
  counting.alpha = number(s, "alpha", 0.75);
  counting.memory_bytes = static_cast<std::size_t>(number(s, "memory_megabytes", 1024) * 1048576.0);
  counting.scratch = word(s, "scratch", "/tmp");
  counting.seed = static_cast<std::uint64_t>(number(s, "seed", 1));
  const Stopwatch count_watch;
  MARQUEE_ASSIGN(const auto pairs, CooccurrenceShards::count(corpus.encoded, counting, pool));
  std::printf("count_cpu %.3f\npairs %llu\nshards %zu\n", count_watch.cpu(),
              static_cast<unsigned long long>(pairs.total()), pairs.shards());
  GloveSettings settings;
  settings.dimensions = static_cast<int>(number(s, "dimensions", 100));
  settings.epochs = static_cast<int>(number(s, "epochs", 25));
  settings.rate = static_cast<float>(number(s, "rate", 0.05));
  settings.seed = counting.seed;
  MARQUEE_ASSIGN(auto training, Glove::create(corpus.vocabulary, pairs, settings));
  double loss = 0.0;
  const Stopwatch watch;
  MARQUEE_CHECK(training.train(pool, hooks_for(loss)));
  std::printf("train_cpu %.3f\ntrain_seconds %.3f\nloss %.5f\n", watch.cpu(), watch.seconds(), loss);
  MARQUEE_ASSIGN(const auto vectors, training.vectors());
  return finish(vectors, out, s);
}

Result<WordVectors> load(const std::string& path, const std::string& format_name) {
  MARQUEE_ASSIGN(const auto format, vector_format_of(format_name));
  return load_vectors(path, format);
}

void print(const WordVectors& vectors, const std::vector<Neighbour>& neighbours) {
  for (const Neighbour& one : neighbours) {
    std::printf("%s%.*s %.6f", &one == neighbours.data() ? "" : " ", static_cast<int>(vectors.word(one.word).size()),
                vectors.word(one.word).data(), static_cast<double>(one.score));
  }
  std::printf("\n");
}

Result<void> nearest(const std::vector<std::string>& arguments) {
  MARQUEE_ASSIGN(const auto vectors, load(arguments.at(0), arguments.at(1)));
  base::ThreadPool pool(2);
  NearestOptions options;
  options.top_k = std::stoul(arguments.at(2));
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::int32_t id = vectors.find(arguments[i]);
    if (id == WordTable::kNone) return base::not_found("no word " + arguments[i]);
    options.excluded = {&id, 1};
    MARQUEE_ASSIGN(const auto neighbours, vectors.nearest(vectors.vector(id), options, pool));
    print(vectors, neighbours);
  }
  return {};
}

Result<void> analogies(const std::vector<std::string>& arguments) {
  MARQUEE_ASSIGN(const auto vectors, load(arguments.at(0), arguments.at(1)));
  base::ThreadPool pool(2);
  Analogy analogy;
  if (arguments.at(2) == "multiply") analogy.method = AnalogyMethod::kMultiply;
  for (std::string a, b, c; std::cin >> a >> b >> c;) {
    const std::int32_t ids[] = {vectors.find(a), vectors.find(c), vectors.find(b)};
    analogy.positive = {ids, 2};
    analogy.negative = {ids + 2, 1};
    MARQUEE_ASSIGN(const auto neighbours, vectors.solve(analogy, {.top_k = 5}, pool));
    print(vectors, neighbours);
  }
  return {};
}

Result<void> convert(const std::vector<std::string>& arguments) {
  MARQUEE_ASSIGN(const auto vectors, load(arguments.at(0), arguments.at(1)));
  MARQUEE_ASSIGN(const auto format, vector_format_of(arguments.at(3)));
  return save_vectors(vectors, arguments.at(2), format);
}

Result<void> ngrams(const std::vector<std::string>& arguments) {
  const SubwordSettings settings{std::stoi(arguments.at(0)), std::stoi(arguments.at(1)),
                                 static_cast<std::uint32_t>(std::stoul(arguments.at(2)))};
  std::vector<std::uint32_t> buckets;
  append_ngram_buckets(arguments.at(3), settings, buckets);
  for (const std::uint32_t bucket : buckets) std::printf("%u\n", bucket);
  return {};
}

Result<void> run(const std::string& command, const std::vector<std::string>& arguments) {
  if (command == "nearest") return nearest(arguments);
  if (command == "analogies") return analogies(arguments);
  if (command == "ngrams") return ngrams(arguments);
  if (command == "convert") return convert(arguments);
  Settings settings;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const std::string& text = arguments[i];
    settings[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  return command == "glove" ? learn_glove(arguments.at(0), arguments.at(1), settings)
                            : learn_word2vec(arguments.at(0), arguments.at(1), settings);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto result = run(argv[1], {argv + 2, argv + argc});
  if (result) return 0;
  std::fprintf(stderr, "words_probe: %s\n", result.error().message.c_str());
  return 1;
}
