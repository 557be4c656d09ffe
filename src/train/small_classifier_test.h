#pragma once
// A small classifier and data for it, for tests of training.

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/layers.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/random.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/softmax.h"
#include "train/learner.h"
#include "train/tensor_dataset.h"

namespace marquee::train::testing {

/// Points around `classes` places on a circle, with their class: [n, 2] and [n].
struct Points {
  std::vector<float> x;
  std::vector<std::int32_t> classes;
};

inline Points points(std::int64_t count, std::int32_t classes, std::uint64_t seed, float spread = 0.3F) {
  Points made;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto words = tensor::autograd::philox(static_cast<std::uint64_t>(i), 77, seed);
    const auto which = static_cast<std::int32_t>(words[0] % static_cast<std::uint32_t>(classes));
    const float angle = 6.2831853F * static_cast<float>(which) / static_cast<float>(classes);
    const float radius = spread * std::sqrt(-2.0F * std::log(1.0F - tensor::autograd::unit_float(words[1])));
    const float turn = 6.2831853F * tensor::autograd::unit_float(words[2]);
    made.x.push_back(std::cos(angle) + radius * std::cos(turn));
    made.x.push_back(std::sin(angle) + radius * std::sin(turn));
    made.classes.push_back(which);
  }
  return made;
}

inline TensorDataset dataset(const Points& made) {
  const auto count = static_cast<std::int64_t>(made.classes.size());
  return TensorDataset::make({Tensor::from({count, 2}, std::span<const float>(made.x)),
                              Tensor::from({count}, std::span<const std::int32_t>(made.classes))})
      .value();
}

/// A perceptron with one hidden layer and dropout; batches are {features, classes}.
class SmallClassifier final : public Learner {
 public:
  struct Options {
    std::int64_t in = 2;
    std::int64_t classes = 3;
    float dropout = 0.1F;
    bool batch_norm = false;
  };
  explicit SmallClassifier(const Options& options, std::uint64_t seed = 5)
      : options_(options),
        store_(seed),
        first_(store_, "first", options.in, 16, {.activation = nn::Activation::kTanh}),
        second_(store_, "second", 16, options.classes) {
    if (options.batch_norm) norm_ = std::make_unique<nn::BatchNorm>(store_, "norm", 16);
  }
  SmallClassifier() : SmallClassifier(Options{}) {}

  nn::ParameterStore& parameters() override { return store_; }
  Tensor loss(const Batch& batch) override {
    using namespace tensor::autograd;  // NOLINT
    Tensor hidden = first_(batch.tensors[0]);
    if (norm_) hidden = (*norm_)(hidden, true);
    return cross_entropy(second_(dropout(hidden, options_.dropout)), batch.tensors[1]);
  }
  std::unique_ptr<Evaluator> evaluator() override { return std::make_unique<Counter>(*this); }
  [[nodiscard]] std::string description() const override {
    return "perceptron " + std::to_string(options_.in) + "-16-" + std::to_string(options_.classes);
  }
  Tensor logits(const Tensor& x) const {
    Tensor hidden = first_(x);
    if (norm_) hidden = (*norm_)(hidden, false);
    return second_(hidden);
  }
  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> all;
    for (const auto& list : {store_.parameters(), store_.buffers()}) {
      for (const nn::Parameter& parameter : list) {
        all.insert(all.end(), parameter.value.values().begin(), parameter.value.values().end());
      }
    }
    return all;
  }

 private:
  class Counter final : public Evaluator {
   public:
    explicit Counter(SmallClassifier& classifier) : classifier_(classifier) {}
    void add(const Batch& batch) override {
      const Tensor logits = classifier_.logits(batch.tensors[0]);
      loss_ += batch.weight * tensor::autograd::cross_entropy(logits, batch.tensors[1]).item();
      const Tensor guesses = tensor::autograd::index_of_largest(logits, -1);
      for (std::int64_t i = 0; i < batch.examples; ++i) {
        right_ += guesses.i32_data()[i] == batch.tensors[1].i32_data()[i] ? 1.0 : 0.0;
      }
      count_ += batch.weight;
    }
    Metrics finish() override { return {{"loss", loss_ / count_}, {"accuracy", right_ / count_}}; }

   private:
    SmallClassifier& classifier_;
    double loss_ = 0.0;
    double right_ = 0.0;
    double count_ = 0.0;
  };

  Options options_;
  nn::ParameterStore store_;
  nn::Linear first_;
  nn::Linear second_;
  std::unique_ptr<nn::BatchNorm> norm_;
};

/// A folder that goes with the test.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("marquee_" + name + "_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace marquee::train::testing
