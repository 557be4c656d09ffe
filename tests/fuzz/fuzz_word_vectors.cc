// Files of word vectors and our own archive of them, in the format that the first byte chooses.
// Links: marquee::text
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/fuzz/check.h"
#include "text/words/vector_archive.h"
#include "text/words/vector_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace marquee::text::words;  // NOLINT: a program of one file
  using marquee::fuzz::check;
  if (size < 2) return 0;
  constexpr VectorFormat kFormats[] = {VectorFormat::kWord2VecText, VectorFormat::kWord2VecBinary,
                                       VectorFormat::kGloveText};
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const auto vectors = data[0] % 4 == 3 ? parse_archive(bytes, "input.archive")
                                        : parse_vectors(bytes, kFormats[data[0] % 4], "input.vec");
  if (!vectors) {
    check(!vectors.error().message.empty(), "an error says something");
    return 0;
  }
  check(vectors->size() <= size, "every word takes a byte at least");
  marquee::base::ThreadPool pool(1);
  const auto neighbours = vectors->nearest(vectors->vector(0), {.top_k = 3}, pool);
  check(static_cast<bool>(neighbours), "what was read can be asked");
  for (const Neighbour& one : *neighbours) check(one.score >= -1.01F && one.score <= 1.01F, "a cosine");
  std::vector<float> unknown(vectors->dimensions());
  if (vectors->look_up("unheard", unknown)) {
    check(static_cast<bool>(vectors->nearest(unknown, {.top_k = 3}, pool)), "an unknown word can be asked as well");
  }
  return 0;
}
