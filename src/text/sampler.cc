#include "text/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "text/logit_scan.h"

namespace marquee::text {
namespace {

using formats::TokenId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kImpossibleLogprob = -9999.0F;

struct Range {
  double low;
  double high;
  bool low_included = true;
};

base::Result<void> check(const char* field, double value, Range range) {
  const bool above = range.low_included ? value >= range.low : value > range.low;
  if (above && value <= range.high) return {};  // false for NaN
  return base::invalid_argument(fmt::format("{} must be a number {} {:g} and at most {:g}, not {:g}", field,
                                            range.low_included ? "of at least" : "above", range.low, range.high, value),
                                field);
}

/// SplitMix64's output function: a bijection that spreads every bit over all 64.
/// @source Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014)
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15U;

/// A number in [0, 1) of 53 random bits.
double uniform_at(std::uint64_t stream, std::uint64_t position) {
  return static_cast<double>(mix(stream + (position + 1) * kGolden) >> 11U) * 0x1.0p-53;
}

/// Makes every token impossible that the mask does not allow.
void apply_mask(std::span<float> logits, grammar::TokenMask allowed) {
  for (std::size_t begin = 0; begin < logits.size(); begin += 64) {
    const std::uint64_t word = begin / 64 < allowed.size() ? allowed[begin / 64] : 0;
    if (word == ~std::uint64_t{0}) continue;
    const std::size_t count = std::min<std::size_t>(64, logits.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      if ((word >> i & 1U) == 0) logits[begin + i] = -kInfinity;
    }
  }
}

bool contains(std::span<const TokenId> ids, TokenId id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

float best_logit(std::span<const Candidate> candidates) {
  return std::max_element(candidates.begin(), candidates.end(),
                          [](const Candidate& a, const Candidate& b) { return a.logit < b.logit; })
      ->logit;
}

/// The log probabilities that the model itself gives: taken before anything is changed.
struct OwnDistribution {
  double log_total = 0.0;  ///< log of the sum of e^logit
  std::vector<TokenLogprob> top;

  [[nodiscard]] float logprob(float logit) const {
    return std::max(kImpossibleLogprob, static_cast<float>(logit - log_total));
  }
};

OwnDistribution own_distribution(std::span<const float> logits, std::span<const float> block_max, float largest,
                                 std::int32_t top) {
  OwnDistribution own;
  if (largest == -kInfinity) {
    own.log_total = 0.0;
  } else {
    own.log_total = largest + std::log(sum_of_exponentials(logits, largest, 1.0F));
  }
  if (top <= 0) return own;
  std::vector<Candidate> best;
  select_top_k(logits, block_max, static_cast<std::size_t>(top), best);
  std::sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  for (const Candidate& candidate : best) own.top.push_back({candidate.id, own.logprob(candidate.logit)});
  return own;
}

}  // namespace

base::Result<void> validate(const SamplingParams& params, std::int32_t vocab_size) {
  MARQUEE_CHECK(check("temperature", params.temperature, {0.0, 2.0}));
  MARQUEE_CHECK(check("top_k", params.top_k, {0.0, static_cast<double>(vocab_size)}));
  MARQUEE_CHECK(check("top_p", params.top_p, {0.0, 1.0, false}));
  MARQUEE_CHECK(check("min_p", params.min_p, {0.0, 1.0}));
  MARQUEE_CHECK(check("typical_p", params.typical_p, {0.0, 1.0, false}));
  MARQUEE_CHECK(check("repetition_penalty", params.repetition_penalty, {0.0, 2.0, false}));
  MARQUEE_CHECK(check("presence_penalty", params.presence_penalty, {-2.0, 2.0}));
  MARQUEE_CHECK(check("frequency_penalty", params.frequency_penalty, {-2.0, 2.0}));
  MARQUEE_CHECK(check("top_logprobs", params.top_logprobs, {-1.0, static_cast<double>(kMaxTopLogprobs)}));
  if (params.logit_bias.size() > kMaxLogitBiasEntries) {
    return base::invalid_argument(fmt::format("logit_bias has {} entries; at most {} are allowed",
                                              params.logit_bias.size(), kMaxLogitBiasEntries),
                                  "logit_bias");
  }
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return base::invalid_argument(
          fmt::format("logit_bias names token {}; the model's ids are 0 to {}", id, vocab_size - 1), "logit_bias");
    }
    if (!(bias >= -100.0F && bias <= 100.0F)) {
      return base::invalid_argument(
          fmt::format("logit_bias of token {} must be a number of at least -100 and at most 100, not {:g}", id, bias),
          "logit_bias");
    }
  }
  return {};
}

Sampler::Sampler(const SamplingParams& params, std::uint32_t choice_index, std::span<const TokenId> prompt)
    : params_(params), stream_(mix(mix(params.seed + kGolden) ^ (choice_index * kGolden))) {
  if (params_.repetition_penalty == 1.0F) return;
  seen_.assign(prompt.begin(), prompt.end());
  std::sort(seen_.begin(), seen_.end());
  seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
}

void Sampler::change(std::span<float> logits, TokenId id, float value) {
  float& logit = logits[static_cast<std::size_t>(id)];
  if (params_.top_logprobs >= 0) changed_.emplace_back(id, logit);
  logit = value;
}

void Sampler::adjust(std::span<float> logits, std::span<const TokenId> forbidden) {
  const auto in_range = [&](TokenId id) { return id >= 0 && static_cast<std::size_t>(id) < logits.size(); };
  const auto at = [&](TokenId id) { return logits[static_cast<std::size_t>(id)]; };
  for (const auto& [id, bias] : params_.logit_bias) {
    if (in_range(id)) change(logits, id, at(id) + bias);
  }
  for (const TokenId id : seen_) {
    if (!in_range(id)) continue;
    const float penalty = params_.repetition_penalty;
    change(logits, id, at(id) > 0.0F ? at(id) / penalty : at(id) * penalty);
  }
  for (const auto& [id, count] : output_counts_) {
    if (!in_range(id)) continue;
    change(logits, id, at(id) - params_.presence_penalty - params_.frequency_penalty * static_cast<float>(count));
  }
  for (const TokenId id : forbidden) {
    if (in_range(id)) change(logits, id, -kInfinity);
  }
}

/// Fills candidates_ with what the truncations leave; false if none is asked for and everything stays in the draw.
bool Sampler::truncate(std::span<const float> logits, float largest) {
  const bool top_k = params_.top_k > 0 && static_cast<std::size_t>(params_.top_k) < logits.size();
  const bool typical = params_.typical_p < 1.0F;
  const bool top_p = params_.top_p < 1.0F;
  const bool min_p = params_.min_p > 0.0F;
  if (!top_k && !typical && !top_p && !min_p) return false;

  if (top_k) {
    select_top_k(logits, block_max_, static_cast<std::size_t>(params_.top_k), candidates_);
  } else if (typical) {
    select_at_least(logits, block_max_, -kInfinity, candidates_);
  } else if (top_p) {
    select_top_p(logits, block_max_, largest, params_.top_p, candidates_);
  } else {
    select_at_least(logits, block_max_, largest + std::log(params_.min_p), candidates_);
  }
  if (typical) {
    keep_typical(candidates_, largest, params_.typical_p);
    largest = best_logit(candidates_);
  }
  if (top_p && (top_k || typical)) {
    keep_top_p(candidates_, largest, sum_of_exponentials(candidates_, largest, 1.0F), params_.top_p);
  }
  if (min_p) keep_min_p(candidates_, largest, params_.min_p);
  return true;
}

TokenId Sampler::draw_from_candidates(float largest, double uniform) {
  const float scale = 1.0F / params_.temperature;
  const double target = uniform * sum_of_exponentials(candidates_, largest, scale);
  double running = 0.0;
  TokenId last_possible = candidates_.front().id;
  for (const Candidate& candidate : candidates_) {
    const float weight = exp_nonpositive((candidate.logit - largest) * scale);
    if (weight == 0.0F) continue;
    last_possible = candidate.id;
    running += weight;
    if (running > target) break;
  }
  return last_possible;
}

TokenId Sampler::choose(std::span<const float> logits, float largest) {
  // A temperature so small that its inverse is not finite leaves only the best token.
  const float scale = 1.0F / params_.temperature;
  if (params_.temperature == 0.0F || !std::isfinite(scale)) return first_equal(logits, block_max_, largest);
  const double uniform = uniform_at(stream_, position_);
  if (!truncate(logits, largest)) return draw_from_all(logits, largest, scale, uniform);
  return draw_from_candidates(best_logit(candidates_), uniform);
}

void Sampler::remember(TokenId id) {
  if (params_.repetition_penalty != 1.0F) {
    const auto at = std::lower_bound(seen_.begin(), seen_.end(), id);
    if (at == seen_.end() || *at != id) seen_.insert(at, id);
  }
  if (params_.presence_penalty == 0.0F && params_.frequency_penalty == 0.0F) return;
  const auto at = std::lower_bound(output_counts_.begin(), output_counts_.end(), id,
                                   [](const auto& entry, TokenId value) { return entry.first < value; });
  if (at != output_counts_.end() && at->first == id) {
    ++at->second;
  } else {
    output_counts_.insert(at, {id, 1});
  }
}

SampledToken Sampler::sample(std::span<float> logits, std::span<const TokenId> forbidden, grammar::TokenMask allowed) {
  SampledToken out;
  OwnDistribution own;
  const bool wants_logprobs = params_.top_logprobs >= 0;
  // The model's own distribution is without the mask, so that is looked at first only if it is asked for.
  if (!wants_logprobs && !allowed.empty()) apply_mask(logits, allowed);
  float largest = clean_and_find_max(logits, block_max_);
  if (wants_logprobs) own = own_distribution(logits, block_max_, largest, params_.top_logprobs);

  changed_.clear();
  const bool masks = wants_logprobs && !allowed.empty();
  const bool adjusts = !params_.logit_bias.empty() || !seen_.empty() || !output_counts_.empty() || !forbidden.empty();
  if (masks) apply_mask(logits, allowed);
  if (adjusts) adjust(logits, forbidden);
  if (masks || adjusts) {
    largest = clean_and_find_max(logits, block_max_);
  }
  if (largest == -kInfinity) {
    const auto impossible = [&](TokenId id) {
      return contains(forbidden, id) || (!allowed.empty() && !grammar::is_allowed(allowed, id));
    };
    while (impossible(out.id) && static_cast<std::size_t>(out.id) + 1 < logits.size()) ++out.id;
  } else {
    out.id = choose(logits, largest);
  }
  if (wants_logprobs) {
    const auto changed =
        std::find_if(changed_.begin(), changed_.end(), [&](const auto& c) { return c.first == out.id; });
    const float logit = changed != changed_.end() ? changed->second : logits[static_cast<std::size_t>(out.id)];
    out.logprob = TokenLogprob{out.id, own.logprob(logit)};
    out.top = std::move(own.top);
  }
  remember(out.id);
  ++position_;
  return out;
}

}  // namespace marquee::text
