#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"
#include "text/grammar/compile.h"
#include "text/grammar/stacks.h"

namespace marquee::text::grammar {

inline base::Result<std::shared_ptr<const Automaton>> compile_gbnf(std::string_view text) {
  return compile({Source::Kind::kGbnf, std::string(text)});
}
inline base::Result<std::shared_ptr<const Automaton>> compile_schema(std::string_view text) {
  return compile({Source::Kind::kJsonSchema, std::string(text)});
}

inline bool accepts(const Automaton& automaton, std::string_view text) {
  Recognizer recognizer(automaton);
  return recognizer.read(text) && recognizer.can_end();
}

/// Checks which texts a compiled grammar accepts.
inline void expect_texts(const base::Result<std::shared_ptr<const Automaton>>& compiled,
                         const std::vector<std::string>& accepted, const std::vector<std::string>& rejected) {
  ASSERT_TRUE(compiled) << compiled.error().message;
  for (const std::string& text : accepted) EXPECT_TRUE(accepts(**compiled, text)) << text;
  for (const std::string& text : rejected) EXPECT_FALSE(accepts(**compiled, text)) << text;
}

inline void expect_error(const base::Result<std::shared_ptr<const Automaton>>& compiled, std::string_view part) {
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_NE(compiled.error().message.find(part), std::string::npos) << compiled.error().message;
}

/// After n letters a there are 2^n stacks.
inline constexpr std::string_view kManyWays =
    "root ::= p\np ::= \"a\" p \"b\" | \"a\" q \"c\" | \"a\"\nq ::= \"a\" p \"c\" | \"a\" q \"b\" | \"a\"\n";

/// A tokenizer of given tokens. Token 0 ends the text, token 1 is special; the first token of a text leaves out its
/// space if `strips_space`.
class FewTokens final : public formats::Tokenizer {
 public:
  explicit FewTokens(std::vector<std::string> tokens, bool strips_space = false)
      : tokens_(std::move(tokens)), strips_space_(strips_space) {
    tokens_.insert(tokens_.begin(), {"<end>", "<special>"});
  }
  [[nodiscard]] std::vector<formats::TokenId> encode(std::string_view, formats::EncodeOptions) const override {
    return {};
  }
  [[nodiscard]] std::string decode(std::span<const formats::TokenId>, bool) const override { return {}; }
  [[nodiscard]] std::string_view token_bytes(formats::TokenId id) const override {
    return tokens_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] std::string_view first_token_bytes(formats::TokenId id) const override {
    std::string_view bytes = token_bytes(id);
    if (strips_space_ && bytes.starts_with(' ')) bytes.remove_prefix(1);
    return bytes;
  }
  [[nodiscard]] std::int32_t vocab_size() const override { return static_cast<std::int32_t>(tokens_.size()); }
  [[nodiscard]] bool is_special(formats::TokenId id) const override { return id < 2; }
  [[nodiscard]] std::optional<formats::TokenId> find(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] std::optional<formats::TokenId> bos() const override { return std::nullopt; }
  [[nodiscard]] std::optional<formats::TokenId> eos() const override { return 0; }
  [[nodiscard]] std::span<const formats::TokenId> end_tokens() const override { return ends_; }

 private:
  std::vector<std::string> tokens_;
  bool strips_space_;
  std::vector<formats::TokenId> ends_{0};
};

}  // namespace marquee::text::grammar
