#include "text/truncation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "text/logit_scan.h"

namespace marquee::text {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr std::size_t kHeapLimit = 1024;  // above this many, selection beats a heap

bool better(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

/// A candidate as a mass selection sees it: smaller keys are taken first.
struct Keyed {
  float key;
  float weight;
  Candidate candidate;
};

bool before(const Keyed& a, const Keyed& b) { return a.key != b.key ? a.key < b.key : a.candidate.id < b.candidate.id; }

/// Of the range, in order of keys, the number of elements with which the weights reach `mass`; partitions the range so
/// that these come first. Linear: each round halves what is left.
std::size_t partition_by_mass(std::span<Keyed> range, double mass) {
  std::size_t taken = 0;
  while (range.size() > 1) {
    const std::size_t half = range.size() / 2;
    std::nth_element(range.begin(), range.begin() + static_cast<std::ptrdiff_t>(half), range.end(), before);
    double weight = 0.0;
    for (const Keyed& element : range.first(half)) weight += element.weight;
    if (weight >= mass) {
      range = range.first(half);
    } else {
      mass -= weight;
      taken += half;
      range = range.subspan(half);
    }
  }
  return taken + range.size();
}

/// Keeps the elements, in order of keys, with which the weights reach `mass`. A histogram of the keys finds the one bin
/// where that happens, and only that bin is looked at more closely.
/// @pre keys are not negative
void keep_until_mass(std::vector<Keyed>& elements, double mass, std::vector<Candidate>& out) {
  MassHistogram histogram;
  for (const Keyed& element : elements) histogram.mass[MassHistogram::bin_of(element.key)] += element.weight;
  const auto border = histogram.crossing(mass);
  out.clear();
  std::vector<Keyed> at_border;
  for (const Keyed& element : elements) {
    const std::size_t bin = MassHistogram::bin_of(element.key);
    if (bin < border.bin) out.push_back(element.candidate);
    if (bin == border.bin) at_border.push_back(element);
  }
  const std::size_t taken = partition_by_mass(at_border, mass - border.below);
  for (std::size_t i = 0; i < taken; ++i) out.push_back(at_border[i].candidate);
}

}  // namespace

void select_top_k(std::span<const float> logits, std::span<const float> block_max, std::size_t k,
                  std::vector<Candidate>& out) {
  if (k > kHeapLimit) {
    select_at_least(logits, block_max, -std::numeric_limits<float>::max(), out);
    if (out.size() <= k) return;
    std::nth_element(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(k), out.end(), better);
    out.resize(k);
    return;
  }
  out.clear();  // a heap whose front is the worst of the best k so far
  float threshold = kMinusInfinity;
  for (std::size_t block = 0; block < block_max.size(); ++block) {
    if (!(block_max[block] > threshold)) continue;
    const std::size_t end = std::min((block + 1) * kLogitBlock, logits.size());
    for (std::size_t id = block * kLogitBlock; id < end; ++id) {
      if (!(logits[id] > threshold)) continue;
      if (out.size() == k) {
        std::pop_heap(out.begin(), out.end(), better);
        out.pop_back();
      }
      out.push_back({logits[id], static_cast<formats::TokenId>(id)});
      std::push_heap(out.begin(), out.end(), better);
      if (out.size() == k) threshold = out.front().logit;
    }
  }
}

void select_at_least(std::span<const float> logits, std::span<const float> block_max, float threshold,
                     std::vector<Candidate>& out) {
  out.clear();
  for (std::size_t block = 0; block < block_max.size(); ++block) {
    if (!(block_max[block] >= threshold)) continue;
    const std::size_t end = std::min((block + 1) * kLogitBlock, logits.size());
    for (std::size_t id = block * kLogitBlock; id < end; ++id) {
      if (logits[id] >= threshold && logits[id] > kMinusInfinity) {
        out.push_back({logits[id], static_cast<formats::TokenId>(id)});
      }
    }
  }
}

double sum_of_exponentials(std::span<const Candidate> candidates, float largest, float scale) {
  double sum = 0.0;
  for (const Candidate& candidate : candidates) sum += exp_nonpositive((candidate.logit - largest) * scale);
  return sum;
}

void select_top_p(std::span<const float> logits, std::span<const float> block_max, float largest, double mass,
                  std::vector<Candidate>& out) {
  const MassHistogram histogram = histogram_of(logits, largest);
  const auto border = histogram.crossing(mass * histogram.total);
  // Every logit up to the far edge of the border's bin, and one bin more for the rounding of the edge.
  const float width = static_cast<float>(border.bin + 2) / MassHistogram::kBinsPerUnit;
  const bool last = border.bin + 1 == MassHistogram::kBins;
  select_at_least(logits, block_max, last ? kMinusInfinity : largest - width, out);
  keep_top_p(out, largest, histogram.total, mass);
}

void keep_top_p(std::vector<Candidate>& candidates, float largest, double total, double mass) {
  std::vector<Keyed> elements;
  elements.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    elements.push_back({largest - candidate.logit, exp_nonpositive(candidate.logit - largest), candidate});
  }
  keep_until_mass(elements, mass * total, candidates);
}

void keep_typical(std::vector<Candidate>& candidates, float largest, double mass) {
  std::vector<Keyed> elements;
  elements.reserve(candidates.size());
  double total = 0.0;
  double weighted = 0.0;  // sum of weight * (logit - largest)
  for (const Candidate& candidate : candidates) {
    const float distance = candidate.logit - largest;
    const float weight = exp_nonpositive(distance);
    total += weight;
    if (weight > 0.0F) weighted += static_cast<double>(weight) * distance;
    elements.push_back({distance, weight, candidate});
  }
  // With log p = distance - log total, entropy = log total - weighted / total, so |-log p - entropy| needs no log
  // total.
  const double mean = weighted / total;
  for (Keyed& element : elements) element.key = static_cast<float>(std::abs(mean - element.key));
  keep_until_mass(elements, mass * total, candidates);
}

void keep_min_p(std::vector<Candidate>& candidates, float largest, float min_p) {
  const float threshold = largest + std::log(min_p);
  std::erase_if(candidates, [threshold](const Candidate& candidate) { return candidate.logit < threshold; });
}

}  // namespace marquee::text
