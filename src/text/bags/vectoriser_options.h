#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace marquee::text::bags {

/// What a term is made of.
enum class Analyser : std::uint8_t {
  kWord,              ///< words
  kChar,              ///< code points, across words
  kCharWordBoundary,  ///< code points inside words, each padded with a space on both sides
};
enum class StripAccents : std::uint8_t {
  kNone,
  kUnicode,  ///< NFKD, then no combining marks
  kAscii,    ///< NFKD, then ASCII only
};
enum class Norm : std::uint8_t { kNone, kL1, kL2 };

/// A number of documents, or a fraction of all documents.
struct DocumentShare {
  double value = 0.0;
  bool is_fraction = false;
};

/// How texts become rows of numbers. The names and what they do are scikit-learn's (CountVectorizer, TfidfVectorizer,
/// HashingVectorizer) where those have one, and equal settings give equal rows.
/// @source https://scikit-learn.org/stable/modules/feature_extraction.html#text-feature-extraction
struct VectoriserOptions {
  static constexpr std::uint32_t kMaxNgram = 64;
  static constexpr std::uint32_t kMaxHashColumns = 1U << 26U;

  Analyser analyser = Analyser::kWord;
  std::uint32_t min_ngram = 1;  ///< 1 to max_ngram
  std::uint32_t max_ngram = 1;  ///< to kMaxNgram
  bool lowercase = true;        ///< Unicode's full mapping, as Python's str.lower()
  StripAccents strip_accents = StripAccents::kNone;
  std::uint32_t min_word_chars = 2;     ///< shorter words are left out; 1 to 64. 2 is the pattern (?u)\b\w\w+\b
  std::string stop_language;            ///< leaves out stop_words(stop_language), or ""; words only
  std::vector<std::string> stop_words;  ///< also left out, compared after lowercase and strip_accents; words only
  DocumentShare min_df = {1.0, false};  ///< terms in fewer documents get no column
  DocumentShare max_df = {1.0, true};   ///< nor do terms in more
  std::uint32_t max_features = 0;       ///< keeps only the most frequent terms; 0: all. Ties: in the terms' order
  bool binary = false;                  ///< a term counts once per document
  std::uint32_t hash_columns = 0;       ///< columns by hash instead of by vocabulary; 0: by vocabulary
  bool alternate_sign = true;           ///< of hashed columns: half of the terms count negative
  bool idf = false;                     ///< weighs by the inverse document frequency
  bool smooth_idf = true;               ///< as if one more document held every term
  bool sublinear_tf = false;            ///< 1 + ln(count) for count
  Norm norm = Norm::kNone;              ///< of each row

  /// TfidfVectorizer's defaults.
  static VectoriserOptions tf_idf();
  /// HashingVectorizer's defaults. @param columns 1 to kMaxHashColumns
  static VectoriserOptions hashing(std::uint32_t columns = 1U << 20U);

  /// @error kInvalidArgument with the field
  [[nodiscard]] base::Result<void> validate() const;
  [[nodiscard]] base::json::object to_json() const;
  /// Reads what to_json() writes; what is missing keeps its default, which is CountVectorizer's.
  /// @param where names the document in errors
  /// @error kCorrupt naming the field, unknown ones included
  static base::Result<VectoriserOptions> from_json(const base::json::object& object, const std::string& where);
};

}  // namespace marquee::text::bags
