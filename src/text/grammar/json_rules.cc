#include "text/grammar/json_rules.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace marquee::text::grammar {

namespace json = base::json;

namespace {

constexpr std::uint32_t kMaxIndent = 20;
constexpr double kLargestPlainDouble = 1e15;

/// What stands in a string as itself.
const CharClass& plain_characters() {
  static const CharClass plain = {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kMaxCodePoint}};
  return plain;
}

const CharClass kDigits = {{'0', '9'}};
const CharClass kHexDigits = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};

}  // namespace

struct JsonRules::NameNode {
  bool is_name = false;
  std::map<char32_t, NameNode> next = {};
};

std::string json_text(const json::value& value) {
  if (!value.is_double()) return json::serialize(value);
  const double number = value.get_double();
  if (std::abs(number) < kLargestPlainDouble && number == std::floor(number)) return fmt::format("{:.0f}", number);
  return fmt::format("{}", number);
}

// Declared before it is made, so that a rule may refer to itself.
template <typename Make>
ExprId JsonRules::shared_rule(std::optional<RuleId>& rule, std::string_view name, const Make& make) {
  if (!rule) {
    rule = grammar_.declare(std::string(name), true);
    if (grammar_.full()) return grammar_.nothing();
    grammar_.define(*rule, make());
  }
  return grammar_.reference(*rule);
}

ExprId JsonRules::space() {
  return shared_rule(space_, "space", [this] {
    const ExprId indent = grammar_.repeat(grammar_.char_class({{' ', ' '}, {'\t', '\t'}}), 0, kMaxIndent);
    return grammar_.choice(
        {grammar_.literal(""), grammar_.literal(" "), grammar_.sequence({grammar_.literal("\n"), indent})});
  });
}

ExprId JsonRules::comma() { return grammar_.sequence({space(), grammar_.literal(","), space()}); }

ExprId JsonRules::quoted(ExprId content) {
  return grammar_.sequence({grammar_.literal("\""), content, grammar_.literal("\"")});
}

// A surrogate only as the first or second half of a pair.
ExprId JsonRules::hex_escape() {
  const auto hex = [this](std::uint32_t count) {
    return grammar_.repeat(grammar_.char_class(kHexDigits), count, count);
  };
  const auto one_of = [this](CharClass ranges) { return grammar_.char_class(std::move(ranges)); };
  const CharClass not_d = {{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}};
  const CharClass d = {{'D', 'D'}, {'d', 'd'}};
  return grammar_.sequence(
      {grammar_.literal("u"),
       grammar_.choice(
           {grammar_.sequence({one_of(not_d), hex(3)}), grammar_.sequence({one_of(d), one_of({{'0', '7'}}), hex(2)}),
            grammar_.sequence({one_of(d), one_of({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex(2), grammar_.literal("\\u"),
                               one_of(d), one_of({{'C', 'F'}, {'c', 'f'}}), hex(2)})})});
}

ExprId JsonRules::string() {
  return shared_rule(string_, "string", [this] {
    const ExprId simple = grammar_.char_class(
        {{'"', '"'}, {'/', '/'}, {'\\', '\\'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}});
    const ExprId escape = grammar_.sequence({grammar_.literal("\\"), grammar_.choice({simple, hex_escape()})});
    return quoted(grammar_.repeat(grammar_.choice({grammar_.char_class(plain_characters()), escape}), 0, kUnbounded));
  });
}

ExprId JsonRules::character(const CharClass& ranges) {
  std::vector<ExprId> options;
  const CharClass plain = intersected(ranges, plain_characters());
  if (!plain.empty()) options.push_back(grammar_.char_class(plain));
  constexpr std::pair<char32_t, std::string_view> kShort[] = {{'"', R"(\")"},  {'\\', R"(\\)"}, {'\b', R"(\b)"},
                                                              {'\f', R"(\f)"}, {'\n', R"(\n)"}, {'\r', R"(\r)"},
                                                              {'\t', R"(\t)"}};
  CharClass named;
  for (const auto& [code_point, text] : kShort) {
    named.push_back({code_point, code_point});
    if (!intersected(ranges, {{code_point, code_point}}).empty()) options.push_back(grammar_.literal(text));
  }
  const CharClass others = intersected(intersected(ranges, {{0, 0x1F}}), inverted(normalised(named)));
  for (const CodePointRange& range : others) {
    for (char32_t c = range.low; c <= range.high; ++c) {
      options.push_back(grammar_.literal(fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c))));
    }
  }
  return grammar_.choice(std::move(options));
}

ExprId JsonRules::string_of_length(std::uint32_t min, std::uint32_t max) {
  const ExprId escape = grammar_.sequence(
      {grammar_.literal("\\"), grammar_.char_class({{'"', '"'}, {'\\', '\\'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}})});
  return quoted(grammar_.repeat(grammar_.choice({grammar_.char_class(plain_characters()), escape}), min, max));
}

ExprId JsonRules::digits(std::uint32_t min, std::uint32_t max) {
  return grammar_.repeat(grammar_.char_class(kDigits), min, max);
}

ExprId JsonRules::whole_number() {
  return grammar_.sequence(
      {grammar_.optional(grammar_.literal("-")),
       grammar_.choice({grammar_.literal("0"),
                        grammar_.sequence({grammar_.char_class({{'1', '9'}}), digits(0, kMaxIntegerDigits - 1)})})});
}

ExprId JsonRules::integer() {
  return shared_rule(integer_, "integer", [this] { return whole_number(); });
}

ExprId JsonRules::number() {
  return shared_rule(number_, "number", [this] {
    const ExprId fraction = grammar_.sequence({grammar_.literal("."), digits(1, kMaxFractionDigits)});
    const ExprId exponent = grammar_.sequence({grammar_.char_class({{'E', 'E'}, {'e', 'e'}}),
                                               grammar_.optional(grammar_.char_class({{'+', '+'}, {'-', '-'}})),
                                               digits(1, kMaxExponentDigits)});
    return grammar_.sequence({whole_number(), grammar_.optional(fraction), grammar_.optional(exponent)});
  });
}

ExprId JsonRules::boolean() { return grammar_.choice({grammar_.literal("true"), grammar_.literal("false")}); }
ExprId JsonRules::null() { return grammar_.literal("null"); }

ExprId JsonRules::value() {
  return shared_rule(value_, "value", [this] {
    return grammar_.choice({object(), array(), string(), number(), boolean(), null()});
  });
}

ExprId JsonRules::bracketed(std::string_view open, ExprId content, std::string_view close) {
  return grammar_.sequence({grammar_.literal(open), space(), content, space(), grammar_.literal(close)});
}

ExprId JsonRules::object() {
  return shared_rule(object_, "object", [this] {
    const ExprId pair = grammar_.sequence({string(), space(), grammar_.literal(":"), space(), value()});
    const ExprId more = grammar_.repeat(grammar_.sequence({comma(), pair}), 0, kUnbounded);
    return bracketed("{", grammar_.optional(grammar_.sequence({pair, more})), "}");
  });
}

ExprId JsonRules::array() {
  return shared_rule(array_, "array", [this] {
    const ExprId more = grammar_.repeat(grammar_.sequence({comma(), value()}), 0, kUnbounded);
    return bracketed("[", grammar_.optional(grammar_.sequence({value(), more})), "]");
  });
}

ExprId JsonRules::key(std::string_view name) {
  return grammar_.sequence(
      {grammar_.literal(json::serialize(json::string(name))), space(), grammar_.literal(":"), space()});
}

ExprId JsonRules::other_key(const std::vector<std::string_view>& names) {
  NameNode root;
  for (std::string_view name : names) {
    NameNode* node = &root;
    while (!name.empty()) {
      const auto decoded = base::decode_utf8(name);
      node = &node->next[decoded.code_point];
      name.remove_prefix(decoded.length);
    }
    node->is_name = true;
  }
  return grammar_.sequence({quoted(name_except(root)), space(), grammar_.literal(":"), space()});
}

ExprId JsonRules::name_except(const NameNode& node) {
  std::vector<ExprId> options;
  if (!node.is_name) options.push_back(grammar_.literal(""));
  CharClass used;
  for (const auto& [code_point, next] : node.next) {
    if (grammar_.full()) break;
    used.push_back({code_point, code_point});
    if (intersected({{code_point, code_point}}, plain_characters()).empty()) continue;
    options.push_back(grammar_.sequence({grammar_.char_class({{code_point, code_point}}), name_except(next)}));
  }
  const CharClass others = intersected(inverted(normalised(used)), plain_characters());
  options.push_back(grammar_.sequence(
      {grammar_.char_class(others), grammar_.repeat(grammar_.char_class(plain_characters()), 0, kUnbounded)}));
  return grammar_.choice(std::move(options));
}

ExprId JsonRules::constant(const json::value& value) {
  const auto listed = [this](std::vector<ExprId> items) {
    std::vector<ExprId> parts;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) parts.push_back(comma());
      parts.push_back(items[i]);
    }
    return grammar_.sequence(std::move(parts));
  };
  std::vector<ExprId> items;
  if (value.is_array()) {
    for (const json::value& item : value.get_array()) items.push_back(constant(item));
    return bracketed("[", listed(std::move(items)), "]");
  }
  if (value.is_object()) {
    for (const auto& entry : value.get_object()) {
      items.push_back(grammar_.sequence({key(entry.key()), constant(entry.value())}));
    }
    return bracketed("{", listed(std::move(items)), "}");
  }
  return grammar_.literal(json_text(value));
}

}  // namespace marquee::text::grammar
