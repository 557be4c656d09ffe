#include "text/grammar/matcher.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace marquee::text::grammar {
namespace {

constexpr std::size_t kFewFrames = 1U << 15U;

void set_bit(std::vector<std::uint64_t>& words, formats::TokenId id) {
  words[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(id) % 64);
}

void add_mask(const StateMask& mask, std::vector<std::uint64_t>& words) {
  for (std::size_t i = 0; i < mask.words.size(); ++i) words[i] |= mask.words[i];
  for (const formats::TokenId id : mask.few) set_bit(words, id);
}

base::Error failure(std::string message) { return {base::ErrorCode::kFailedPrecondition, std::move(message)}; }

}  // namespace

Matcher::Matcher(std::shared_ptr<const TokenGrammar> grammar, MatcherOptions options)
    : grammar_(std::move(grammar)), options_(options), frames_limit_(kFewFrames) {
  start_position(grammar_->automaton(), frames_, position_);
}

base::Result<TokenMask> Matcher::mask() {
  if (ended_) return failure("the text has ended already");
  for (const KnownMask& known : known_) {
    if (!known.words.empty() && known.first == first() && known.position == position_) return TokenMask(known.words);
  }
  KnownMask& known = known_[next_known_];
  next_known_ = (next_known_ + 1) % known_.size();
  known.words.assign(grammar_->vocabulary().mask_words(), 0);
  walk_.reset_work();
  const std::size_t held = frames_.size();
  const bool filled = fill(known.words);
  frames_.truncate(held);
  if (!filled) {
    known.words.clear();
    return failure("the grammar can be read in too many ways at this point");
  }
  if (std::all_of(known.words.begin(), known.words.end(), [](std::uint64_t word) { return word == 0; })) {
    known.words.clear();
    return failure("no token of this model's vocabulary goes on with the grammar");
  }
  known.position = position_;
  known.first = first();
  return TokenMask(known.words);
}

bool Matcher::fill(std::vector<std::uint64_t>& words) {
  if (position_.done && options_.end_tokens) {
    for (const formats::TokenId id : grammar_->vocabulary().end_tokens()) set_bit(words, id);
  }
  if (position_.overflow) return false;
  const TokenVocabulary& vocabulary = grammar_->vocabulary();
  if (first() && vocabulary.start_differs()) return fill_from_tree(vocabulary.at_start(), words);
  if (!fill_from_states(words)) return false;
  return grammar_->automaton().classes_exact() || fill_from_tree(vocabulary.long_ones(), words);
}

bool Matcher::fill_from_tree(const TokenTree& tree, std::vector<std::uint64_t>& words) {
  return walk_.run(
      grammar_->automaton(), frames_, tree, 0, position_,
      [&](std::uint32_t node) {
        for (const formats::TokenId id : tree.tokens_at(node)) set_bit(words, id);
      },
      [](std::uint32_t) {});
}

bool Matcher::fill_from_states(std::vector<std::uint64_t>& words) {
  Position returned;
  FrameId returned_to = kBottom;
  for (const Head& head : position_.heads) {
    const auto mask = grammar_->state_mask(head.state, walk_);
    if (!mask) return false;
    add_mask(*mask, words);
    if (head.below == kBottom || mask->rule_ends.empty()) continue;
    if (returned_to != head.below) {
      returned.clear();
      add_return(grammar_->automaton(), frames_, head.below, returned);
      returned_to = head.below;
    }
    if (!fill_behind(*mask, returned, words)) return false;
  }
  return true;
}

/// Tokens in the middle of which the rule of a state ends.
bool Matcher::fill_behind(const StateMask& mask, const Position& returned, std::vector<std::uint64_t>& words) {
  const TokenTree& tree = grammar_->tree();
  const auto allow = [&](std::uint32_t node) {
    for (const formats::TokenId id : tree.tokens_at(node)) set_bit(words, id);
  };
  return std::all_of(mask.rule_ends.begin(), mask.rule_ends.end(), [&](std::uint32_t node) {
    return walk_.run(grammar_->automaton(), frames_, tree, node, returned, allow, [](std::uint32_t) {});
  });
}

base::Result<void> Matcher::accept(formats::TokenId id) {
  if (ended_) return failure("the text has ended already");
  const bool ends = grammar_->vocabulary().is_end(id);
  const std::string_view bytes = grammar_->vocabulary().bytes(id, first());
  Position reached = position_;
  bool readable = ends ? position_.done : !bytes.empty();
  for (std::size_t i = 0; i < bytes.size() && readable; ++i) {
    advance(grammar_->automaton(), frames_, reached, static_cast<std::uint8_t>(bytes[i]), next_);
    std::swap(reached, next_);
    readable = !reached.dead() && !reached.overflow;
  }
  if (!readable) return failure("the grammar does not allow token " + std::to_string(id) + " here");
  position_ = std::move(reached);
  ended_ = ends;
  ++accepted_;
  if (frames_.size() > frames_limit_) keep_frames();
  return {};
}

/// Forgets the frames that no stack stands on.
void Matcher::keep_frames() {
  std::vector<bool> used(frames_.size(), false);
  for (const Head& head : position_.heads) {
    for (FrameId id = head.below; id != kBottom && !used[id]; id = frames_.at(id).below) used[id] = true;
  }
  Frames kept;
  std::vector<FrameId> moved(frames_.size(), kBottom);
  for (FrameId id = 1; id < frames_.size(); ++id) {  // a frame comes after the one below it
    if (used[id]) moved[id] = kept.intern(frames_.at(id).target, moved[frames_.at(id).below]);
  }
  for (Head& head : position_.heads) head.below = moved[head.below];
  std::sort(position_.heads.begin(), position_.heads.end());
  frames_ = std::move(kept);
  frames_limit_ = std::max(kFewFrames, frames_.size() * 2);
  for (KnownMask& known : known_) known.words.clear();
}

}  // namespace marquee::text::grammar
