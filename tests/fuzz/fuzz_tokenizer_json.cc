// tokenizer.json files, and texts through the tokenizers they describe. The input is the file's text, then, after the
// first NUL byte if there is one, a text to encode.
// Links: marquee::formats
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "formats/model_file.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/check_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = input.find('\0');
  const auto text =
      nul == std::string_view::npos ? std::string_view("Hello wörld <s> 你好 \n\n 123") : input.substr(nul + 1);
  const auto tokenizer = marquee::formats::tokenizer_from_json(input.substr(0, nul), "");
  if (!tokenizer) {
    marquee::fuzz::check(!tokenizer.error().message.empty(), "an error says something");
    return 0;
  }
  marquee::fuzz::check_tokenizer(**tokenizer, text);
  return 0;
}
