#include "text/encoder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "text/config_reader.h"
#include "text/decoder_config.h"
#include "text/decoder_families.h"

namespace marquee::text {

using base::Result;

namespace {

using tensor::Activation;

constexpr std::array<std::string_view, 1> kBertTypes = {"bert"};
constexpr std::array<std::string_view, 1> kDistilBertTypes = {"distilbert"};
constexpr std::array<std::string_view, 3> kRobertaTypes = {"roberta", "xlm-roberta", "camembert"};

constexpr EncoderTensorNames kBertNames = {.prefix = "bert.",
                                           .layer = "encoder.layer.",
                                           .query = "attention.self.query",
                                           .key = "attention.self.key",
                                           .value = "attention.self.value",
                                           .attention_out = "attention.output.dense",
                                           .attention_norm = "attention.output.LayerNorm",
                                           .up = "intermediate.dense",
                                           .down = "output.dense",
                                           .feed_forward_norm = "output.LayerNorm",
                                           .head_inner = "pooler.dense",
                                           .head_out = "classifier",
                                           .head_inner_has_prefix = true};

constexpr EncoderTensorNames roberta_names() {
  EncoderTensorNames names = kBertNames;
  names.prefix = "roberta.";
  names.head_inner = "classifier.dense";
  names.head_out = "classifier.out_proj";
  names.head_inner_has_prefix = false;
  return names;
}

constexpr EncoderTensorNames kDistilBertNames = {.prefix = "distilbert.",
                                                 .layer = "transformer.layer.",
                                                 .query = "attention.q_lin",
                                                 .key = "attention.k_lin",
                                                 .value = "attention.v_lin",
                                                 .attention_out = "attention.out_lin",
                                                 .attention_norm = "sa_layer_norm",
                                                 .up = "ffn.lin1",
                                                 .down = "ffn.lin2",
                                                 .feed_forward_norm = "output_layer_norm",
                                                 .head_inner = "pre_classifier",
                                                 .head_out = "classifier"};

ConfigReader reader_of(const formats::ModelFile& file) {
  return {file.metadata(), (file.path() / "config.json").string()};
}

/// The keys of config.json that DistilBERT spells its own way.
struct EncoderKeys {
  std::string_view hidden, layers, heads, feed_forward, activation;
};
constexpr EncoderKeys kBertKeys = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                                   "hidden_act"};
constexpr EncoderKeys kDistilBertKeys = {"dim", "n_layers", "n_heads", "hidden_dim", "activation"};

Result<void> read_encoder_dimensions(const ConfigReader& reader, const EncoderKeys& keys, EncoderConfig& config) {
  MARQUEE_ASSIGN(config.vocab_size, reader.integer("vocab_size", {1, kMaxVocabulary}));
  MARQUEE_ASSIGN(config.hidden, reader.integer(keys.hidden, {1, kMaxHidden}));
  MARQUEE_ASSIGN(config.layers, reader.integer(keys.layers, {1, kMaxLayers}));
  MARQUEE_ASSIGN(config.heads, reader.integer(keys.heads, {1, kMaxHeads}));
  MARQUEE_ASSIGN(config.feed_forward, reader.integer(keys.feed_forward, {1, kMaxFeedForward}));
  MARQUEE_ASSIGN(config.positions, reader.integer("max_position_embeddings", {1, kMaxContext}));
  return read_activation(reader, keys.activation, config.activation);
}

Result<void> read_bert_like(const ConfigReader& reader, EncoderConfig& config) {
  MARQUEE_CHECK(read_encoder_dimensions(reader, kBertKeys, config));
  MARQUEE_ASSIGN(config.token_types, reader.integer_or("type_vocab_size", {1, 1 << 16}, 2));
  MARQUEE_ASSIGN(const double epsilon, reader.number_or("layer_norm_eps", {0.0, 1.0}, 1e-12));
  config.norm_epsilon = static_cast<float>(epsilon);
  MARQUEE_ASSIGN(const auto kind, reader.text_or("position_embedding_type", "absolute"));
  if (kind != "absolute") {
    return reader.unsupported("position_embedding_type", fmt::format("is '{}'; only 'absolute' is supported", kind));
  }
  MARQUEE_ASSIGN(const bool is_decoder, reader.flag_or("is_decoder", false));
  if (is_decoder) return reader.unsupported("is_decoder", "is true; only encoders of this family are supported");
  return {};
}

Result<void> read_bert(const formats::ModelFile& file, EncoderConfig& config) {
  return read_bert_like(reader_of(file), config);
}

Result<void> read_distilbert(const formats::ModelFile& file, EncoderConfig& config) {
  return read_encoder_dimensions(reader_of(file), kDistilBertKeys, config);
}

Result<void> read_roberta(const formats::ModelFile& file, EncoderConfig& config) {
  const ConfigReader reader = reader_of(file);
  MARQUEE_CHECK(read_bert_like(reader, config));
  // Positions count from the row behind that of padding.
  MARQUEE_ASSIGN(config.padding_token, reader.integer_or("pad_token_id", {0, kMaxVocabulary}, 1));
  config.first_position = config.padding_token + 1;
  return {};
}

/// The names under id2label: {"0": "NEGATIVE", "1": "POSITIVE"}.
Result<std::vector<std::string>> read_labels(const ConfigReader& reader, const base::json::object& config) {
  std::vector<std::string> labels;
  const auto* value = config.if_contains("id2label");
  if (value == nullptr || value->is_null()) {
    MARQUEE_ASSIGN(const auto count, reader.integer_or("num_labels", {1, kMaxLabels}, 2));
    for (std::int32_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
    return labels;
  }
  const auto* names = value->if_object();
  if (names == nullptr || names->empty() || names->size() > static_cast<std::size_t>(kMaxLabels)) {
    return reader.corrupt("id2label", "is not an object of at least one label");
  }
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto* name = names->if_contains(std::to_string(i));
    if (name == nullptr || !name->is_string()) {
      return reader.corrupt("id2label", fmt::format("has no name for output {}", i));
    }
    labels.emplace_back(name->get_string());
  }
  return labels;
}

/// As transformers' text-classification pipeline chooses what it applies to the outputs.
Result<LabelKind> read_label_kind(const ConfigReader& reader, std::size_t labels) {
  MARQUEE_ASSIGN(const auto problem, reader.text_or("problem_type", ""));
  if (problem == "regression") return LabelKind::kRegression;
  if (problem == "multi_label_classification" || (problem.empty() && labels == 1)) return LabelKind::kMulti;
  if (problem == "single_label_classification" || problem.empty()) {
    return labels == 1 ? LabelKind::kMulti : LabelKind::kSingle;
  }
  return reader.unsupported("problem_type", fmt::format("is '{}', which is not known here", problem));
}

/// Whether "architectures" names a classifier; where it is missing the head's tensors tell.
bool has_classifier(const formats::ModelFile& file, const EncoderFamily& family) {
  const auto* value = file.metadata().if_contains("architectures");
  const auto* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr || list->empty()) return file.contains(std::string(family.names.head_out) + ".weight");
  return std::any_of(list->begin(), list->end(), [](const base::json::value& name) {
    const auto* text = name.if_string();
    return text != nullptr && std::string_view(text->data(), text->size()).ends_with("ForSequenceClassification");
  });
}

Result<void> check_encoder(const EncoderConfig& config, const std::string& where) {
  if (config.hidden % config.heads != 0 || config.head_dim() > kMaxHeadDim) {
    return base::corrupt(
        fmt::format("{}: a hidden size of {} cannot be shared by {} heads", where, config.hidden, config.heads));
  }
  if (config.context_length() < 1) {
    return base::corrupt(fmt::format("{}: {} positions, of which the first {} are not for tokens", where,
                                     config.positions, config.first_position));
  }
  return {};
}

}  // namespace

std::span<const EncoderFamily> encoder_families() {
  static constexpr std::array<EncoderFamily, 3> kFamilies = {{
      {"bert", kBertTypes, kBertNames, Activation::kTanh, read_bert},
      {"distilbert", kDistilBertTypes, kDistilBertNames, Activation::kRelu, read_distilbert},
      {"roberta", kRobertaTypes, roberta_names(), Activation::kTanh, read_roberta},
  }};
  return kFamilies;
}

const EncoderFamily* find_encoder_family(std::string_view model_type) {
  for (const EncoderFamily& family : encoder_families()) {
    if (std::find(family.model_types.begin(), family.model_types.end(), model_type) != family.model_types.end()) {
      return &family;
    }
  }
  return nullptr;
}

Result<EncoderConfig> read_encoder_config(const formats::ModelFile& file) {
  const std::string where = (file.path() / "config.json").string();
  const EncoderFamily* family = nullptr;
  if (file.kind() == formats::ModelFileKind::kHuggingFace) family = find_encoder_family(file.architecture());
  if (family == nullptr) {
    std::string known;
    for (const auto& one : encoder_families()) {
      for (const auto type : one.model_types) known += fmt::format("{}{}", known.empty() ? "" : ", ", type);
    }
    return base::unsupported(
        fmt::format("{}: '{}' is not an encoder that is supported; supported are Hugging Face "
                    "folders of {}",
                    file.path().string(), file.architecture(), known));
  }
  EncoderConfig config;
  config.architecture = family->name;
  MARQUEE_CHECK(family->read(file, config));
  MARQUEE_CHECK(check_encoder(config, where));
  config.classifies = has_classifier(file, *family);
  if (!config.classifies) return config;
  const ConfigReader reader = reader_of(file);
  MARQUEE_ASSIGN(config.labels, read_labels(reader, file.metadata()));
  MARQUEE_ASSIGN(config.label_kind, read_label_kind(reader, config.labels.size()));
  return config;
}

}  // namespace marquee::text
