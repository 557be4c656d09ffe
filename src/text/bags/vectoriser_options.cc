#include "text/bags/vectoriser_options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "text/bags/stop_words.h"
#include "text/config_reader.h"

namespace marquee::text::bags {

using base::Result;
namespace json = base::json;

namespace {

constexpr std::uint32_t kMaxWordChars = 64;
constexpr std::size_t kMaxStopWords = 100'000;
constexpr double kMostDocuments = 4294967295.0;

constexpr std::array<std::string_view, 3> kAnalysers = {"word", "char", "char_wb"};
constexpr std::array<std::string_view, 3> kAccents = {"none", "unicode", "ascii"};
constexpr std::array<std::string_view, 3> kNorms = {"none", "l1", "l2"};

constexpr std::array<std::string_view, 17> kFields = {
    "analyser",   "ngram_range",  "lowercase",    "strip_accents", "min_word_chars", "stop_language",  "stop_words",
    "min_df",     "max_df",       "max_features", "binary",        "hash_columns",   "alternate_sign", "idf",
    "smooth_idf", "sublinear_tf", "norm"};

template <typename Choice>
Result<void> read_choice(const ConfigReader& reader, std::string_view key, const std::array<std::string_view, 3>& names,
                         Choice& choice) {
  MARQUEE_ASSIGN(const std::string name, reader.text_or(key, std::string(names[static_cast<std::size_t>(choice)])));
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string all;
    for (const auto known : names) all += (all.empty() ? "" : ", ") + std::string(known);
    return reader.corrupt(key, "must be one of " + all);
  }
  choice = static_cast<Choice>(found - names.begin());
  return {};
}

Result<void> read_count(const ConfigReader& reader, std::string_view key, double most, std::uint32_t& count) {
  MARQUEE_ASSIGN(const std::int32_t value, reader.integer_or(key, {0, most}, static_cast<std::int32_t>(count)));
  count = static_cast<std::uint32_t>(value);
  return {};
}

/// Whole numbers are documents, others are fractions, as in scikit-learn: 1 is one document and 1.0 all of them.
Result<void> read_share(const ConfigReader& reader, const json::object& object, std::string_view key,
                        DocumentShare& share) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  const bool is_fraction = value->is_double();
  MARQUEE_ASSIGN(const double number, reader.number(key, {0.0, is_fraction ? 1.0 : kMostDocuments}));
  share = {number, is_fraction};
  return {};
}

json::value share_json(const DocumentShare& share) {
  if (share.is_fraction) return share.value;
  return static_cast<std::uint64_t>(share.value);
}

Result<void> read_ngrams(const ConfigReader& reader, VectoriserOptions& options) {
  if (!reader.has("ngram_range")) return {};
  MARQUEE_ASSIGN(const auto range,
                 reader.numbers("ngram_range", 2, {1.0, static_cast<double>(VectoriserOptions::kMaxNgram)}));
  if (range[0] != std::floor(range[0]) || range[1] != std::floor(range[1])) {
    return reader.corrupt("ngram_range", "must be two whole numbers");
  }
  options.min_ngram = static_cast<std::uint32_t>(range[0]);
  options.max_ngram = static_cast<std::uint32_t>(range[1]);
  return {};
}

Result<void> read_flags(const ConfigReader& reader, VectoriserOptions& options) {
  const std::pair<std::string_view, bool*> flags[] = {
      {"lowercase", &options.lowercase},           {"binary", &options.binary},
      {"alternate_sign", &options.alternate_sign}, {"idf", &options.idf},
      {"smooth_idf", &options.smooth_idf},         {"sublinear_tf", &options.sublinear_tf},
  };
  for (const auto& [key, flag] : flags) {
    MARQUEE_ASSIGN(*flag, reader.flag_or(key, *flag));
  }
  return {};
}

bool is_share(const DocumentShare& share) {
  if (!(share.value >= 0.0)) return false;
  return share.is_fraction ? share.value <= 1.0
                           : share.value <= kMostDocuments && share.value == std::floor(share.value);
}

}  // namespace

VectoriserOptions VectoriserOptions::tf_idf() {
  VectoriserOptions options;
  options.idf = true;
  options.norm = Norm::kL2;
  return options;
}

VectoriserOptions VectoriserOptions::hashing(std::uint32_t columns) {
  VectoriserOptions options;
  options.hash_columns = columns;
  options.norm = Norm::kL2;
  return options;
}

Result<void> VectoriserOptions::validate() const {
  const auto refuse = [](const char* field, std::string problem) {
    return base::invalid_argument(std::string(field) + " " + std::move(problem), field);
  };
  if (min_ngram < 1 || min_ngram > max_ngram || max_ngram > kMaxNgram) {
    return refuse("ngram_range", "must be two whole numbers from 1 to 64, the first at most the second");
  }
  if (min_word_chars < 1 || min_word_chars > kMaxWordChars) return refuse("min_word_chars", "must be 1 to 64");
  const bool stops = !stop_language.empty() || !stop_words.empty();
  if (stops && analyser != Analyser::kWord) return refuse("stop_words", "need the analyser \"word\"");
  if (!stop_language.empty()) MARQUEE_CHECK(bags::stop_words(stop_language));
  if (stop_words.size() > kMaxStopWords) return refuse("stop_words", "may be at most 100,000");
  if (!is_share(min_df)) return refuse("min_df", "must be a number of documents or a fraction from 0.0 to 1.0");
  if (!is_share(max_df)) return refuse("max_df", "must be a number of documents or a fraction from 0.0 to 1.0");
  if (hash_columns > kMaxHashColumns) return refuse("hash_columns", "must be at most 67,108,864");
  const bool prunes =
      max_features != 0 || min_df.is_fraction || min_df.value > 1.0 || !max_df.is_fraction || max_df.value < 1.0;
  if (hash_columns != 0 && prunes) {
    return refuse("hash_columns", "cannot go with min_df, max_df or max_features: there is no vocabulary to prune");
  }
  if (hash_columns != 0 && idf && !smooth_idf) {
    return refuse("smooth_idf", "must be true with hash_columns: columns that no term met have no frequency");
  }
  if (hash_columns != 0 && alternate_sign && sublinear_tf) {
    return refuse("sublinear_tf", "needs alternate_sign false: a negative count has no logarithm");
  }
  return {};
}

json::object VectoriserOptions::to_json() const {
  json::object object;
  object["analyser"] = kAnalysers[static_cast<std::size_t>(analyser)];
  object["ngram_range"] = json::array{min_ngram, max_ngram};
  object["lowercase"] = lowercase;
  object["strip_accents"] = kAccents[static_cast<std::size_t>(strip_accents)];
  object["min_word_chars"] = min_word_chars;
  object["stop_language"] = stop_language;
  object["stop_words"] = json::array(stop_words.begin(), stop_words.end());
  object["min_df"] = share_json(min_df);
  object["max_df"] = share_json(max_df);
  object["max_features"] = max_features;
  object["binary"] = binary;
  object["hash_columns"] = hash_columns;
  object["alternate_sign"] = alternate_sign;
  object["idf"] = idf;
  object["smooth_idf"] = smooth_idf;
  object["sublinear_tf"] = sublinear_tf;
  object["norm"] = kNorms[static_cast<std::size_t>(norm)];
  return object;
}

Result<VectoriserOptions> VectoriserOptions::from_json(const json::object& object, const std::string& where) {
  const ConfigReader reader(object, where);
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::find(kFields.begin(), kFields.end(), key) == kFields.end()) {
      return reader.corrupt(key, "is no setting of a vectoriser");
    }
  }
  VectoriserOptions options;
  MARQUEE_CHECK(read_choice(reader, "analyser", kAnalysers, options.analyser));
  MARQUEE_CHECK(read_choice(reader, "strip_accents", kAccents, options.strip_accents));
  MARQUEE_CHECK(read_choice(reader, "norm", kNorms, options.norm));
  MARQUEE_CHECK(read_ngrams(reader, options));
  MARQUEE_CHECK(read_flags(reader, options));
  MARQUEE_CHECK(read_count(reader, "min_word_chars", kMaxWordChars, options.min_word_chars));
  MARQUEE_CHECK(read_count(reader, "max_features", 2147483647.0, options.max_features));
  MARQUEE_CHECK(read_count(reader, "hash_columns", kMaxHashColumns, options.hash_columns));
  MARQUEE_CHECK(read_share(reader, object, "min_df", options.min_df));
  MARQUEE_CHECK(read_share(reader, object, "max_df", options.max_df));
  MARQUEE_ASSIGN(options.stop_language, reader.text_or("stop_language", ""));
  MARQUEE_ASSIGN(auto words, reader.texts("stop_words", kMaxStopWords));
  if (words) options.stop_words = *std::move(words);
  if (const auto valid = options.validate(); !valid) return base::corrupt(where + ": " + valid.error().message);
  return options;
}

}  // namespace marquee::text::bags
