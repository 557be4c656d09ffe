#include "text/words/vector_archive.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/output_file.h"

namespace marquee::text::words {

using base::Result;

namespace {

constexpr char kArchiveMagic[8] = {'M', 'Q', 'V', 'E', 'C', 'S', '0', '1'};

struct ArchiveHeader {
  char magic[8];
  std::uint64_t words;
  std::uint64_t dimensions;
  std::uint64_t letters;  ///< bytes of all words
  std::uint64_t ngrams;
  std::uint64_t min_length;
  std::uint64_t max_length;
  std::uint64_t buckets;
};

/// Takes parts of a file one after another; asks nothing, as the header was compared with the file's size.
class ArchiveCursor {
 public:
  explicit ArchiveCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> take(std::size_t count) {
    const auto part = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return part;
  }
  std::vector<std::uint32_t> take_numbers(std::size_t count) {
    std::vector<std::uint32_t> numbers(count);
    if (count > 0) std::memcpy(numbers.data(), take(4 * count).data(), 4 * count);
    return numbers;
  }
  Result<RowMatrix> take_rows(std::size_t rows, std::size_t columns) {
    MARQUEE_ASSIGN(RowMatrix matrix, RowMatrix::create(rows, columns));
    for (std::size_t i = 0; i < rows; ++i) std::memcpy(matrix.row(i), take(4 * columns).data(), 4 * columns);
    return matrix;
  }

 private:
  std::span<const std::byte> bytes_;
};

base::Error damaged_archive(std::string_view file_name, const char* what) {
  return base::corrupt(std::string(file_name) + ": not a whole archive of word vectors: " + what);
}

/// Whether the sizes are possible and add up to the file's. Each is bounded first, so that nothing overflows.
bool adds_up(const ArchiveHeader& header, std::size_t bytes) {
  if (header.words < 1 || header.words > WordTable::kMaxWords || header.dimensions < 1 ||
      header.dimensions > kMaxDimensions || header.letters > bytes || header.ngrams > bytes) {
    return false;
  }
  const std::uint64_t vectors = (header.words + header.ngrams) * header.dimensions * sizeof(float);
  return sizeof header + 4 * (header.words + header.ngrams) + header.letters + vectors == bytes;
}

Result<WordTable> read_words(const ArchiveHeader& header, ArchiveCursor& cursor, std::string_view file_name) {
  const auto lengths = cursor.take_numbers(header.words);
  const auto bytes = cursor.take(header.letters);
  std::string_view letters(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  WordTable table;
  table.reserve(header.words);
  for (const std::uint32_t length : lengths) {
    if (length < 1 || length > kMaxWordBytes || length > letters.size()) {
      return damaged_archive(file_name, "a word's length is wrong");
    }
    const std::size_t before = table.size();
    table.add(letters.substr(0, length));
    if (table.size() == before) return damaged_archive(file_name, "a word is there twice");
    letters.remove_prefix(length);
  }
  if (!letters.empty()) return damaged_archive(file_name, "the lengths of words do not add up");
  return table;
}

Result<void> write_rows(base::OutputFile& file, const RowMatrix& rows) {
  std::vector<float> block;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    block.insert(block.end(), rows.row(i), rows.row(i) + rows.columns());
    if (block.size() < (std::size_t{1} << 18U) && i + 1 < rows.rows()) continue;
    MARQUEE_CHECK(file.write(std::as_bytes(std::span<const float>(block))));
    block.clear();
  }
  return {};
}

}  // namespace

Result<WordVectors> parse_archive(std::span<const std::byte> bytes, std::string_view file_name) {
  ArchiveHeader header{};
  if (bytes.size() < sizeof header) return damaged_archive(file_name, "it is too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kArchiveMagic, sizeof kArchiveMagic) != 0) {
    return damaged_archive(file_name, "it does not begin as one");
  }
  if (!adds_up(header, bytes.size())) return damaged_archive(file_name, "its sizes do not add up to the file's");
  ArchiveCursor cursor(bytes.subspan(sizeof header));
  MARQUEE_ASSIGN(WordTable table, read_words(header, cursor, file_name));
  MARQUEE_ASSIGN(RowMatrix vectors, cursor.take_rows(header.words, header.dimensions));
  std::optional<SubwordVectors> subwords;
  if (header.ngrams > 0) {
    if (header.min_length > 20 || header.max_length > 20 || header.buckets > 0x7FFFFFFFU) {
      return damaged_archive(file_name, "settings of n-grams are out of range");
    }
    const SubwordSettings settings{static_cast<int>(header.min_length), static_cast<int>(header.max_length),
                                   static_cast<std::uint32_t>(header.buckets)};
    auto buckets = cursor.take_numbers(header.ngrams);
    MARQUEE_ASSIGN(RowMatrix ngrams, cursor.take_rows(header.ngrams, header.dimensions));
    auto read = SubwordVectors::create(settings, std::move(buckets), std::move(ngrams));
    if (!read) return damaged_archive(file_name, read.error().message.c_str());
    subwords = std::move(*read);
  }
  auto result = WordVectors::create(std::move(table), std::move(vectors), std::move(subwords));
  if (!result) return damaged_archive(file_name, result.error().message.c_str());
  return result;
}

Result<WordVectors> load_archive(const std::filesystem::path& path) {
  MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
  return parse_archive(file.bytes(), path.string());
}

Result<void> save_archive(const WordVectors& vectors, const std::filesystem::path& path) {
  ArchiveHeader header{};
  std::memcpy(header.magic, kArchiveMagic, sizeof kArchiveMagic);
  header.words = vectors.size();
  header.dimensions = vectors.dimensions();
  std::vector<std::uint32_t> lengths;
  std::string letters;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::string_view word = vectors.word(static_cast<std::int32_t>(i));
    lengths.push_back(static_cast<std::uint32_t>(word.size()));
    letters += word;
  }
  header.letters = letters.size();
  const auto& subwords = vectors.subwords();
  if (subwords) {
    header.ngrams = subwords->buckets().size();
    header.min_length = static_cast<std::uint64_t>(subwords->settings().min_length);
    header.max_length = static_cast<std::uint64_t>(subwords->settings().max_length);
    header.buckets = subwords->settings().buckets;
  }
  std::filesystem::path part = path;
  part += ".part";
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(part));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(&header, 1))));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span<const std::uint32_t>(lengths))));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span<const char>(letters))));
  MARQUEE_CHECK(write_rows(file, vectors.rows()));
  if (subwords) {
    MARQUEE_CHECK(file.write(std::as_bytes(subwords->buckets())));
    MARQUEE_CHECK(write_rows(file, subwords->vectors()));
  }
  MARQUEE_CHECK(file.finish());
  std::error_code failure;
  std::filesystem::rename(part, path, failure);
  if (failure) return base::io_error("cannot rename " + part.string() + ": " + failure.message());
  return {};
}

}  // namespace marquee::text::words
