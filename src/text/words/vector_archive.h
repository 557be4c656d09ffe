#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"
#include "text/words/word_vectors.h"

namespace marquee::text::words {

/// A file of ours that keeps all of WordVectors: words, vectors, and the n-grams that unknown words are made of.
/// Little-endian: a header of eight u64 (magic "MQVECS01", words, dimensions, bytes of all words, n-grams, their
/// shortest and longest length, buckets), then the length of each word (u32), the words, their vectors (f32), the
/// n-grams' buckets (u32) and vectors. Written beside `path` and renamed, so that a crash leaves the file before.
/// @error kIo
base::Result<void> save_archive(const WordVectors& vectors, const std::filesystem::path& path);

/// @param file_name for errors  @error kCorrupt if sizes do not add up to the file's, or what it holds is not as above
base::Result<WordVectors> parse_archive(std::span<const std::byte> bytes, std::string_view file_name);

/// @error kNotFound, kIo; else as parse_archive
base::Result<WordVectors> load_archive(const std::filesystem::path& path);

}  // namespace marquee::text::words
