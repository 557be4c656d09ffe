// logits_probe MODEL CHUNK [max_context]: reads token ids from standard input, whitespace between them, runs them as
// one sequence in pieces of CHUNK tokens (1: cached decoding; 0: all at once) with keys and values kept as F32, and
// writes the logits of every token to standard output as little-endian float32 [tokens][vocab_size].
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "probe_model.h"

namespace {

using marquee::base::Result;
using marquee::formats::TokenId;
using marquee::oracles::ProbeModel;

Result<void> run(const char* path, std::size_t chunk, std::int32_t max_context) {
  MARQUEE_ASSIGN(auto model, ProbeModel::open(path, {marquee::kernels::DType::kF32, max_context, 0}));
  std::vector<TokenId> ids;
  for (TokenId id = 0; std::cin >> id;) ids.push_back(id);
  if (chunk == 0) chunk = ids.size();
  const auto vocabulary = static_cast<std::size_t>(model.facts().vocab_size);
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
    const auto piece = std::span<const TokenId>(ids).subspan(begin, std::min(chunk, ids.size() - begin));
    logits.resize(piece.size() * vocabulary);
    MARQUEE_CHECK(model.run(piece, static_cast<std::int32_t>(begin), logits));
    if (std::fwrite(logits.data(), sizeof(float), logits.size(), stdout) != logits.size()) {
      return marquee::base::io_error("cannot write the logits");
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto max_context = argc > 3 ? static_cast<std::int32_t>(std::strtol(argv[3], nullptr, 10)) : 0;
  const auto result = run(argv[1], std::strtoul(argv[2], nullptr, 10), max_context);
  if (result) return 0;
  std::fprintf(stderr, "logits_probe: %s\n", result.error().message.c_str());
  return 1;
}
