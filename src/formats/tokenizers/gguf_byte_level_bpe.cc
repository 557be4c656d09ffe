#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/byte_cursor.h"
#include "formats/tokenizers/bpe_model.h"
#include "formats/tokenizers/byte_alphabet.h"
#include "formats/tokenizers/tokenizer_gguf.h"

namespace marquee::formats {

using base::Result;

namespace {

/// The tokens that text may become, as bytes.
class ByteVocabulary {
 public:
  explicit ByteVocabulary(const CheckedVocabulary& source) : source_(source) {}

  Result<void> add_normal_tokens() {
    bytes_.reserve(source_.types.size());
    for (std::size_t i = 0; i < source_.types.size(); ++i) {
      if (source_.types[i] == GgufTokenType::kNormal) MARQUEE_CHECK(add(static_cast<TokenId>(i)));
    }
    return {};
  }

  /// The id of a token written in the byte alphabet. A user-defined token counts once a merge names it.
  Result<TokenId> find(std::string_view token, std::size_t merge) {
    const auto id = source_.tokens.find(token);
    if (!id) {
      return base::corrupt("tokenizer.ggml.merges[" + std::to_string(merge) + "] names '" + printable_name(token) +
                           "', which is no token");
    }
    if (!bytes_.has(*id)) MARQUEE_CHECK(add(*id));
    return *id;
  }

  Vocabulary take() { return std::move(bytes_); }

 private:
  Result<void> add(TokenId id) {
    const auto text = symbols_to_bytes(source_.tokens.text(id));
    if (!text || text->empty()) return {};  // no text can become such a token
    return bytes_.add(id, *text);
  }

  const CheckedVocabulary& source_;
  Vocabulary bytes_;
};

Result<std::vector<Merge>> read_merges(const CheckedVocabulary& source, ByteVocabulary& bytes) {
  const auto& lines = source.source->merges;
  std::vector<Merge> merges;
  merges.reserve(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto line = lines[i];
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return base::corrupt("tokenizer.ggml.merges[" + std::to_string(i) + "] '" + printable_name(line) +
                           "' is not two tokens with a space between them");
    }
    const auto left = line.substr(0, space);
    const auto right = line.substr(space + 1);
    Merge merge;
    MARQUEE_ASSIGN(merge.left, bytes.find(left, i));
    MARQUEE_ASSIGN(merge.right, bytes.find(right, i));
    MARQUEE_ASSIGN(merge.result, bytes.find(std::string(left) + std::string(right), i));
    merge.rank = static_cast<std::uint32_t>(i);
    if (!source.special[merge.result]) merges.push_back(merge);
  }
  return merges;
}

}  // namespace

Result<void> build_byte_level_bpe(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  MARQUEE_ASSIGN(auto recipe, pre_tokenizer_recipe(vocabulary.source->pre));
  if (vocabulary.source->merges.empty()) return base::corrupt("tokenizer.ggml.merges is missing or empty");
  ByteVocabulary bytes(vocabulary);
  MARQUEE_CHECK(bytes.add_normal_tokens());
  MARQUEE_ASSIGN(const auto merges, read_merges(vocabulary, bytes));
  BpeOptions options;
  options.byte_level = true;
  options.ignore_merges = recipe.ignore_merges;
  parts.model = std::make_unique<BpeModel>(std::move(options), bytes.take(), merges);
  parts.takes_any_bytes = !recipe.nfc;
  if (vocabulary.source->add_space_prefix.value_or(false)) recipe.stages.insert(recipe.stages.begin(), PrefixSpace{});
  parts.pre_tokenizer = PreTokenizer(std::move(recipe.stages));
  if (recipe.nfc) parts.normalizer = Normalizer({UnicodeForm::kNfc});
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    const auto text = vocabulary.tokens.text(static_cast<TokenId>(i));
    const auto bytes_of_token = vocabulary.types[i] == GgufTokenType::kNormal ? symbols_to_bytes(text) : std::nullopt;
    parts.texts.push_back(bytes_of_token ? *bytes_of_token : text);
  }
  add_ends(*vocabulary.source, recipe.add_bos, false, parts);
  return {};
}

}  // namespace marquee::formats
