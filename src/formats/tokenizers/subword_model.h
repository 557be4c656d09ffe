#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// Memory that models use again from piece to piece. One for each encoding in progress.
struct SubwordScratch {
  struct Symbol {
    TokenId id;
    std::uint32_t rank;  ///< of the merge with the next symbol
    std::int32_t previous;
    std::int32_t next;
  };
  struct PathNode {
    double score;
    std::int32_t start;  ///< -1: not reached
    TokenId id;
  };
  std::vector<Symbol> symbols;
  std::vector<std::uint64_t> queue;
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> ranks;
  std::vector<PathNode> path;
};

/// Cuts a piece of text that pre-tokenisation has found into tokens. Immutable; safe to use from many threads.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  /// Appends the ids of `piece`, of at most kMaxPieceBytes, to `ids`.
  virtual void encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const = 0;
};

/// Longer pieces are cut before they come to a model, so that positions fit 32 bits.
constexpr std::size_t kMaxPieceBytes = 1U << 30;

}  // namespace marquee::formats
