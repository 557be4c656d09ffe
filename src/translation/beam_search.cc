#include "translation/beam_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace marquee::translation {
namespace {

struct Candidate {
  float log_probability;
  std::size_t beam;  ///< of the source
  WordId word;
};

struct Beam {
  std::int32_t row = 0;  ///< in the last call
  float log_probability = 0.0F;
  std::vector<WordId> words;
};

/// One source's texts.
class Search {
 public:
  Search(const BeamOptions& options, std::int32_t source) : options_(options), live_(1) { live_[0].row = source; }

  [[nodiscard]] std::span<const Beam> live() const { return live_; }

  /// Goes on by the best candidates. @shape scores: [live beams, vocabulary], the first row is row `first_row` of the
  /// call
  void advance(std::span<const float> scores, std::size_t vocabulary, std::int32_t first_row) {
    const auto beams = static_cast<std::size_t>(options_.beams);
    const std::vector<Candidate> best = best_of(scores, vocabulary, 2 * beams);
    std::vector<Beam> next;
    for (std::size_t rank = 0; rank < best.size() && next.size() < beams; ++rank) {
      const Candidate& candidate = best[rank];
      const Beam& parent = live_[candidate.beam];
      if (candidate.word == options_.end) {
        if (rank < beams) finish(parent.words, candidate.log_probability, false);
        continue;
      }
      next.push_back({first_row + static_cast<std::int32_t>(candidate.beam), candidate.log_probability, parent.words});
      next.back().words.push_back(candidate.word);
    }
    live_ = std::move(next);
    if (is_decided()) live_.clear();
    if (!live_.empty() && live_[0].words.size() >= static_cast<std::size_t>(options_.max_length)) {
      for (const Beam& beam : live_) finish(beam.words, beam.log_probability, true);
      live_.clear();
    }
  }

  std::vector<Hypothesis> take() {
    std::stable_sort(finished_.begin(), finished_.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
    if (finished_.size() > static_cast<std::size_t>(options_.beams)) {
      finished_.resize(static_cast<std::size_t>(options_.beams));
    }
    return std::move(finished_);
  }

 private:
  [[nodiscard]] float penalised(float log_probability, std::size_t length) const {
    return log_probability / std::pow((5.0F + static_cast<float>(length)) / 6.0F, options_.length_penalty);
  }

  void finish(std::vector<WordId> words, float log_probability, bool cut) {
    const float score = penalised(log_probability, words.size() + 1);
    finished_.push_back({std::move(words), score, cut});
  }

  /// Whether nothing that is still live can become better than what has ended.
  [[nodiscard]] bool is_decided() const {
    if (finished_.size() < static_cast<std::size_t>(options_.beams) || live_.empty()) return false;
    std::vector<float> scores;
    for (const Hypothesis& one : finished_) scores.push_back(one.score);
    std::nth_element(scores.begin(), scores.begin() + options_.beams - 1, scores.end(), std::greater<>());
    // A log-probability only falls; the penalty shrinks it most at the greatest length.
    const float hope = penalised(live_[0].log_probability, static_cast<std::size_t>(options_.max_length) + 1);
    return scores[static_cast<std::size_t>(options_.beams) - 1] >= hope;
  }

  /// The `count` best of all beams' next words, best first.
  [[nodiscard]] std::vector<Candidate> best_of(std::span<const float> scores, std::size_t vocabulary,
                                               std::size_t count) const {
    const auto better = [](const Candidate& a, const Candidate& b) {
      if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
      return std::pair(a.beam, a.word) < std::pair(b.beam, b.word);
    };
    std::vector<Candidate> best;  // a heap whose front is the worst
    for (std::size_t beam = 0; beam < live_.size(); ++beam) {
      const float* row = scores.data() + beam * vocabulary;
      for (std::size_t word = 0; word < vocabulary; ++word) {
        const Candidate one{live_[beam].log_probability + row[word], beam, static_cast<WordId>(word)};
        if (!std::isfinite(one.log_probability)) continue;
        if (best.size() == count && !better(one, best.front())) continue;
        best.push_back(one);
        std::push_heap(best.begin(), best.end(), better);
        if (best.size() > count) {
          std::pop_heap(best.begin(), best.end(), better);
          best.pop_back();
        }
      }
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
  }

  const BeamOptions& options_;
  std::vector<Beam> live_;
  std::vector<Hypothesis> finished_;
};

}  // namespace

std::vector<std::vector<Hypothesis>> beam_search(NextWords& model, std::size_t sources, const BeamOptions& options) {
  std::vector<Search> searches;
  for (std::size_t i = 0; i < sources; ++i) searches.emplace_back(options, static_cast<std::int32_t>(i));
  std::vector<std::int32_t> parents;
  std::vector<WordId> words;
  while (true) {
    parents.clear();
    words.clear();
    for (const Search& search : searches) {
      for (const Beam& beam : search.live()) {
        parents.push_back(beam.row);
        words.push_back(beam.words.empty() ? options.begin : beam.words.back());
      }
    }
    if (parents.empty()) break;
    const tensor::autograd::Tensor scores = model.next(parents, words);
    const auto vocabulary = static_cast<std::size_t>(scores.extent(1));
    std::size_t row = 0;
    for (Search& search : searches) {
      const std::size_t rows = search.live().size();
      if (rows == 0) continue;
      search.advance(scores.values().subspan(row * vocabulary, rows * vocabulary), vocabulary,
                     static_cast<std::int32_t>(row));
      row += rows;
    }
  }
  std::vector<std::vector<Hypothesis>> found;
  for (Search& search : searches) found.push_back(search.take());
  return found;
}

}  // namespace marquee::translation
