#include "text/words/word2vec_worker.h"

#include <algorithm>
#include <cmath>

namespace marquee::text::words {

namespace {
/// The loss of one step in so many is looked at; it costs a logarithm for each target.
constexpr std::uint64_t kStepsPerLoss = 64;
}  // namespace

Word2VecWorker::Word2VecWorker(Word2VecParameters& parameters)
    : parameters_(parameters),
      kernels_(kernels::training_kernels()),
      word_kernels_(kernels::word_kernels()),
      width_(parameters.inputs.stride()),
      hidden_(width_, 0.0F),
      before_(width_, 0.0F),
      negative_labels_(kernels::kMaxLogisticTargets, 0.0F) {
  negative_labels_[0] = 1.0F;
}

void Word2VecWorker::learn(std::span<const std::int32_t> chunk, std::uint64_t sequence, float rate) {
  random_ = SplitMix64(parameters_.settings.seed, sequence);
  rate_ = rate;
  sentence_.clear();
  for (const std::int32_t word : chunk) {
    if (word == EncodedCorpus::kSentenceEnd) {
      learn_sentence();
      sentence_.clear();
      continue;
    }
    const std::uint32_t keep = parameters_.keep[static_cast<std::size_t>(word)];
    if (keep == 0xFFFFFFFFU || static_cast<std::uint32_t>(random_.next() >> 32U) <= keep) sentence_.push_back(word);
  }
}

void Word2VecWorker::learn_sentence() {
  if (parameters_.settings.model == WordModel::kCbow) return cbow();
  if (parameters_.input_rows.has_subwords()) return skip_gram_of_subwords();
  skip_gram();
}

std::pair<std::size_t, std::size_t> Word2VecWorker::draw_window(std::size_t at) {
  const std::size_t reach = 1 + random_.below(static_cast<std::uint32_t>(parameters_.settings.window));
  return {at > reach ? at - reach : 0, std::min(sentence_.size(), at + reach + 1)};
}

void Word2VecWorker::skip_gram() {
  for (std::size_t at = 0; at < sentence_.size(); ++at) {
    const auto [first, last] = draw_window(at);
    for (std::size_t other = first; other < last; ++other) {
      if (other == at) continue;
      // As in word2vec, the neighbour is the input and the word in the middle the target: over a text it is the same.
      push(parameters_.inputs.row(static_cast<std::size_t>(sentence_[other])), sentence_[at]);
    }
  }
  flush();
}

// The input is a mean of many rows, and a step adds the same to each of them: to their mean, too. So the mean goes
// through all steps of a window, and the rows get what it gained in one go. That is what fastText computes, at the cost
// of one neighbour instead of all.
void Word2VecWorker::skip_gram_of_subwords() {
  for (std::size_t at = 0; at < sentence_.size(); ++at) {
    const auto [first, last] = draw_window(at);
    if (last - first < 2) continue;
    rows_.clear();
    collect(sentence_[at]);
    average();
    for (std::size_t other = first; other < last; ++other) {
      if (other != at) push(hidden_.data(), sentence_[other]);
    }
    flush();
    give_back();
  }
}

void Word2VecWorker::cbow() {
  for (std::size_t at = 0; at < sentence_.size(); ++at) {
    const auto [first, last] = draw_window(at);
    if (last - first < 2) continue;
    Step& step = steps_[0];
    step.input = hidden_.data();
    draw_targets(step, sentence_[at]);
    rows_.clear();
    for (std::size_t other = first; other < last; ++other) {
      if (other != at) collect(sentence_[other]);
    }
    average();
    take(step);
    give_back();
  }
}

void Word2VecWorker::collect(std::int32_t word) {
  if (!parameters_.input_rows.has_subwords()) {
    rows_.push_back(parameters_.inputs.row(static_cast<std::size_t>(word)));
    return;
  }
  for (const std::int32_t row : parameters_.input_rows.of(word)) {
    rows_.push_back(parameters_.inputs.row(static_cast<std::size_t>(row)));
    prefetch_row(rows_.back(), width_);
  }
}

void Word2VecWorker::average() {
  std::fill(hidden_.begin(), hidden_.end(), 0.0F);
  const float share = 1.0F / static_cast<float>(rows_.size());
  for (const float* row : rows_) kernels_.add_scaled(share, row, width_, hidden_.data());
  before_ = hidden_;
}

void Word2VecWorker::give_back() {
  for (std::size_t i = 0; i < width_; ++i) before_[i] = hidden_[i] - before_[i];
  for (float* row : rows_) kernels_.add_scaled(1.0F, before_.data(), width_, row);
}

void Word2VecWorker::draw_targets(Step& step, std::int32_t word) {
  RowMatrix& outputs = parameters_.outputs;
  if (parameters_.tree) {
    const auto path = parameters_.tree->path(word);
    step.labels = path.labels.data();
    step.targets = path.nodes.size();
    for (std::size_t t = 0; t < step.targets; ++t) step.rows[t] = outputs.row(static_cast<std::size_t>(path.nodes[t]));
  } else {
    step.labels = negative_labels_.data();
    step.targets = 1;
    step.rows[0] = outputs.row(static_cast<std::size_t>(word));
    for (int n = 0; n < parameters_.settings.negative; ++n) {
      const std::int32_t drawn = parameters_.negatives->draw(random_);
      if (drawn != word) step.rows[step.targets++] = outputs.row(static_cast<std::size_t>(drawn));
    }
  }
  for (std::size_t t = 0; t < step.targets; ++t) prefetch_row(step.rows[t], width_);
}

void Word2VecWorker::push(float* input, std::int32_t word) {
  Step& next = steps_[next_step_];
  next.input = input;
  draw_targets(next, word);
  next_step_ = 1 - next_step_;
  if (is_pending_) take(steps_[next_step_]);
  is_pending_ = true;
}

void Word2VecWorker::flush() {
  if (is_pending_) take(steps_[1 - next_step_]);
  is_pending_ = false;
}

void Word2VecWorker::take(const Step& step) {
  float scores[kernels::kMaxLogisticTargets];
  word_kernels_.logistic_step({width_, step.input, step.targets, step.rows, step.labels, rate_, scores});
  if (++taken_ % kStepsPerLoss != 0) return;
  for (std::size_t t = 0; t < step.targets; ++t) {
    // -log sigmoid(score), or of -score where the label is 0
    loss_ += std::log1p(std::exp(static_cast<double>(step.labels[t] > 0.5F ? -scores[t] : scores[t])));
  }
  ++loss_steps_;
}

std::pair<double, std::uint64_t> Word2VecWorker::take_loss() {
  return {std::exchange(loss_, 0.0), std::exchange(loss_steps_, 0)};
}

}  // namespace marquee::text::words
