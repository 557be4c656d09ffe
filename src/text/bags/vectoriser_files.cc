// A vectoriser as files: vectoriser.json has the settings, vectoriser.safetensors the vocabulary and how many documents
// had each term.
#include <cstring>

#include "base/json.h"
#include "formats/small_file.h"
#include "text/bags/tensor_file.h"
#include "text/bags/vectoriser.h"
#include "text/config_reader.h"

namespace marquee::text::bags {

using base::Result;
namespace json = base::json;

namespace {

constexpr const char* kVectoriserFormat = "marquee-vectoriser-1";
constexpr const char* kVectoriserJson = "vectoriser.json";
constexpr const char* kVectoriserTensors = "vectoriser.safetensors";
constexpr std::size_t kMaxVectoriserJson = std::size_t{64} << 20U;  // 100,000 stop words are the most of it
constexpr double kMostFittedDocuments = 4294967294.0;

struct StoredVectoriser {
  VectoriserOptions options;
  std::uint64_t documents = 0;
};

Result<StoredVectoriser> read_vectoriser_json(const std::filesystem::path& path) {
  MARQUEE_CHECK(formats::refuse_symlink(path));
  MARQUEE_ASSIGN(const std::string text, formats::read_small_file(path, kMaxVectoriserJson));
  MARQUEE_ASSIGN(const json::value value, formats::parse_json_file(text, path));
  if (!value.is_object()) return base::corrupt(path.string() + ": is not a JSON object");
  const ConfigReader reader(value.get_object(), path.string());
  MARQUEE_ASSIGN(const std::string format, reader.text_or("format", ""));
  if (format != kVectoriserFormat) {
    return base::unsupported(path.string() + ": 'format' is not " + kVectoriserFormat + "; fit the vectoriser again");
  }
  StoredVectoriser stored;
  MARQUEE_ASSIGN(const double documents, reader.number("documents", {0.0, kMostFittedDocuments}));
  stored.documents = static_cast<std::uint64_t>(documents);
  const json::value* options = value.get_object().if_contains("options");
  if (options == nullptr || !options->is_object()) return reader.corrupt("options", "is missing or not an object");
  MARQUEE_ASSIGN(stored.options, VectoriserOptions::from_json(options->get_object(), path.string()));
  return stored;
}

/// Counts by document of each term. @error kCorrupt if one is not 1 to `documents`, or 0 for a hashed column
Result<std::vector<std::uint32_t>> read_counts(const TensorFile& file, std::uint64_t documents, bool hashed) {
  MARQUEE_ASSIGN(auto counts, file.read<std::uint32_t>("document_counts"));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] <= documents && (counts[i] > 0 || hashed)) continue;
    return file.corrupt("document_counts", "has " + std::to_string(counts[i]) + " at " + std::to_string(i) + " where " +
                                               std::to_string(documents) + " documents were fitted");
  }
  return counts;
}

Result<Vocabulary> read_vocabulary(const TensorFile& file) {
  MARQUEE_ASSIGN(const auto text, file.read<char>("terms"));
  MARQUEE_ASSIGN(auto lengths, file.read<std::uint32_t>("term_bytes"));
  auto vocabulary = Vocabulary::make(std::string(text.begin(), text.end()), std::move(lengths));
  if (!vocabulary) return base::corrupt(file.path().string() + ": " + vocabulary.error().message);
  return vocabulary;
}

}  // namespace

Result<void> Vectoriser::save(const std::filesystem::path& folder) const {
  json::object object;
  object["format"] = kVectoriserFormat;
  object["documents"] = documents_;
  object["options"] = options_->to_json();
  MARQUEE_CHECK(write_text_file(folder / kVectoriserJson, json::serialize(object) + "\n"));
  std::vector<std::uint32_t> lengths(vocabulary_.size());
  for (std::uint32_t i = 0; i < lengths.size(); ++i)
    lengths[i] = static_cast<std::uint32_t>(vocabulary_.term(i).size());
  const std::string& text = vocabulary_.text();
  std::vector<TensorToWrite> tensors;
  if (!lengths.empty()) tensors.push_back(TensorToWrite::of<std::uint32_t>("term_bytes", lengths));
  if (!document_counts_.empty()) {
    tensors.push_back(TensorToWrite::of<std::uint32_t>("document_counts", document_counts_));
  }
  if (!text.empty()) tensors.push_back(TensorToWrite::of<char>("terms", {text.data(), text.size()}));
  return write_tensor_file(folder / kVectoriserTensors, tensors);
}

Result<Vectoriser> Vectoriser::load(const std::filesystem::path& folder) {
  MARQUEE_ASSIGN(StoredVectoriser stored, read_vectoriser_json(folder / kVectoriserJson));
  MARQUEE_ASSIGN(const TensorFile file, TensorFile::open(folder / kVectoriserTensors));
  const bool hashed = stored.options.hash_columns != 0;
  Vocabulary vocabulary;
  if (!hashed) {
    MARQUEE_ASSIGN(vocabulary, read_vocabulary(file));
  }
  std::vector<std::uint32_t> counts;
  if (!hashed || stored.options.idf) {
    MARQUEE_ASSIGN(counts, read_counts(file, stored.documents, hashed));
    const std::uint32_t columns = hashed ? stored.options.hash_columns : vocabulary.size();
    if (counts.size() != columns) {
      return file.corrupt("document_counts", "has " + std::to_string(counts.size()) + " numbers for " +
                                                 std::to_string(columns) + " columns");
    }
  }
  return make(std::move(stored.options), std::move(vocabulary), stored.documents, std::move(counts));
}

}  // namespace marquee::text::bags
