// tokenize_probe MODEL [special] [parse] [decode] [time]: reads texts from standard input, each as a length in decimal,
// a line break and its bytes, and prints the ids of each on a line of its own.
//   MODEL  a .gguf file, a folder, or a tokenizer.json
//   decode prints the text of the ids (skipping special tokens) as hexadecimal instead
//   pieces as decode, through the streaming detokeniser
//   time   prints nothing but the seconds that encoding took, once per text, with the number of ids
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "formats/model_file.h"

namespace {

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

void print(const Tokenizer& tokenizer, const std::string& text, const std::set<std::string>& modes) {
  const auto start = std::chrono::steady_clock::now();
  const auto ids = tokenizer.encode(text, {modes.count("special") > 0, modes.count("parse") > 0});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (modes.count("time") > 0) {
    std::printf("%.4f %zu\n", took.count(), ids.size());
  } else if (modes.count("decode") > 0) {
    std::printf("%s\n", hexadecimal(tokenizer.decode(ids, true)).c_str());
  } else if (modes.count("pieces") > 0) {
    marquee::formats::StreamingDetokenizer stream(tokenizer);
    std::string out;
    for (const auto id : ids) out += stream.push(id);
    std::printf("%s\n", hexadecimal(out + stream.finish()).c_str());
  } else {
    std::string line;
    for (const auto id : ids) line += std::to_string(id) + ' ';
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto start = std::chrono::steady_clock::now();
  auto tokenizer = load(argv[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return 1;
  }
  const std::set<std::string> modes(argv + 2, argv + argc);
  if (modes.count("time") > 0) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::fprintf(stderr, "load %.4f\n", took.count());
  }
  std::size_t length = 0;
  while (std::cin >> length && std::cin.get() == '\n') {
    std::string text(length, '\0');
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(length))) return 2;
    print(**tokenizer, text, modes);
  }
  return 0;
}
