// Documents into bags of words, with every analyser: rows are in order and inside their matrix, transform() gives what
// fit_transform() gave, and explanations add up and stay inside the text. The first four bytes choose the settings, the
// rest are documents, one a line.
// Links: marquee::text
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/fuzz/check.h"
#include "text/bags/vectoriser.h"

namespace {

using marquee::fuzz::check;
using namespace marquee::text::bags;  // NOLINT

VectoriserOptions choose(const std::uint8_t* bytes) {
  VectoriserOptions options;
  options.analyser = static_cast<Analyser>(bytes[0] % 3);
  options.strip_accents = static_cast<StripAccents>(bytes[0] / 3 % 3);
  options.norm = static_cast<Norm>(bytes[0] / 9 % 3);
  options.min_ngram = 1 + bytes[1] % 3;
  options.max_ngram = options.min_ngram + bytes[1] / 3 % 4;
  options.lowercase = (bytes[2] & 1U) != 0;
  options.binary = (bytes[2] & 2U) != 0;
  options.idf = (bytes[2] & 4U) != 0;
  options.hash_columns = (bytes[2] & 8U) != 0 ? 1 + bytes[3] % 64 : 0;
  options.min_word_chars = 1 + bytes[2] / 16 % 3;
  return options;
}

void check_rows(const CsrMatrix& rows) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const SparseRow row = rows.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      check(row.columns[j] < rows.columns, "a column is inside the matrix");
      check(j == 0 || row.columns[j - 1] < row.columns[j], "columns ascend");
      check(std::isfinite(row.values[j]), "values are finite");
    }
  }
}

void check_located(const Vectoriser& vectoriser, std::string_view document) {
  const auto located = vectoriser.locate(document);
  check(located.has_value(), "a document that was fitted can be located");
  double sum = 0.0;
  for (const LocatedTerm& term : located->terms) {
    sum += term.share;
    check(term.first_piece + term.pieces <= located->sources.pieces.size(), "a term is made of the document's pieces");
  }
  for (const float value : located->values) sum -= value;
  check(std::fabs(sum) < 1e-6 * (1.0 + static_cast<double>(located->terms.size())), "shares sum to the values");
  check(located->sources.unit_of.size() == located->sources.pieces.size(), "every piece belongs to a unit");
  for (const SourceSpan& unit : located->sources.units) {
    check(unit.begin <= unit.end && unit.end <= document.size(), "a unit lies inside the document");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 4, size - 4);
  std::vector<std::string_view> documents;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    documents.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  static marquee::base::ThreadPool pool(1);
  const auto fitted = Vectoriser::fit_transform(documents, choose(data), pool);
  if (!fitted) {
    check(!fitted.error().message.empty(), "an error says something");
    return 0;
  }
  check_rows(fitted->rows);
  const auto again = fitted->vectoriser.transform(documents, pool);
  check(again.has_value(), "documents that were fitted can be transformed");
  check(again->row_offsets == fitted->rows.row_offsets && again->column_ids == fitted->rows.column_ids &&
            again->values == fitted->rows.values,
        "transform() gives what fit_transform() gave");
  for (const std::string_view document : documents) check_located(fitted->vectoriser, document);
  return 0;
}
