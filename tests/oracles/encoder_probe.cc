// encoder_probe FOLDER f32|int8 text|ids [repeats [tokens]]: reads one text a line from standard input, computes them
// in batches of at most so many tokens (512), and writes their vectors (or the outputs of the classification head,
// where the model has one) to standard output as little-endian float32 [lines][width].
//   text: a tab stands between two texts that the model reads together; what is too long is cut
//   ids: where the second text begins (-1: nowhere), then token ids
// With repeats, it computes them so many times more and prints tokens and seconds of each to standard error.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "kernels/cpu.h"
#include "text/encoder_model.h"

namespace {

using marquee::base::Result;
using marquee::formats::TokenId;
namespace text = marquee::text;

struct Line {
  std::vector<TokenId> ids;
  std::size_t second_from = static_cast<std::size_t>(-1);
};

void append(std::vector<TokenId>& to, std::span<const TokenId> ids) { to.insert(to.end(), ids.begin(), ids.end()); }

Result<Line> read_text(const std::string& line, const marquee::formats::Tokenizer& tokenizer, std::size_t most) {
  Line made;
  const std::size_t tab = line.find('\t');
  if (tab == std::string::npos) {
    made.ids = tokenizer.encode(line, {.add_special = true});
    if (made.ids.size() <= most) return made;
    made.ids.resize(most - tokenizer.after().size());
    append(made.ids, tokenizer.after());
    return made;
  }
  const auto* pair = tokenizer.pair();
  if (pair == nullptr) return marquee::base::unsupported("the tokenizer does not say how two texts go together");
  append(made.ids, pair->before);
  append(made.ids, tokenizer.encode(line.substr(0, tab)));
  append(made.ids, pair->between);
  if (pair->second_has_own_type) made.second_from = made.ids.size();
  append(made.ids, tokenizer.encode(line.substr(tab + 1)));
  append(made.ids, pair->after);
  return made;
}

Line read_ids(const std::string& line) {
  std::istringstream stream(line);
  Line made;
  long long second = -1;
  stream >> second;
  if (second >= 0) made.second_from = static_cast<std::size_t>(second);
  for (TokenId id = 0; stream >> id;) made.ids.push_back(id);
  return made;
}

/// The model and what it is asked, sorted by length as the server's batches are.
struct Probe {
  marquee::base::ThreadPool pool{0};
  std::unique_ptr<marquee::formats::ModelFile> file;
  std::unique_ptr<text::EncoderModel> model;
  std::vector<Line> lines;
  std::vector<std::size_t> order;
  std::vector<float> values;
  std::size_t batch_tokens = 512;

  [[nodiscard]] std::size_t width() const {
    return model->facts().labels.empty() ? static_cast<std::size_t>(model->facts().hidden)
                                         : model->facts().labels.size();
  }

  Result<void> compute_batch(marquee::tensor::ComputeContext& context, std::size_t begin, std::size_t end) {
    std::vector<text::EncoderText> texts;
    for (std::size_t i = begin; i < end; ++i) texts.push_back({lines[order[i]].ids, lines[order[i]].second_from});
    std::vector<float> rows(texts.size() * width());
    const marquee::tensor::Matrix out(rows.data(), texts.size(), width());
    MARQUEE_CHECK(model->facts().labels.empty() ? model->embed(context, texts, out)
                                                : model->classify(context, texts, out));
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(&rows[(i - begin) * width()], width(), &values[order[i] * width()]);
    }
    return {};
  }

  Result<void> compute(marquee::tensor::ComputeContext& context) {
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin;
      std::size_t tokens = 0;
      while (end < order.size() && (end == begin || tokens + lines[order[end]].ids.size() <= batch_tokens)) {
        tokens += lines[order[end++]].ids.size();
      }
      MARQUEE_CHECK(compute_batch(context, begin, end));
      begin = end;
    }
    return {};
  }
};

Result<void> read_lines(Probe& probe, bool ids) {
  std::unique_ptr<marquee::formats::Tokenizer> tokenizer;
  if (!ids) {
    MARQUEE_ASSIGN(tokenizer, probe.file->tokenizer());
  }
  const auto most = static_cast<std::size_t>(probe.model->facts().context_length);
  for (std::string line; std::getline(std::cin, line);) {
    if (ids) {
      probe.lines.push_back(read_ids(line));
    } else {
      MARQUEE_ASSIGN(auto made, read_text(line, *tokenizer, most));
      probe.lines.push_back(std::move(made));
    }
    probe.order.push_back(probe.order.size());
  }
  std::stable_sort(probe.order.begin(), probe.order.end(),
                   [&](std::size_t a, std::size_t b) { return probe.lines[a].ids.size() > probe.lines[b].ids.size(); });
  probe.values.resize(probe.lines.size() * probe.width());
  return {};
}

Result<void> run(char** arguments, long repeats, long batch_tokens) {
  MARQUEE_CHECK(marquee::kernels::chosen_isa());
  Probe probe;
  if (batch_tokens > 0) probe.batch_tokens = static_cast<std::size_t>(batch_tokens);
  MARQUEE_ASSIGN(probe.file, marquee::formats::ModelFile::open(arguments[1]));
  const auto precision =
      std::strcmp(arguments[2], "int8") == 0 ? text::EncoderPrecision::kInt8 : text::EncoderPrecision::kFloat32;
  MARQUEE_ASSIGN(probe.model, text::load_encoder_model(*probe.file, precision, probe.pool));
  MARQUEE_CHECK(read_lines(probe, std::strcmp(arguments[3], "ids") == 0));
  marquee::tensor::ComputeContext context{probe.pool};
  MARQUEE_CHECK(probe.compute(context));
  std::size_t tokens = 0;
  for (const Line& line : probe.lines) tokens += line.ids.size();
  for (long i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    MARQUEE_CHECK(probe.compute(context));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "%zu tokens %.6f s\n", tokens, seconds.count());
  }
  if (std::fwrite(probe.values.data(), sizeof(float), probe.values.size(), stdout) != probe.values.size()) {
    return marquee::base::io_error("cannot write the vectors");
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto result =
      run(argv, argc > 4 ? std::strtol(argv[4], nullptr, 10) : 0, argc > 5 ? std::strtol(argv[5], nullptr, 10) : 0);
  if (result) return 0;
  std::fprintf(stderr, "encoder_probe: %s\n", result.error().message.c_str());
  return 1;
}
