#pragma once
// Files of word vectors that other programs read and write.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {

enum class VectorFormat : std::uint8_t {
  kWord2VecText,  ///< a line "WORDS DIMENSIONS", then for each word a line of it and its numbers (also fastText's .vec)
  kWord2VecBinary,  ///< the same first line, then for each word it, a blank and its numbers as little-endian f32
  kGloveText,       ///< lines as in kWord2VecText, without the first
};

/// "word2vec_text", "word2vec_binary", "glove_text". @error kInvalidArgument
base::Result<VectorFormat> vector_format_of(std::string_view name);

/// Reads a whole file. What it says of sizes is compared with its length before memory is taken. A word that comes
/// twice counts the first time, as in gensim. In text files a word may contain blanks (some of GloVe's do): the numbers
/// are the last DIMENSIONS fields.
/// @param file_name for errors
/// @error kCorrupt with the number of the line, or of the word in a binary file; kTooLarge beyond 2^30 words
base::Result<WordVectors> parse_vectors(std::span<const std::byte> bytes, VectorFormat format,
                                        std::string_view file_name);

/// @error kNotFound, kIo; else as parse_vectors
base::Result<WordVectors> load_vectors(const std::filesystem::path& path, VectorFormat format);

/// Numbers are written with as many digits as they need to be read back the same. N-grams are not written.
/// @error kIo; kInvalidArgument if a word has a blank or a line's end in it, which the format cannot hold
base::Result<void> save_vectors(const WordVectors& vectors, const std::filesystem::path& path, VectorFormat format);

}  // namespace marquee::text::words
