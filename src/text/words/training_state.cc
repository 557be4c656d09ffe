#include "text/words/training_state.h"

#include <xxhash.h>

#include <cstring>
#include <system_error>

#include "base/mapped_file.h"
#include "base/output_file.h"

namespace marquee::text::words {

namespace {

using base::Result;

constexpr char kMagic[8] = {'M', 'Q', 'W', 'O', 'R', 'D', 'S', '1'};

struct StateHeader {
  char magic[8];
  std::uint64_t fingerprint;
  std::uint64_t position;
  std::uint64_t values;
  std::uint64_t hash;  ///< of the values
};

std::uint64_t hash_of(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace

Result<void> write_training_state(const std::filesystem::path& path, const TrainingState& state) {
  StateHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.fingerprint = state.fingerprint;
  header.position = state.position;
  for (const auto& values : state.parameters) {
    header.values += values.size();
    header.hash = hash_of(std::as_bytes(values), header.hash);
  }
  std::filesystem::path part = path;
  part += ".part";
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(part));
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(&header, 1))));
  for (const auto& values : state.parameters) MARQUEE_CHECK(file.write(std::as_bytes(values)));
  MARQUEE_CHECK(file.finish());
  std::error_code failure;
  std::filesystem::rename(part, path, failure);
  if (failure) return base::io_error("cannot rename " + part.string() + ": " + failure.message());
  return {};
}

Result<void> read_training_state(const std::filesystem::path& path, std::uint64_t max_position, TrainingState& state) {
  MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
  auto bytes = file.bytes();
  StateHeader header{};
  const auto damaged = [&] { return base::corrupt(path.string() + ": not a whole state of training; begin anew"); };
  if (bytes.size() < sizeof header) return damaged();
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return damaged();
  if (header.fingerprint != state.fingerprint) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       path.string() + ": of a training with other settings or on another text; begin anew"};
  }
  std::uint64_t values = 0;
  for (const auto& part : state.parameters) values += part.size();
  bytes = bytes.subspan(sizeof header);
  if (header.values != values || bytes.size() != values * sizeof(float) || header.position > max_position) {
    return damaged();
  }
  std::uint64_t hash = 0;
  std::size_t at = 0;
  for (const auto& part : state.parameters) {
    hash = hash_of(bytes.subspan(at, part.size_bytes()), hash);
    at += part.size_bytes();
  }
  if (hash != header.hash) return damaged();
  at = 0;
  for (const auto& part : state.parameters) {
    std::memcpy(part.data(), bytes.data() + at, part.size_bytes());
    at += part.size_bytes();
  }
  state.position = header.position;
  return {};
}

}  // namespace marquee::text::words
