#include "formats/tokenizers/end_tokens.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace marquee::formats {
namespace {

/// How the families write the end of a turn or of a text. A token counts only where the file marks it as special.
constexpr std::array<std::string_view, 16> kEndTexts = {
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<|end|>",
    "<|endoftext|>",
    "</s>",
    "<eos>",
    "<EOT>",
    "<|EOT|>",
    "<turn|>",
    "<|return|>",
    "<|end_of_turn|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_utterance>",
};

}  // namespace

std::vector<TokenId> find_end_tokens(const Vocabulary& vocabulary, const std::vector<bool>& special,
                                     std::optional<TokenId> eos, std::optional<TokenId> end_of_turn) {
  std::vector<TokenId> ids;
  if (eos) ids.push_back(*eos);
  if (end_of_turn) ids.push_back(*end_of_turn);
  for (const auto text : kEndTexts) {
    const auto id = vocabulary.find(text);
    if (id && static_cast<std::size_t>(*id) < special.size() && special[*id]) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace marquee::formats
