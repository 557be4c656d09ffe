// What holding an answer to a grammar costs: compiling, the mask and the step of each token, beside the free sampling
// of sampler_bench.cc. MARQUEE_TEST_MODEL names the model whose vocabulary is used.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/model_file.h"
#include "text/grammar/compile.h"
#include "text/grammar/matcher.h"

namespace marquee::text::grammar {
namespace {

struct Vocabulary {
  std::unique_ptr<formats::ModelFile> file;
  std::unique_ptr<formats::Tokenizer> tokenizer;
};

const Vocabulary* loaded() {
  static const std::unique_ptr<Vocabulary> kLoaded = []() -> std::unique_ptr<Vocabulary> {
    const char* path = std::getenv("MARQUEE_TEST_MODEL");
    if (path == nullptr) return nullptr;
    auto file = formats::ModelFile::open(path);
    if (!file) return nullptr;
    auto tokenizer = (*file)->tokenizer();
    if (!tokenizer) return nullptr;
    return std::make_unique<Vocabulary>(Vocabulary{std::move(*file), std::move(*tokenizer)});
  }();
  return kLoaded.get();
}

constexpr const char* kPerson = R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type":
  "integer", "minimum": 0, "maximum": 150}, "tags": {"type": "array", "items": {"enum": ["new", "old", "vip"]}},
  "address": {"type": "object", "properties": {"street": {"type": "string", "maxLength": 200}, "zip": {"type": "string",
  "pattern": "^[0-9]{5}$"}}, "required": ["street", "zip"], "additionalProperties": false}}, "required": ["name", "age",
  "tags", "address"], "additionalProperties": false})";
constexpr const char* kAnswer =
    R"({"name": "Ada Lovelace, the first to write a program", "age": 36, "tags": ["new", "vip"], "address": )"
    R"({"street": "12 St James's Square, near the library, London", "zip": "12345"}})";

Source source_named(const std::string& name) {
  if (name == "object") return {Source::Kind::kJsonObject, {}};
  return {Source::Kind::kJsonSchema, kPerson};
}

void compile_grammar(benchmark::State& state, const std::string& name) {
  const Source source = source_named(name);
  for (auto _ : state) benchmark::DoNotOptimize(compile(source).has_value());
}
BENCHMARK_CAPTURE(compile_grammar, schema, std::string("schema"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_grammar, object, std::string("object"))->Unit(benchmark::kMillisecond);

void sort_vocabulary(benchmark::State& state) {
  const Vocabulary* const model = loaded();
  if (model == nullptr) return state.SkipWithError("MARQUEE_TEST_MODEL names no model");
  for (auto _ : state) {
    benchmark::DoNotOptimize(TokenVocabulary(*model->tokenizer, model->tokenizer->vocab_size()).size());
  }
}
BENCHMARK(sort_vocabulary)->Unit(benchmark::kMillisecond);

/// A whole answer, per token: with masks that other answers have found already, or (`fresh`) a grammar nobody has used.
void follow(benchmark::State& state, const std::string& name, bool fresh) {
  const Vocabulary* const model = loaded();
  if (model == nullptr) return state.SkipWithError("MARQUEE_TEST_MODEL names no model");
  const auto vocabulary = std::make_shared<const TokenVocabulary>(*model->tokenizer, model->tokenizer->vocab_size());
  const auto automaton = compile(source_named(name)).value();
  const auto ids = model->tokenizer->encode(kAnswer);
  auto grammar = std::make_shared<const TokenGrammar>(automaton, vocabulary);
  std::int64_t tokens = 0;
  for (auto _ : state) {
    if (fresh) grammar = std::make_shared<const TokenGrammar>(automaton, vocabulary);
    Matcher matcher(grammar);
    for (const formats::TokenId id : ids) {
      const auto mask = matcher.mask();
      if (!mask || !is_allowed(*mask, id) || !matcher.accept(id))
        return state.SkipWithError("the answer does not follow");
    }
    tokens += static_cast<std::int64_t>(ids.size());
  }
  state.counters["per_token"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(follow, schema, std::string("schema"), false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(follow, object, std::string("object"), false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(follow, schema_first_time, std::string("schema"), true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(follow, object_first_time, std::string("object"), true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace marquee::text::grammar
