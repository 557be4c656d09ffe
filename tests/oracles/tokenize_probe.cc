// tokenize_probe MODEL [MODE] [special] [parse]: reads texts from standard input, each as a length in decimal, a line
// break and its bytes, and answers each with one line.
//   MODEL    a .gguf file, a folder, or a tokenizer.json
//   special  adds the tokens around the text that the file asks for
//   parse    recognises special tokens in the text
// MODE is one of
//   ids      (default) the text's token ids
//   decode   each text is ids with spaces between: their text as hexadecimal, leaving special tokens out
//   pieces   the same, token by token through the streaming detokeniser; "broken" if a piece was not whole UTF-8
//   time     the seconds of processor time that encoding took (of short texts the least of three), those of decoding,
//   the number of ids
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "formats/model_file.h"

namespace {

using marquee::formats::EncodeOptions;
using marquee::formats::TokenId;
using marquee::formats::Tokenizer;

marquee::base::Result<std::unique_ptr<Tokenizer>> load(const std::string& path) {
  if (path.ends_with(".json")) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return marquee::formats::tokenizer_from_json(text, "");
  }
  MARQUEE_ASSIGN(const auto model, marquee::formats::ModelFile::open(path));
  return model->tokenizer();
}

std::string hexadecimal(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

std::vector<TokenId> parse_ids(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<TokenId>(in), {}};
}

std::string answer_ids(const Tokenizer& tokenizer, const std::string& text, EncodeOptions options) {
  std::string line;
  for (const auto id : tokenizer.encode(text, options)) line += std::to_string(id) + ' ';
  return line;
}

std::string answer_pieces(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  marquee::formats::StreamingDetokenizer stream(tokenizer);
  std::string out;
  for (const auto id : ids) {
    const std::string piece = stream.push(id);
    if (!marquee::base::is_valid_utf8(piece)) return "broken";
    out += piece;
  }
  return hexadecimal(out + stream.finish());
}

/// Processor time, so that what else the machine does is left out.
template <typename Work>
double seconds(Work&& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::string answer_time(const Tokenizer& tokenizer, const std::string& text, EncodeOptions options) {
  std::vector<TokenId> ids;
  double encoding = 1e9;
  const int rounds = text.size() < (4U << 20) ? 3 : 1;
  for (int i = 0; i < rounds; ++i) {
    encoding = std::min(encoding, seconds([&] { ids = tokenizer.encode(text, options); }));
  }
  const double decoding = seconds([&] { (void)tokenizer.decode(ids, true); });
  return std::to_string(encoding) + ' ' + std::to_string(decoding) + ' ' + std::to_string(ids.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto tokenizer = load(argv[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return 1;
  }
  const std::set<std::string> modes(argv + 2, argv + argc);
  const EncodeOptions options{modes.count("special") > 0, modes.count("parse") > 0};
  std::size_t length = 0;
  while (std::cin >> length && std::cin.get() == '\n') {
    std::string text(length, '\0');
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(length))) return 2;
    std::string line;
    if (modes.count("decode") > 0) {
      line = hexadecimal((*tokenizer)->decode(parse_ids(text), true));
    } else if (modes.count("pieces") > 0) {
      line = answer_pieces(**tokenizer, parse_ids(text));
    } else if (modes.count("time") > 0) {
      line = answer_time(**tokenizer, text, options);
    } else {
      line = answer_ids(**tokenizer, text, options);
    }
    std::puts(line.c_str());
  }
  return 0;
}
