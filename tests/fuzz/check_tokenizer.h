#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "formats/tokenizer.h"
#include "tests/fuzz/check.h"

namespace marquee::fuzz {

/// Encodes and decodes `text`, and holds the tokenizer to what formats/tokenizer.h promises.
inline void check_tokenizer(const formats::Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.encode(text, {.add_special = special, .parse_special = special});
    formats::StreamingDetokenizer stream(tokenizer);
    std::string pieces;
    for (const auto id : ids) {
      check(id >= 0 && id < tokenizer.vocab_size(), "ids are inside the vocabulary");
      const std::string piece = stream.push(id);
      check(base::is_valid_utf8(piece), "no piece ends inside a character");
      pieces += piece;
    }
    pieces += stream.finish();
    check(pieces == tokenizer.decode(ids, true), "the pieces together are the decoded text");
    check(base::is_valid_utf8(pieces), "a decoded text is UTF-8");
  }
  for (const auto id : tokenizer.end_tokens()) check(id >= 0 && id < tokenizer.vocab_size(), "end tokens exist");
}

}  // namespace marquee::fuzz
