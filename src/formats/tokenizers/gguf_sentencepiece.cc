#include <algorithm>
#include <bitset>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/tokenizers/bpe_model.h"
#include "formats/tokenizers/token_decoder.h"
#include "formats/tokenizers/tokenizer_gguf.h"
#include "formats/tokenizers/unigram_model.h"

namespace marquee::formats {

using base::Result;

namespace {

constexpr std::string_view kMetaspace = "\xE2\x96\x81";

Result<void> check_scores(const CheckedVocabulary& vocabulary) {
  const auto& scores = vocabulary.source->scores;
  if (scores.empty()) {
    return base::corrupt("tokenizer.ggml.scores is missing, which a '" + vocabulary.source->model +
                         "' tokenizer needs");
  }
  if (std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); })) return {};
  return base::corrupt("tokenizer.ggml.scores has a score that is not a finite number");
}

/// The token for what no other covers.
Result<TokenId> find_unknown(const CheckedVocabulary& vocabulary) {
  if (vocabulary.source->unknown) return *vocabulary.source->unknown;
  const auto found = std::find(vocabulary.types.begin(), vocabulary.types.end(), GgufTokenType::kUnknown);
  if (found != vocabulary.types.end()) return static_cast<TokenId>(found - vocabulary.types.begin());
  return base::corrupt("tokenizer.ggml.unknown_token_id is missing and no token is of the type unknown");
}

Result<Normalizer> make_normalizer(const GgufVocabulary& source) {
  SentencePieceNormalizer stage;
  stage.add_prefix = source.add_space_prefix.value_or(true);
  stage.remove_extra_spaces = source.remove_extra_whitespaces.value_or(false);
  if (!source.precompiled_charsmap.empty()) {
    auto map = Charsmap::parse(source.precompiled_charsmap);
    if (!map) return base::corrupt("tokenizer.ggml.precompiled_charsmap: " + map.error().message);
    stage.map = std::make_shared<const Charsmap>(std::move(*map));
  }
  return Normalizer({std::move(stage)});
}

void write_sentencepiece_texts(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  std::vector<DecoderStage> stages = {DecodeReplace{std::string(kMetaspace), " "}, DecodeByteFallback{}};
  if (vocabulary.source->add_space_prefix.value_or(true)) stages.emplace_back(DecodeStripText{" "});
  const TokenDecoder decoder(std::move(stages));
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    const auto text = vocabulary.tokens.text(static_cast<TokenId>(i));
    parts.texts.push_back(decoder.decode(text, false, false));
    if (decoder.first_differs()) parts.first_texts.push_back(decoder.decode(text, true, false));
  }
}

/// What both kinds of SentencePiece models share.
Result<void> build_shared(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  MARQUEE_ASSIGN(parts.normalizer, make_normalizer(*vocabulary.source));
  write_sentencepiece_texts(vocabulary, parts);
  return {};
}

/// Finds every pair of symbols whose joint text is a token. SentencePiece merges the pair with the best score first,
/// so that scores, counted from the best, are ranks.
class MergeFinder {
 public:
  explicit MergeFinder(const CheckedVocabulary& vocabulary)
      : vocabulary_(vocabulary), next_pseudo_(static_cast<TokenId>(vocabulary.types.size())) {}

  Result<void> run() {
    for (std::size_t i = 0; i < vocabulary_.types.size(); ++i) {
      if (vocabulary_.types[i] != GgufTokenType::kNormal) continue;
      const auto id = static_cast<TokenId>(i);
      const auto text = vocabulary_.tokens.text(id);
      has_length_[text.size()] = true;
      MARQUEE_CHECK(tokens_.add(id, text));
    }
    rank_scores();
    for (std::size_t i = 0; i < vocabulary_.types.size(); ++i) {
      if (vocabulary_.types[i] == GgufTokenType::kNormal) MARQUEE_CHECK(split(static_cast<TokenId>(i)));
    }
    return {};
  }

  const std::vector<Merge>& merges() const { return merges_; }
  Vocabulary take_tokens() { return std::move(tokens_); }

 private:
  void rank_scores() {
    const auto& scores = vocabulary_.source->scores;
    ranked_scores_.assign(scores.begin(), scores.end());
    std::sort(ranked_scores_.begin(), ranked_scores_.end(), std::greater<>());
    ranked_scores_.erase(std::unique(ranked_scores_.begin(), ranked_scores_.end()), ranked_scores_.end());
  }

  [[nodiscard]] std::uint32_t rank_of(TokenId id) const {
    const float score = vocabulary_.source->scores[id];
    const auto found = std::lower_bound(ranked_scores_.begin(), ranked_scores_.end(), score, std::greater<>());
    return static_cast<std::uint32_t>(found - ranked_scores_.begin());
  }

  Result<void> split(TokenId id) {
    const std::string text(tokens_.text(id));
    const std::uint32_t rank = rank_of(id);
    for (std::size_t cut = base::decode_utf8(text).length; cut < text.size();) {
      const auto left = std::string_view(text).substr(0, cut);
      const auto right = std::string_view(text).substr(cut);
      cut += base::decode_utf8(right).length;
      MARQUEE_ASSIGN(const auto left_id, symbol(left));
      if (!left_id) continue;
      MARQUEE_ASSIGN(const auto right_id, symbol(right));
      if (!right_id) continue;
      if (merges_.size() >= kMaxMerges) {
        return base::Error{base::ErrorCode::kTooLarge, "the vocabulary has too many ways to merge its tokens"};
      }
      merges_.push_back({*left_id, *right_id, id, rank});
    }
    return {};
  }

  /// A token, or a code point that is none but may be merged into one.
  Result<std::optional<TokenId>> symbol(std::string_view text) {
    const bool is_char = base::decode_utf8(text).length == text.size();
    if (is_char || has_length_[text.size()]) {
      if (const auto id = tokens_.find(text)) return id;
    }
    if (!is_char) return std::optional<TokenId>{};
    MARQUEE_CHECK(tokens_.add(next_pseudo_, text));
    return std::optional<TokenId>(next_pseudo_++);
  }

  const CheckedVocabulary& vocabulary_;
  TokenId next_pseudo_;
  Vocabulary tokens_;
  std::bitset<kMaxTokenBytes + 1> has_length_;  // of tokens: most cuts need not be looked up
  std::vector<float> ranked_scores_;
  std::vector<Merge> merges_;
};

}  // namespace

Result<void> build_sentencepiece_bpe(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  MARQUEE_CHECK(check_scores(vocabulary));
  MARQUEE_CHECK(build_shared(vocabulary, parts));
  BpeOptions options;
  MARQUEE_ASSIGN(options.unknown, find_unknown(vocabulary));
  options.fuse_unknown = true;
  options.byte_tokens = find_byte_tokens(vocabulary.tokens);
  MergeFinder finder(vocabulary);
  MARQUEE_CHECK(finder.run());
  const auto pseudo_base = static_cast<TokenId>(vocabulary.types.size());
  parts.model = std::make_unique<BpeModel>(std::move(options), finder.take_tokens(), finder.merges(), pseudo_base);
  add_ends(*vocabulary.source, true, false, parts);
  return {};
}

Result<void> build_unigram(const CheckedVocabulary& vocabulary, TokenizerParts& parts) {
  MARQUEE_CHECK(check_scores(vocabulary));
  MARQUEE_CHECK(build_shared(vocabulary, parts));
  UnigramOptions options;
  MARQUEE_ASSIGN(options.unknown, find_unknown(vocabulary));
  options.byte_tokens = find_byte_tokens(vocabulary.tokens);
  const auto& scores = vocabulary.source->scores;
  double lowest = 0;
  std::vector<std::pair<std::string_view, TokenId>> entries;
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
    if (vocabulary.types[i] != GgufTokenType::kNormal) continue;
    const auto id = static_cast<TokenId>(i);
    entries.emplace_back(vocabulary.tokens.text(id), id);
    lowest = std::min(lowest, static_cast<double>(scores[i]));
  }
  options.single_precision = true;
  options.unknown_score = static_cast<float>(lowest - UnigramModel::kUnknownPenalty);
  parts.model = std::make_unique<UnigramModel>(options, PrefixTrie(std::move(entries)),
                                               std::vector<double>(scores.begin(), scores.end()));
  add_ends(*vocabulary.source, false, true, parts);
  return {};
}

}  // namespace marquee::formats
