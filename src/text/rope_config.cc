#include <fmt/format.h>

#include <string>

#include "text/decoder_families.h"

namespace marquee::text {

using base::Result;
using Bounds = ConfigReader::Bounds;

namespace {

constexpr Bounds kThetaBounds = {2.0, 1e12};
constexpr Bounds kFactorBounds = {1e-3, 1e6};
constexpr Bounds kContextBounds = {2, static_cast<double>(kMaxContext)};

Result<RopeScaling::Type> scaling_type(const ConfigReader& parameters) {
  MARQUEE_ASSIGN(const std::string older, parameters.text_or("type", "default"));
  MARQUEE_ASSIGN(const std::string type, parameters.text_or("rope_type", older));
  if (type == "default") return RopeScaling::Type::kNone;
  if (type == "linear") return RopeScaling::Type::kLinear;
  if (type == "dynamic") return RopeScaling::Type::kDynamicNtk;
  if (type == "llama3") return RopeScaling::Type::kLlama3;
  // Early Phi-3 files call LongRoPE "su" or "yarn"; the factors tell.
  if (type == "longrope" || type == "su" || parameters.has("short_factor")) return RopeScaling::Type::kLongRope;
  if (type == "yarn") return RopeScaling::Type::kYarn;
  return parameters.unsupported("rope_type", fmt::format("is '{}', a scaling that is not supported", type));
}

Result<void> read_attention_factor(const ConfigReader& parameters, RopeScaling& scaling) {
  if (!parameters.has("attention_factor")) return {};
  MARQUEE_ASSIGN(scaling.attention_factor, parameters.number("attention_factor", kFactorBounds));
  return {};
}

Result<void> read_yarn(const ConfigReader& parameters, RopeScaling& scaling) {
  MARQUEE_ASSIGN(scaling.beta_fast, parameters.number_or("beta_fast", kFactorBounds, 32.0));
  MARQUEE_ASSIGN(scaling.beta_slow, parameters.number_or("beta_slow", kFactorBounds, 1.0));
  MARQUEE_ASSIGN(scaling.mscale, parameters.number_or("mscale", {0, 1e3}, 0.0));
  MARQUEE_ASSIGN(scaling.mscale_all_dimensions, parameters.number_or("mscale_all_dim", {0, 1e3}, 0.0));
  MARQUEE_ASSIGN(scaling.truncate, parameters.flag_or("truncate", true));
  return read_attention_factor(parameters, scaling);
}

Result<void> read_llama3(const ConfigReader& parameters, RopeScaling& scaling) {
  MARQUEE_ASSIGN(scaling.low_frequency_factor, parameters.number("low_freq_factor", kFactorBounds));
  MARQUEE_ASSIGN(scaling.high_frequency_factor, parameters.number("high_freq_factor", kFactorBounds));
  if (scaling.high_frequency_factor <= scaling.low_frequency_factor) {
    return parameters.corrupt("high_freq_factor", "is not above low_freq_factor");
  }
  return {};
}

Result<void> read_long_rope(const ConfigReader& parameters, std::int32_t dimensions, RopeScaling& scaling) {
  const auto pairs = static_cast<std::size_t>(dimensions / 2);
  MARQUEE_ASSIGN(scaling.short_divisors, parameters.numbers("short_factor", pairs, kFactorBounds));
  MARQUEE_ASSIGN(scaling.long_divisors, parameters.numbers("long_factor", pairs, kFactorBounds));
  return read_attention_factor(parameters, scaling);
}

Result<void> read_scaling(const ConfigReader& parameters, const ConfigReader& top, std::int32_t context_length,
                          RopeConfig& rope) {
  RopeScaling& scaling = rope.scaling;
  MARQUEE_ASSIGN(scaling.type, scaling_type(parameters));
  if (scaling.type == RopeScaling::Type::kNone) return {};
  // Phi-3 states the first length beside the parameters, and there it counts before theirs.
  const ConfigReader& stated = top.has("original_max_position_embeddings") ? top : parameters;
  MARQUEE_ASSIGN(scaling.original_context,
                 stated.integer_or("original_max_position_embeddings", kContextBounds, context_length));
  const bool ratio_stands_in = scaling.type == RopeScaling::Type::kLongRope || scaling.type == RopeScaling::Type::kYarn;
  if (ratio_stands_in && !parameters.has("factor")) {
    scaling.factor = static_cast<double>(context_length) / scaling.original_context;
  } else {
    MARQUEE_ASSIGN(scaling.factor, parameters.number("factor", kFactorBounds));
  }
  if (scaling.type == RopeScaling::Type::kLlama3) return read_llama3(parameters, scaling);
  if (scaling.type == RopeScaling::Type::kYarn) return read_yarn(parameters, scaling);
  if (scaling.type == RopeScaling::Type::kLongRope) return read_long_rope(parameters, rope.dimensions, scaling);
  return {};
}

Result<void> read_one(const ConfigReader& parameters, const ConfigReader& top, const DecoderConfig& config,
                      RopeConfig& rope) {
  MARQUEE_ASSIGN(rope.theta, parameters.number_or("rope_theta", kThetaBounds, rope.theta));
  MARQUEE_ASSIGN(const double top_part, top.number_or("partial_rotary_factor", {0.0, 1.0}, 1.0));
  MARQUEE_ASSIGN(const double part, parameters.number_or("partial_rotary_factor", {0.0, 1.0}, top_part));
  rope.dimensions = static_cast<std::int32_t>(config.head_dim * part);
  return read_scaling(parameters, top, config.context_length, rope);
}

}  // namespace

Result<void> read_rope_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(config.rope.theta, reader.number_or("rope_theta", kThetaBounds, config.rope.theta));
  if (config.local_rope) {
    MARQUEE_ASSIGN(config.local_rope->theta,
                   reader.number_or("rope_local_base_freq", kThetaBounds, config.local_rope->theta));
    config.local_rope->dimensions = config.head_dim;
  }
  MARQUEE_ASSIGN(auto parameters, reader.child("rope_parameters"));
  if (!parameters) {
    MARQUEE_ASSIGN(parameters, reader.child("rope_scaling"));
  }
  const base::json::object nothing;
  const ConfigReader absent(nothing, reader.where());
  if (!parameters) return read_one(absent, reader, config, config.rope);

  MARQUEE_ASSIGN(const auto local, parameters->child("sliding_attention"));
  MARQUEE_ASSIGN(const auto whole, parameters->child("full_attention"));
  if (local) {
    RopeConfig rope = config.local_rope.value_or(RopeConfig{});
    MARQUEE_CHECK(read_one(*local, absent, config, rope));
    config.local_rope = rope;
  }
  return read_one(whole ? *whole : *parameters, reader, config, config.rope);
}

}  // namespace marquee::text
