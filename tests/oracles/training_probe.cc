// training_probe CASE.safetensors KEY=VALUE...: trains the network that the values name as
// tests/golden/training/make_training_goldens.py did, and prints how far it came out from what the file says: one line
// "NAME DIFFERENCE" for the losses and for every parameter and buffer, the difference relative to max(1, |expected|).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/optimiser.h"
#include "nn/recurrent.h"
#include "nn/transformer.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/layout.h"
#include "tensor/autograd/pooling.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"
#include "tensor/autograd/softmax.h"

namespace {

using namespace marquee;           // NOLINT: a program of one file
using namespace tensor::autograd;  // NOLINT
using base::Result;

/// The tensors of a case by name.
class CaseFile final : public tensor::WeightSource {
 public:
  explicit CaseFile(std::string prefix, const std::vector<tensor::StoredTensor>& all) : prefix_(std::move(prefix)) {
    for (const auto& stored : all) tensors_[stored.name] = stored;
  }
  Result<tensor::StoredTensor> find(std::string_view name) const override {
    const auto found = tensors_.find(prefix_ + std::string(name));
    if (found == tensors_.end()) return base::not_found("the case has no " + prefix_ + std::string(name));
    return found->second;
  }
  bool contains(std::string_view name) const override { return tensors_.count(prefix_ + std::string(name)) > 0; }
  std::vector<std::string> names() const override { return {}; }

  Result<Tensor> tensor(std::string_view name) const {
    MARQUEE_ASSIGN(const auto stored, find(name));
    Tensor copy = Tensor::empty(Shape(stored.shape), stored.dtype);
    std::memcpy(copy.raw(), stored.bytes.data(), stored.bytes.size());
    return copy;
  }

 private:
  std::string prefix_;
  std::map<std::string, tensor::StoredTensor> tensors_;
};

using Settings = std::map<std::string, std::string>;

std::vector<float> numbers(const Settings& settings, const std::string& key, const std::string& otherwise) {
  const auto found = settings.find(key);
  std::istringstream text(found == settings.end() ? otherwise : found->second);
  std::vector<float> values;
  for (float value = 0.0F; text >> value;) values.push_back(value);
  return values;
}
float number(const Settings& settings, const std::string& key, float otherwise) {
  return numbers(settings, key, std::to_string(otherwise)).at(0);
}
Extent2 pair(const Settings& settings, const std::string& key, const std::string& otherwise) {
  const auto values = numbers(settings, key, otherwise);
  return {static_cast<std::int64_t>(values.at(0)), static_cast<std::int64_t>(values.at(1))};
}

using Inputs = std::map<std::string, Tensor>;
using Network = std::function<Tensor(const Inputs&)>;

Activation activation_of(const std::string& name) {
  const std::map<std::string, Activation> all = {
      {"identity", Activation::kIdentity}, {"silu", Activation::kSilu},      {"gelu_tanh", Activation::kGeluTanh},
      {"gelu_erf", Activation::kGeluErf},  {"relu", Activation::kRelu},      {"leaky_relu", Activation::kLeakyRelu},
      {"tanh", Activation::kTanh},         {"sigmoid", Activation::kSigmoid}};
  return all.at(name);
}

std::vector<std::int32_t> lengths_of(const Inputs& inputs) {
  std::vector<std::int32_t> lengths;
  for (const std::int64_t length : inputs.at("lengths").index_values())
    lengths.push_back(static_cast<std::int32_t>(length));
  return lengths;
}

Network mlp(nn::ParameterStore& store, const Settings& s, const CaseFile& before) {
  const auto out = before.find("2.bias").value().shape.at(0);
  const auto name = s.count("activation") > 0 ? s.at("activation") : "tanh";
  const nn::Linear first(store, "0", 6, 9, {.activation = activation_of(name)});
  const nn::Linear second(store, "2", 9, out);
  return [=](const Inputs& in) { return second(first(in.at("x"))); };
}

Network convolution(nn::ParameterStore& store, const Settings& s, const CaseFile& before) {
  const std::string kind = s.at("network");
  const bool is_alone = before.contains("layer.weight");
  const auto shape = before.find(is_alone ? "layer.weight" : "layer.0.weight").value().shape;
  const ConvolutionOptions options{pair(s, "stride", "1 1"), pair(s, "padding", "0 0"), pair(s, "dilation", "1 1"),
                                   static_cast<std::int64_t>(number(s, "groups", 1.0F))};
  if (kind == "conv_transpose2d") {
    const nn::ConvTranspose2d layer(store, "layer", shape[0], shape[1], {shape[2], shape[3]},
                                    {options, pair(s, "output_padding", "0 0")});
    return [=](const Inputs& in) { return layer(in.at("x")); };
  }
  if (kind == "conv1d") {
    const nn::Conv1d layer(store, "layer", shape[1], shape[0], shape[2], {options});
    return [=](const Inputs& in) { return layer(in.at("x")); };
  }
  const nn::Conv2d layer(store, is_alone ? "layer" : "layer.0", shape[1] * options.groups, shape[0],
                         {shape[2], shape[3]},
                         {options, true, kind.ends_with("_pool") ? Activation::kRelu : Activation::kIdentity});
  if (kind == "conv_max_pool") return [=](const Inputs& in) { return max_pool2d(layer(in.at("x"))); };
  if (kind == "conv_average_pool") {
    return [=](const Inputs& in) { return average_pool2d(layer(in.at("x")), {{3, 3}, {2, 2}, {1, 1}}); };
  }
  if (kind == "conv_batch_norm") {
    const nn::BatchNorm norm(store, "layer.1", shape[0]);
    return [=](const Inputs& in) { return norm(layer(in.at("x")), true); };
  }
  return [=](const Inputs& in) { return layer(in.at("x")); };
}

Network recurrent(nn::ParameterStore& store, const Settings& s) {
  const std::string kind = s.at("network");
  const auto cell = kind == "rnn"   ? nn::RecurrentKind::kRnn
                    : kind == "gru" ? nn::RecurrentKind::kGru
                                    : nn::RecurrentKind::kLstm;
  const nn::Recurrent layer(
      store, "layer", cell, 5, 4,
      {static_cast<std::int64_t>(number(s, "layers", 1.0F)), number(s, "bidirectional", 0.0F) > 0.0F, 0.0F});
  return [=](const Inputs& in) {
    const auto result = layer(in.at("x"), lengths_of(in), true);
    std::vector<Tensor> parts = {result.outputs.reshape({result.outputs.elements()})};
    for (const auto* states : {&result.last.hidden, &result.last.cell}) {
      for (const Tensor& state : *states) parts.push_back(state.reshape({state.elements()}));
    }
    return concatenate(parts, 0);
  };
}

Network transformer(nn::ParameterStore& store, const Settings& s) {
  const std::string kind = s.at("network");
  if (kind == "attention") {
    const nn::MultiHeadAttention layer(store, "layer", 8, 2, 0.0F);
    return [=](const Inputs& in) {
      return layer(in.at("x"), in.at("memory"), {.key_lengths = lengths_of(in), .training = true});
    };
  }
  nn::TransformerSettings settings{.width = 8, .heads = 2, .feed_forward = 12, .layers = 2, .dropout = 0.0F};
  if (kind == "decoder") {
    const nn::TransformerDecoder layer(store, "layer", settings);
    return [=](const Inputs& in) { return layer(in.at("x"), in.at("memory"), {.training = true}); };
  }
  settings.activation = Activation::kGeluErf;
  settings.norm_first = number(s, "norm_first", 0.0F) > 0.0F;
  const nn::TransformerEncoder layer(store, "layer", settings);
  return [=](const Inputs& in) {
    const auto lengths = lengths_of(in);
    const Tensor y = layer(in.at("x"), {.lengths = lengths, .training = true});
    Tensor kept = Tensor::zeros({y.extent(0), y.extent(1), 1});
    for (std::size_t text = 0; text < lengths.size(); ++text) {
      std::fill_n(kept.data() + static_cast<std::int64_t>(text) * y.extent(1), lengths[text], 1.0F);
    }
    return multiply(y, kept);
  };
}

Network build(nn::ParameterStore& store, const Settings& s, const CaseFile& before) {
  const std::string kind = s.at("network");
  if (kind == "mlp") return mlp(store, s, before);
  if (kind.starts_with("conv")) return convolution(store, s, before);
  if (kind == "rnn" || kind == "gru" || kind == "lstm") return recurrent(store, s);
  if (kind == "embedding_norms") {
    const nn::Embedding embedding(store, "embedding", 7, 5, 2);
    const nn::LayerNorm norm(store, "norm", 5);
    const nn::RmsNorm scale(store, "scale", 5);
    const nn::Linear out(store, "out", 5, 3, {.bias = false});
    return [=](const Inputs& in) { return out(scale(norm(embedding(in.at("x"))))); };
  }
  return transformer(store, s);
}

Tensor loss_of(const Settings& s, const Tensor& y, const Tensor& target) {
  const std::string kind = s.count("loss") > 0 ? s.at("loss") : "squared";
  const auto part = [&](std::int64_t i) { return slice(y, 1, 4 * i, 4); };
  if (kind == "squared") return nn::mean_squared_error(y, target);
  if (kind == "binary") return nn::binary_cross_entropy(y, target, number(s, "positive_weight", 1.0F));
  if (kind == "huber") return nn::huber(y, target, number(s, "delta", 1.0F));
  if (kind == "hinge") return nn::hinge(y, target);
  if (kind == "triplet") return nn::triplet(part(0), part(1), part(2), number(s, "margin", 1.0F));
  if (kind == "cosine") return nn::cosine_embedding(part(0), part(1), target, number(s, "margin", 0.0F));
  CrossEntropyOptions options{.label_smoothing = number(s, "smoothing", 0.0F)};
  const auto weights = numbers(s, "class_weights", "");
  if (!weights.empty()) options.class_weights = Tensor::from({static_cast<std::int64_t>(weights.size())}, weights);
  return cross_entropy(y, target, options);
}

Result<nn::OptimiserSettings> optimiser_of(const Settings& s) {
  MARQUEE_ASSIGN(const nn::Method method, nn::method_of(s.at("method")));
  nn::OptimiserSettings settings = nn::OptimiserSettings::of(method);
  settings.weight_decay = number(s, "weight_decay", 0.0F);
  settings.momentum = number(s, "momentum", 0.0F);
  settings.dampening = number(s, "dampening", 0.0F);
  settings.nesterov = number(s, "nesterov", 0.0F) > 0.0F;
  return settings;
}

float difference(std::span<const float> values, std::span<const float> expected) {
  float most = 0.0F;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float apart = std::fabs(values[i] - expected[i]) / std::max(1.0F, std::fabs(expected[i]));
    most = std::isnan(apart) ? apart : std::max(most, apart);
  }
  return most;
}

Result<void> run(const char* path, const Settings& settings) {
  MARQUEE_ASSIGN(const auto file, base::MappedFile::open(path));
  MARQUEE_ASSIGN(const auto stored, formats::parse_safetensors(file.bytes(), path));
  const CaseFile before("before.", stored);
  const CaseFile after("after.", stored);
  Inputs inputs;
  for (const auto& one : stored) {
    if (!one.name.starts_with("input.")) continue;
    MARQUEE_ASSIGN(inputs[one.name.substr(6)], CaseFile("", stored).tensor(one.name));
  }
  base::ThreadPool pool(2);
  ComputeScope scope(pool, 1);
  nn::ParameterStore store(1);
  const Network network = build(store, settings, before);
  MARQUEE_CHECK(store.load(before));
  // PyTorch's optimisers decay every parameter, biases too.
  MARQUEE_ASSIGN(const nn::OptimiserSettings optimiser_settings, optimiser_of(settings));
  nn::Optimiser optimiser(store, optimiser_settings, nn::Decay::kEverything);
  MARQUEE_ASSIGN(const Tensor expected_losses, CaseFile("", stored).tensor("losses"));
  std::vector<float> losses;
  for (std::int64_t step = 0; step < expected_losses.elements(); ++step) {
    store.clear_gradients();
    const Tensor loss = loss_of(settings, network(inputs), inputs.at("target"));
    backward(loss);
    if (const float most = number(settings, "clip", 0.0F); most > 0.0F) nn::clip_gradient_norm(store, most);
    optimiser.step(number(settings, "rate", 0.05F));
    losses.push_back(loss.item());
  }
  std::printf("losses %g\n", difference(losses, expected_losses.values()));
  for (const auto& list : {store.parameters(), store.buffers()}) {
    for (const nn::Parameter& parameter : list) {
      MARQUEE_ASSIGN(const Tensor expected, after.tensor(parameter.name));
      std::printf("%s %g\n", parameter.name.c_str(), difference(parameter.value.values(), expected.values()));
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Settings settings;
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    settings[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  const auto result = run(argv[1], settings);
  if (result) return 0;
  std::fprintf(stderr, "training_probe: %s\n", result.error().message.c_str());
  return 1;
}
