#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::text::grammar {

/// The bytes of a set of tokens as a tree, laid out depth first. Node 0 is the root.
class TokenTree {
 public:
  struct Node {
    std::uint8_t byte = 0;
    std::uint16_t depth = 0;        ///< bytes from the root
    std::uint32_t end = 0;          ///< the first node behind this one's subtree
    std::uint32_t first_token = 0;  ///< the tokens that end here: tokens()[first_token, next node's first_token)
  };
  struct Entry {
    std::string_view bytes;
    formats::TokenId id;
  };
  TokenTree() : nodes_(2) {}
  explicit TokenTree(std::vector<Entry> entries);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size() - 1); }
  [[nodiscard]] const Node& node(std::uint32_t index) const { return nodes_[index]; }
  [[nodiscard]] std::span<const formats::TokenId> tokens_at(std::uint32_t index) const {
    return {tokens_.data() + nodes_[index].first_token, nodes_[index + 1].first_token - nodes_[index].first_token};
  }
  [[nodiscard]] std::uint16_t depth() const { return depth_; }

 private:
  std::vector<Node> nodes_;  ///< and one behind the last
  std::vector<formats::TokenId> tokens_;
  std::uint16_t depth_ = 0;
};

/// What masks need of a tokenizer, built once for each and shared by all grammars. Tokens that are special, empty or
/// longer than kMaxTokenBytes are never allowed by a grammar; the end tokens are where the text may end.
class TokenVocabulary {
 public:
  static constexpr std::size_t kMaxTokenBytes = 1'024;

  /// The tokenizer must outlive it. @param vocab_size length of the model's logits
  TokenVocabulary(const formats::Tokenizer& tokenizer, std::int32_t vocab_size);

  [[nodiscard]] std::int32_t size() const { return size_; }
  [[nodiscard]] std::size_t mask_words() const { return (static_cast<std::size_t>(size_) + 63) / 64; }
  /// All tokens by the bytes they add in the middle of a text.
  [[nodiscard]] const TokenTree& all() const { return all_; }
  /// Those of up to kClassHorizon bytes, and the others.
  [[nodiscard]] const TokenTree& short_ones() const { return short_; }
  [[nodiscard]] const TokenTree& long_ones() const { return long_; }
  /// By the bytes they add as the first of a text.
  [[nodiscard]] const TokenTree& at_start() const { return start_differs_ ? start_ : all_; }
  [[nodiscard]] bool start_differs() const { return start_differs_; }
  [[nodiscard]] bool is_end(formats::TokenId id) const;
  [[nodiscard]] std::span<const formats::TokenId> end_tokens() const { return end_tokens_; }
  /// The bytes of a token that a grammar may allow; empty for others.
  [[nodiscard]] std::string_view bytes(formats::TokenId id, bool first) const;

 private:
  const formats::Tokenizer* tokenizer_;
  std::int32_t size_;
  std::vector<formats::TokenId> end_tokens_;
  TokenTree all_;
  TokenTree short_;
  TokenTree long_;
  TokenTree start_;
  bool start_differs_ = false;
};

}  // namespace marquee::text::grammar
