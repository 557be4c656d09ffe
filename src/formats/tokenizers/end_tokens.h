#pragma once

#include <optional>
#include <vector>

#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

/// The tokens that end a generation: `eos`, `end_of_turn`, and those special tokens whose text the model families use
/// for it. In ascending order, each once.
/// @param special by id
std::vector<TokenId> find_end_tokens(const Vocabulary& vocabulary, const std::vector<bool>& special,
                                     std::optional<TokenId> eos, std::optional<TokenId> end_of_turn = std::nullopt);

}  // namespace marquee::formats
