#include "text/words/word2vec_parameters.h"

#include <algorithm>

namespace marquee::text::words {

InputRows::InputRows(const Vocabulary& vocabulary, const SubwordSettings& settings)
    : words_(vocabulary.size()), starts_(1, 0) {
  std::vector<std::uint32_t> all;
  std::vector<std::size_t> ends;
  for (std::size_t word = 0; word < words_; ++word) {
    append_ngram_buckets(vocabulary.word(static_cast<std::int32_t>(word)), settings, all);
    ends.push_back(all.size());
  }
  buckets_ = all;
  std::sort(buckets_.begin(), buckets_.end());
  buckets_.erase(std::unique(buckets_.begin(), buckets_.end()), buckets_.end());
  buckets_.shrink_to_fit();
  rows_.reserve(all.size() + words_);
  std::size_t at = 0;
  for (std::size_t word = 0; word < words_; ++word) {
    rows_.push_back(static_cast<std::int32_t>(word));
    for (; at < ends[word]; ++at) {
      const auto found = std::lower_bound(buckets_.begin(), buckets_.end(), all[at]);
      rows_.push_back(static_cast<std::int32_t>(words_ + static_cast<std::size_t>(found - buckets_.begin())));
    }
    starts_.push_back(rows_.size());
  }
}

base::Result<Word2VecParameters> Word2VecParameters::create(const Vocabulary& vocabulary,
                                                            const Word2VecSettings& settings) {
  const bool has_subwords = settings.subwords.max_length > 0;
  Word2VecParameters parameters{
      .settings = settings,
      .input_rows = has_subwords ? InputRows(vocabulary, settings.subwords) : InputRows(vocabulary.size())};
  const auto columns = static_cast<std::size_t>(settings.dimensions);
  MARQUEE_ASSIGN(parameters.inputs, RowMatrix::create(parameters.input_rows.rows(), columns));
  if (settings.loss == WordLoss::kNegativeSampling) {
    parameters.negatives = negative_table(vocabulary.counts(), settings.negative_power);
    MARQUEE_ASSIGN(parameters.outputs, RowMatrix::create(vocabulary.size(), columns));
  } else {
    parameters.tree.emplace(vocabulary.counts());
    MARQUEE_ASSIGN(parameters.outputs, RowMatrix::create(parameters.tree->inner_nodes(), columns));
  }
  parameters.keep = keep_thresholds(vocabulary.counts(), settings.sample);
  // As gensim and fastText begin; word2vec has half of it, which short texts feel (analogies of test_words.py: -5 %).
  const float spread = 2.0F / static_cast<float>(settings.dimensions);
  for (std::size_t row = 0; row < parameters.inputs.rows(); ++row) {
    SplitMix64 random(settings.seed, row);
    float* values = parameters.inputs.row(row);
    for (std::size_t i = 0; i < columns; ++i) values[i] = spread * random.centred();
  }
  return parameters;
}

}  // namespace marquee::text::words
