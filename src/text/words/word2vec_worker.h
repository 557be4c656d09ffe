#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/training.h"
#include "kernels/words.h"
#include "text/words/random.h"
#include "text/words/word2vec_parameters.h"

namespace marquee::text::words {

/// One thread's part of a training. It changes parameters that other threads change at the same time.
class Word2VecWorker {
 public:
  explicit Word2VecWorker(Word2VecParameters& parameters);

  /// Learns from one chunk of the corpus. @param sequence of random numbers  @param rate the learning rate
  void learn(std::span<const std::int32_t> chunk, std::uint64_t sequence, float rate);

  /// The loss of a sample of the steps since the last call, and how many they were.
  std::pair<double, std::uint64_t> take_loss();

 private:
  /// One logistic step to come: what it takes was asked for, so that it is in the cache when its turn comes.
  struct Step {
    float* input = nullptr;
    const float* labels = nullptr;
    std::size_t targets = 0;
    float* rows[kernels::kMaxLogisticTargets];
  };

  void learn_sentence();
  void skip_gram();
  void skip_gram_of_subwords();
  void cbow();
  /// The words around the one at `at`: [first, last) but itself.
  std::pair<std::size_t, std::size_t> draw_window(std::size_t at);
  void draw_targets(Step& step, std::int32_t word);
  /// Puts a step in line and takes the one before it.
  void push(float* input, std::int32_t word);
  void flush();
  void take(const Step& step);
  /// rows_ of a word, added to what is there.
  void collect(std::int32_t word);
  /// hidden_ = the mean of rows_
  void average();
  /// What hidden_ has become, less what it was, is added to all rows_.
  void give_back();

  Word2VecParameters& parameters_;
  const kernels::TrainingKernels& kernels_;
  const kernels::WordKernels& word_kernels_;
  std::size_t width_;  ///< of rows, with what pads them
  SplitMix64 random_{0, 0};
  float rate_ = 0.0F;
  std::vector<std::int32_t> sentence_;  ///< without what was left out
  std::vector<float> hidden_;
  std::vector<float> before_;
  std::vector<float*> rows_;
  std::vector<float> negative_labels_;
  Step steps_[2];
  std::size_t next_step_ = 0;
  bool is_pending_ = false;
  std::uint64_t taken_ = 0;
  double loss_ = 0.0;
  std::uint64_t loss_steps_ = 0;
};

}  // namespace marquee::text::words
