#pragma once
// The truncations of a distribution: which tokens stay in the draw. None of them sorts the vocabulary.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::text {

/// A token still in the draw.
struct Candidate {
  float logit;
  formats::TokenId id;
};

/// The k best logits (among equal ones the lowest ids), in no particular order.
/// @pre block_max is clean_and_find_max()'s; 0 < k
void select_top_k(std::span<const float> logits, std::span<const float> block_max, std::size_t k,
                  std::vector<Candidate>& out);

/// Every candidate whose logit is at least `threshold` and finite.
void select_at_least(std::span<const float> logits, std::span<const float> block_max, float threshold,
                     std::vector<Candidate>& out);

/// The most likely tokens up to and including the one with which their probability reaches `mass`.
void select_top_p(std::span<const float> logits, std::span<const float> block_max, float largest, double mass,
                  std::vector<Candidate>& out);

/// Keeps the most likely candidates up to and including the one with which their probability reaches `mass`.
/// @param total the sum of e^(logit - largest) over the distribution, of which the candidates may be a part that holds
///        at least `mass` of it
void keep_top_p(std::vector<Candidate>& candidates, float largest, double total, double mass);

/// Keeps the candidates whose information content is nearest to the entropy, up to and including the one with which
/// their probability reaches `mass`.
void keep_typical(std::vector<Candidate>& candidates, float largest, double mass);

/// Keeps the candidates at least `min_p` times as likely as the best one.
void keep_min_p(std::vector<Candidate>& candidates, float largest, float min_p);

/// Sum of e^(scale * (logit - largest)) over the candidates.
double sum_of_exponentials(std::span<const Candidate> candidates, float largest, float scale);

}  // namespace marquee::text
