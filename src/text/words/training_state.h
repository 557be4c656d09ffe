#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"

namespace marquee::text::words {

/// What training needs to go on: how far it is, and its parameters.
struct TrainingState {
  std::uint64_t fingerprint = 0;  ///< of the settings and the vocabulary; must be the same
  std::uint64_t position = 0;     ///< pieces of work done
  std::vector<std::span<float>> parameters;
};

/// Writes beside `path` and renames, so that a crash leaves the state before. @error kIo
base::Result<void> write_training_state(const std::filesystem::path& path, const TrainingState& state);

/// Fills state.parameters and state.position; what is there is untouched after an error.
/// @param max_position larger ones are refused
/// @error kNotFound, kIo; kCorrupt if the file is damaged; kFailedPrecondition if it is of other settings or another
/// text
base::Result<void> read_training_state(const std::filesystem::path& path, std::uint64_t max_position,
                                       TrainingState& state);

}  // namespace marquee::text::words
