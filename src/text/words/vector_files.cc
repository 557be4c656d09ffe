#include "text/words/vector_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/output_file.h"

namespace marquee::text::words {

using base::Result;

namespace {

bool is_field_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

struct Extent {
  std::size_t words = 0;
  std::size_t dimensions = 0;
};

/// Reads a file of vectors from the front.
class VectorReader {
 public:
  VectorReader(std::span<const std::byte> bytes, std::string_view file_name)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file_name_(file_name) {}

  Result<WordVectors> read_text(bool has_header);
  Result<WordVectors> read_binary();

 private:
  [[nodiscard]] base::Error error(const std::string& what) const {
    return base::corrupt(file_name_ + (is_binary_ ? ": word " : ":") + std::to_string(number_) + ": " + what);
  }
  [[nodiscard]] std::string_view take_line() {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    ++number_;
    return line;
  }
  Result<Extent> read_header();
  Result<void> begin(Extent extent, std::size_t least_bytes_of_value);
  Result<void> read_line(std::string_view line);
  Result<void> read_numbers(std::string_view line, std::size_t from);
  Result<void> keep(std::string_view word);
  Result<WordVectors> finish();

  std::string_view text_;
  std::string file_name_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;  ///< of the line, or the word of a binary file; from 1
  bool is_binary_ = false;
  Extent extent_;
  WordTable words_;
  RowMatrix vectors_;
  std::vector<float> values_;  ///< of the word being read
};

/// The fields of a line from its end: where the last `count` begin, or npos if there are not as many and a word.
std::size_t begin_of_last_fields(std::string_view line, std::size_t count) {
  std::size_t at = line.size();
  for (std::size_t field = 0; field < count; ++field) {
    while (at > 0 && is_field_blank(line[at - 1])) --at;
    while (at > 0 && !is_field_blank(line[at - 1])) --at;
    if (at == 0) return std::string_view::npos;
  }
  return at;
}

std::size_t count_fields(std::string_view line) {
  std::size_t fields = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!is_field_blank(line[i]) && (i == 0 || is_field_blank(line[i - 1]))) ++fields;
  }
  return fields;
}

Result<Extent> VectorReader::read_header() {
  const std::string_view line = take_line();
  Extent extent;
  const char* end = line.data() + line.size();
  const auto words = std::from_chars(line.data(), end, extent.words);
  const char* second = words.ptr;
  while (second < end && is_field_blank(*second)) ++second;
  const auto dimensions = std::from_chars(second, end, extent.dimensions);
  const char* rest = dimensions.ptr;
  while (rest < end && is_field_blank(*rest)) ++rest;
  if (words.ec != std::errc() || dimensions.ec != std::errc() || second == words.ptr || rest != end) {
    number_ = 1;
    return base::corrupt(file_name_ +
                         ":1: not the two numbers (words, dimensions) that a file of word2vec begins with" +
                         "; if it is one of GloVe's, say so");
  }
  return extent;
}

/// Takes memory for so many vectors, if the file can hold them.
Result<void> VectorReader::begin(Extent extent, std::size_t least_bytes_of_value) {
  if (extent.dimensions < 1 || extent.dimensions > kMaxDimensions) {
    return base::corrupt(file_name_ + ":1: " + std::to_string(extent.dimensions) + " dimensions; there must be 1 to " +
                         std::to_string(kMaxDimensions));
  }
  if (extent.words < 1 || extent.words > WordTable::kMaxWords) {
    return base::corrupt(file_name_ + ":1: " + std::to_string(extent.words) + " words; there must be 1 to 2^30");
  }
  const std::size_t least_bytes = extent.dimensions * least_bytes_of_value + 2;
  if (extent.words > (text_.size() + 1) / least_bytes) {
    return base::corrupt(file_name_ + ":1: " + std::to_string(extent.words) + " vectors of " +
                         std::to_string(extent.dimensions) + " values do not fit into a file of " +
                         std::to_string(text_.size()) + " bytes; it is cut off, or in another format");
  }
  extent_ = extent;
  values_.resize(extent.dimensions);
  words_.reserve(extent.words);
  MARQUEE_ASSIGN(vectors_, RowMatrix::create(extent.words, extent.dimensions));
  return {};
}

Result<void> VectorReader::read_numbers(std::string_view line, std::size_t from) {
  const char* at = line.data() + from;
  const char* end = line.data() + line.size();
  for (float& value : values_) {
    while (at < end && is_field_blank(*at)) ++at;
    if (at < end && *at == '+') ++at;
    const auto read = std::from_chars(at, end, value);
    if (read.ec != std::errc() && read.ec != std::errc::result_out_of_range) return error("a field is not a number");
    // Too small for f32 is 0; too large is no vector.
    if (read.ec == std::errc::result_out_of_range) value = std::strtof(std::string(at, read.ptr).c_str(), nullptr);
    if (!std::isfinite(value)) return error("a number is not finite");
    at = read.ptr;
    if (at < end && !is_field_blank(*at)) return error("a field is not a number");
  }
  return {};
}

Result<void> VectorReader::keep(std::string_view word) {
  if (word.empty()) return error("a vector without a word");
  if (word.size() > kMaxWordBytes) {
    return error("a word of " + std::to_string(word.size()) + " bytes; at most " + std::to_string(kMaxWordBytes) +
                 " are possible; the file is damaged, or in another format");
  }
  const std::size_t before = words_.size();
  words_.add(word);
  if (words_.size() > before) std::copy(values_.begin(), values_.end(), vectors_.row(before));
  return {};
}

Result<void> VectorReader::read_line(std::string_view line) {
  const std::size_t numbers = begin_of_last_fields(line, extent_.dimensions);
  if (numbers == std::string_view::npos) {
    return error("fewer fields than a word and its " + std::to_string(extent_.dimensions) + " numbers");
  }
  MARQUEE_CHECK(read_numbers(line, numbers));
  std::size_t end = numbers;
  while (end > 0 && is_field_blank(line[end - 1])) --end;
  return keep(line.substr(0, end));
}

Result<WordVectors> VectorReader::read_text(bool has_header) {
  if (has_header) {
    MARQUEE_ASSIGN(const Extent extent, read_header());
    MARQUEE_CHECK(begin(extent, 2));
  } else {
    const std::string_view first = text_.substr(0, text_.find('\n'));
    const std::size_t fields = count_fields(first);
    if (fields < 2) return base::corrupt(file_name_ + ":1: not a word and its numbers");
    const auto lines = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n'));
    MARQUEE_CHECK(begin({lines + (text_.ends_with('\n') ? 0 : 1), fields - 1}, 2));
  }
  for (std::size_t i = 0; i < extent_.words; ++i) {
    if (at_ == text_.size()) return error("the file ends here, before all words were there");
    MARQUEE_CHECK(read_line(take_line()));
  }
  while (at_ < text_.size()) {
    if (count_fields(take_line()) > 0) return error("more words than the first line says");
  }
  return finish();
}

Result<WordVectors> VectorReader::read_binary() {
  MARQUEE_ASSIGN(const Extent extent, read_header());
  MARQUEE_CHECK(begin(extent, sizeof(float)));
  is_binary_ = true;
  const std::size_t bytes = extent.dimensions * sizeof(float);
  for (number_ = 1; number_ <= extent.words; ++number_) {
    // Some programs end a vector with a line's end, others do not.
    while (at_ < text_.size() && text_[at_] == '\n') ++at_;
    const std::size_t blank = text_.substr(at_, kMaxWordBytes + 1).find(' ');
    if (blank == std::string_view::npos) return error("no blank after the word; the file is cut off or damaged");
    const std::string_view word = text_.substr(at_, blank);
    at_ += blank + 1;
    if (text_.size() - at_ < bytes) return error("the file ends in its vector");
    std::memcpy(values_.data(), text_.data() + at_, bytes);
    at_ += bytes;
    if (!std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); })) {
      return error("a number is not finite");
    }
    MARQUEE_CHECK(keep(word));
  }
  while (at_ < text_.size() && text_[at_] == '\n') ++at_;
  if (at_ < text_.size()) return error("more bytes than the first line's words and dimensions need");
  return finish();
}

Result<WordVectors> VectorReader::finish() {
  if (words_.size() == extent_.words) return WordVectors::create(std::move(words_), std::move(vectors_));
  MARQUEE_ASSIGN(RowMatrix fewer, RowMatrix::create(words_.size(), extent_.dimensions));
  std::copy_n(vectors_.row(0), words_.size() * fewer.stride(), fewer.row(0));
  return WordVectors::create(std::move(words_), std::move(fewer));
}

/// Writes in large pieces.
class VectorWriter {
 public:
  VectorWriter(base::OutputFile file, VectorFormat format) : file_(std::move(file)), format_(format) {}

  void write_header(const WordVectors& vectors) {
    if (format_ == VectorFormat::kGloveText) return;
    waiting_ += std::to_string(vectors.size()) + " " + std::to_string(vectors.dimensions()) + "\n";
  }
  Result<void> write(std::string_view word, std::span<const float> values) {
    if (word.find_first_of(" \t\r\n") != std::string_view::npos) {
      return base::invalid_argument("the word '" + std::string(word) +
                                    "' has a blank in it, which the format cannot hold");
    }
    waiting_ += word;
    if (format_ == VectorFormat::kWord2VecBinary) {
      waiting_ += ' ';
      waiting_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    } else {
      for (const float value : values) {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        waiting_ += ' ';
        waiting_.append(digits, end);
      }
    }
    waiting_ += '\n';
    return waiting_.size() < kWaitingBytes ? Result<void>() : flush();
  }
  Result<void> finish() {
    MARQUEE_CHECK(flush());
    return file_.finish();
  }

 private:
  static constexpr std::size_t kWaitingBytes = std::size_t{1} << 20U;
  Result<void> flush() {
    MARQUEE_CHECK(file_.write(std::as_bytes(std::span<const char>(waiting_))));
    waiting_.clear();
    return {};
  }

  base::OutputFile file_;
  VectorFormat format_;
  std::string waiting_;
};

}  // namespace

Result<VectorFormat> vector_format_of(std::string_view name) {
  if (name == "word2vec_text") return VectorFormat::kWord2VecText;
  if (name == "word2vec_binary") return VectorFormat::kWord2VecBinary;
  if (name == "glove_text") return VectorFormat::kGloveText;
  return base::invalid_argument(
      "'" + std::string(name) + "' is no format of word vectors; there are word2vec_text, word2vec_binary, glove_text",
      "format");
}

Result<WordVectors> parse_vectors(std::span<const std::byte> bytes, VectorFormat format, std::string_view file_name) {
  VectorReader reader(bytes, file_name);
  switch (format) {
    case VectorFormat::kWord2VecText: return reader.read_text(true);
    case VectorFormat::kGloveText: return reader.read_text(false);
    case VectorFormat::kWord2VecBinary: return reader.read_binary();
  }
  return base::invalid_argument("no such format of word vectors", "format");
}

Result<WordVectors> load_vectors(const std::filesystem::path& path, VectorFormat format) {
  MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
  return parse_vectors(file.bytes(), format, path.string());
}

Result<void> save_vectors(const WordVectors& vectors, const std::filesystem::path& path, VectorFormat format) {
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
  VectorWriter writer(std::move(file), format);
  writer.write_header(vectors);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    MARQUEE_CHECK(writer.write(vectors.word(id), vectors.vector(id)));
  }
  return writer.finish();
}

}  // namespace marquee::text::words
