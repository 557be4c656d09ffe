#include "text/pooling.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "formats/small_file.h"
#include "text/config_reader.h"

namespace marquee::text {

using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxSentenceConfigBytes = 1 << 20;
constexpr double kMostSentenceTokens = 1 << 24;

/// @return nothing if there is no such file
Result<std::optional<base::json::value>> read_sentence_config(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return std::optional<base::json::value>();
  MARQUEE_CHECK(formats::refuse_symlink(path));
  MARQUEE_ASSIGN(const auto text, formats::read_small_file(path, kMaxSentenceConfigBytes));
  MARQUEE_ASSIGN(auto value, formats::parse_json_file(text, path));
  return std::optional(std::move(value));
}

struct PoolingName {
  std::string_view mode;  ///< of pooling_mode
  std::string_view flag;  ///< of the older true/false keys
  std::optional<Pooling> pooling;
};
constexpr std::array<PoolingName, 6> kPoolings = {{
    {"mean", "pooling_mode_mean_tokens", Pooling::kMean},
    {"cls", "pooling_mode_cls_token", Pooling::kFirst},
    {"max", "pooling_mode_max_tokens", Pooling::kMax},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
    {"lasttoken", "pooling_mode_lasttoken", Pooling::kLast},
    {"weightedmean", "pooling_mode_weightedmean_tokens", std::nullopt},
}};

Result<Pooling> read_mode(const ConfigReader& reader) {
  MARQUEE_ASSIGN(const auto mode, reader.text_or("pooling_mode", ""));
  std::optional<Pooling> chosen;
  std::size_t count = 0;
  for (const PoolingName& name : kPoolings) {
    MARQUEE_ASSIGN(const bool flag, reader.flag_or(name.flag, false));
    const bool is_on = mode.empty() ? flag : mode == name.mode;
    if (!is_on) continue;
    if (!name.pooling) return reader.unsupported(name.flag, "is a pooling that is not computed here");
    chosen = name.pooling;
    ++count;
  }
  if (!mode.empty() && count == 0) return reader.unsupported("pooling_mode", fmt::format("is '{}', not known", mode));
  if (count != 1) {
    return reader.unsupported("pooling_mode_*", fmt::format("are {} that are true, where one is computed", count));
  }
  return *chosen;
}

/// Reads which steps a sentence model has. @return whether its vectors are normalised
Result<bool> read_modules(const base::json::value& value, const fs::path& path) {
  const auto* list = value.if_array();
  if (list == nullptr || list->size() > 16) return base::corrupt(path.string() + ": is not a short list of modules");
  bool normalize = false;
  for (const auto& module : *list) {
    const auto* object = module.if_object();
    const auto* type = object == nullptr ? nullptr : object->if_contains("type");
    if (type == nullptr || !type->is_string()) return base::corrupt(path.string() + ": a module has no 'type'");
    const std::string_view name(type->get_string().data(), type->get_string().size());
    if (name.ends_with(".Normalize")) {
      normalize = true;
    } else if (!name.ends_with(".Transformer") && !name.ends_with(".Pooling")) {
      return base::unsupported(fmt::format("{}: the module '{}' is not computed here", path.string(), name));
    }
  }
  return normalize;
}

}  // namespace

Result<PoolingConfig> read_pooling(const fs::path& folder) {
  PoolingConfig config;
  MARQUEE_ASSIGN(const auto modules, read_sentence_config(folder / "modules.json"));
  if (modules) {
    MARQUEE_ASSIGN(config.normalize, read_modules(*modules, folder / "modules.json"));
  }
  MARQUEE_CHECK(formats::refuse_symlink(folder / "1_Pooling"));
  for (const auto* name : {"1_Pooling/config.json", "pooling.json"}) {
    MARQUEE_ASSIGN(const auto pooling, read_sentence_config(folder / name));
    if (!pooling) continue;
    if (!pooling->is_object()) return base::corrupt((folder / name).string() + ": is not an object");
    MARQUEE_ASSIGN(config.pooling, read_mode({pooling->get_object(), (folder / name).string()}));
    break;
  }
  const fs::path limits = folder / "sentence_bert_config.json";
  MARQUEE_ASSIGN(const auto sentence, read_sentence_config(limits));
  if (!sentence) return config;
  if (!sentence->is_object()) return base::corrupt(limits.string() + ": is not an object");
  const ConfigReader reader(sentence->get_object(), limits.string());
  MARQUEE_ASSIGN(config.max_tokens, reader.integer_or("max_seq_length", {1, kMostSentenceTokens}, 0));
  return config;
}

void pool_states(Pooling pooling, tensor::ConstMatrix states, std::span<float> vector) {
  const std::size_t chosen = pooling == Pooling::kLast ? states.rows - 1 : 0;
  std::copy_n(states.row(chosen), vector.size(), vector.begin());
  if (pooling == Pooling::kFirst || pooling == Pooling::kLast) return;
  for (std::size_t row = 1; row < states.rows; ++row) {
    const float* const state = states.row(row);
    if (pooling == Pooling::kMax) {
      for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = std::max(vector[i], state[i]);
    } else {
      for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += state[i];
    }
  }
  if (pooling == Pooling::kMax) return;
  const auto tokens = static_cast<float>(states.rows);
  const float factor = 1.0F / (pooling == Pooling::kMean ? tokens : std::sqrt(tokens));
  for (float& value : vector) value *= factor;
}

void normalize_vector(std::span<float> vector) {
  double squares = 0.0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (!(squares > 0.0)) return;
  const auto factor = static_cast<float>(1.0 / std::sqrt(squares));
  for (float& value : vector) value *= factor;
}

}  // namespace marquee::text
