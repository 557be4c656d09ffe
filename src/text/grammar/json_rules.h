#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/grammar/expression.h"

namespace marquee::text::grammar {

/// Digits that a number may have before and after the point, and in its exponent: enough for any double of this size,
/// and a bound for models that would not stop.
constexpr std::uint32_t kMaxIntegerDigits = 19;
constexpr std::uint32_t kMaxFractionDigits = 18;
constexpr std::uint32_t kMaxExponentDigits = 2;

/// The parts of JSON texts (RFC 8259), as rules of one grammar. Between the marks of objects and arrays stands nothing,
/// one space, or a line break with up to 20 spaces or tabs.
class JsonRules {
 public:
  explicit JsonRules(Grammar& grammar) : grammar_(grammar) {}

  ExprId space();
  ExprId comma();  ///< with its space
  ExprId string();
  ExprId number();
  ExprId integer();
  ExprId boolean();
  ExprId null();
  ExprId value();
  ExprId object();
  ExprId array();

  /// One character of a string's value that is in `ranges`, as it stands in the text: itself, or escaped if it must be.
  ExprId character(const CharClass& ranges);
  /// A string of min..max characters. \u escapes are left to string().
  ExprId string_of_length(std::uint32_t min, std::uint32_t max);
  /// `content` between quotation marks.
  ExprId quoted(ExprId content);
  /// `"name"` and the colon.
  ExprId key(std::string_view name);
  /// Any key but `names`, and the colon. Such keys hold no escapes.
  ExprId other_key(const std::vector<std::string_view>& names);
  /// The value itself, numbers as they are usually written.
  ExprId constant(const base::json::value& value);
  /// `[` … `]` or `{` … `}` around what may be empty.
  ExprId bracketed(std::string_view open, ExprId content, std::string_view close);

 private:
  template <typename Make>
  ExprId shared_rule(std::optional<RuleId>& rule, std::string_view name, const Make& make);
  ExprId digits(std::uint32_t min, std::uint32_t max);
  ExprId whole_number();
  ExprId hex_escape();
  struct NameNode;
  ExprId name_except(const NameNode& node);

  Grammar& grammar_;
  std::optional<RuleId> space_;
  std::optional<RuleId> string_;
  std::optional<RuleId> number_;
  std::optional<RuleId> integer_;
  std::optional<RuleId> value_;
  std::optional<RuleId> object_;
  std::optional<RuleId> array_;
};

/// The value as JSON text; doubles with the fewest digits, as an integer if they are one.
std::string json_text(const base::json::value& value);

}  // namespace marquee::text::grammar
