#pragma once
// What the scheduler knows of a request, its choices and its tenant. Plain data; only the scheduler's thread uses it.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "serving/choice_output.h"
#include "serving/deficit_round_robin.h"
#include "serving/draft_model.h"
#include "serving/generation.h"
#include "serving/guessing.h"
#include "serving/metrics.h"
#include "text/grammar/matcher.h"
#include "text/sampler.h"

namespace marquee::serving {

struct Request;
struct Tenant;

/// One choice of a request.
struct Sequence {
  enum class Place : std::uint8_t {
    kUnborn,   ///< a further choice, before the prompt has been computed
    kWaiting,  ///< in its tenant's line: new, preempted (no pages) or parked (keeps its pages)
    kRunning,  ///< takes part in steps while its sink is ready
    kFinished,
  };

  Sequence(Request& owner, std::int32_t choice_index, text::Sampler own_sampler, ChoiceOutput own_output)
      : request(&owner), choice(choice_index), sampler(std::move(own_sampler)), output(std::move(own_output)) {}

  /// Tokens known whose keys and values are not in the cache: 1 while decoding, more while (re)computing.
  [[nodiscard]] std::int32_t remaining() const { return static_cast<std::int32_t>(tokens.size()) - computed; }

  /// Of `planned`: tokens that the step computes though nobody has said yet that they come.
  [[nodiscard]] std::int32_t guesses() const {
    return guessed.empty() ? 0 : static_cast<std::int32_t>(guessed.size()) - 1;
  }

  Request* request;
  std::int32_t choice;
  text::Sampler sampler;
  ChoiceOutput output;
  std::optional<text::grammar::Matcher> matcher;  ///< has seen what was generated; none without a grammar
  Place place = Place::kUnborn;
  std::vector<formats::TokenId> tokens;  ///< the prompt, then what was generated
  std::vector<std::int32_t> pages;       ///< of positions [16 i, 16 i + 16)
  std::int32_t computed = 0;             ///< positions in the cache
  std::int32_t generated = 0;
  std::int32_t planned = 0;  ///< tokens in the step that is being made
  /// When the step that is being made holds guesses: the last token and them. Empty otherwise.
  std::vector<formats::TokenId> guessed;
  GuessPace* guessed_by = nullptr;  ///< whose guesses they are: lookup's or draft_pace's
  float guess_cost = 0.0F;          ///< of a step
  GuessPace lookup_pace;
  GuessPace draft_pace;
  DraftState draft;
  bool ready = true;  ///< the sink's answer for this step
  Clock::time_point last_token{};
};

/// Who goes first. Fixed when the request comes: a batch request ranks as if it had come kBatchHandicap later, so it
/// yields to interactive ones but only for so long.
using RankTime = Clock::time_point;

struct Request {
  std::uint64_t id = 0;
  GenerationRequest spec;
  std::shared_ptr<GenerationSink> sink;
  Tenant* tenant = nullptr;
  std::int32_t most_tokens = 0;  ///< of a choice, by max_tokens and the context
  Clock::time_point submitted{};
  RankTime rank_time{};
  std::optional<Clock::time_point> admitted;
  std::int32_t prompt_reached = 0;  ///< prompt tokens that were ever in the cache, computed or found there
  bool forked = false;              ///< the prompt is computed and every choice lives on its own
  std::vector<std::unique_ptr<Sequence>> choices;
  std::int32_t unfinished = 0;  ///< choices
  Usage usage;

  /// An interactive request, or a batch one that has waited long enough.
  [[nodiscard]] bool urgent(Clock::time_point now) const { return rank_time <= now; }
};

/// A strict total order; the first ranks highest.
struct ByRank {
  bool operator()(const Sequence* a, const Sequence* b) const {
    if (a->request->rank_time != b->request->rank_time) return a->request->rank_time < b->request->rank_time;
    if (a->request->id != b->request->id) return a->request->id < b->request->id;
    return a->choice < b->choice;
  }
};

/// A tenant with live requests.
struct Tenant {
  std::string name;
  TenantSeries* series = nullptr;
  std::set<Sequence*, ByRank> waiting;
  std::int32_t running_slots = 0;
  std::int32_t live_requests = 0;
  DeficitRoundRobin::Account admission;
  DeficitRoundRobin::Account prefill;
  Sequence* head = nullptr;           ///< scratch of one admission
  std::vector<Sequence*> prefilling;  ///< scratch of one plan, lowest rank first
};

}  // namespace marquee::serving
