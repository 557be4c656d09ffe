// Grammars and JSON Schemas, compiled and followed by texts. The first byte says which; the text comes after the first
// NUL byte.
// Links: marquee::text
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/check.h"
#include "text/grammar/compile.h"
#include "text/grammar/stacks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace grammar = marquee::text::grammar;
  using marquee::fuzz::check;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t nul = input.find('\0');
  const auto kind = data[0] % 2 == 0 ? grammar::Source::Kind::kGbnf : grammar::Source::Kind::kJsonSchema;
  const auto compiled = grammar::compile({kind, std::string(input.substr(0, nul))},
                                         {.time = std::chrono::seconds(2), .bytes = 4U << 20U});
  if (!compiled) {
    check(!compiled.error().message.empty(), "an error says something");
    return 0;
  }
  if (nul == std::string_view::npos) return 0;
  grammar::Recognizer recognizer(**compiled);
  const std::string_view text = input.substr(nul + 1);
  bool alive = true;
  for (const char c : text) {
    const bool now = recognizer.read(std::string_view(&c, 1));
    check(alive || !now, "what cannot be read stays so");
    alive = now;
  }
  check(alive || !recognizer.can_end(), "only what can be read can end");
  return 0;
}
