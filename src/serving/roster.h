#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "serving/deficit_round_robin.h"
#include "serving/prefix_cache.h"
#include "serving/sequence.h"
#include "tensor/kv_cache.h"

namespace marquee::serving {

struct RosterOptions {
  std::int32_t prefill_chunk_tokens = 256;
  std::int32_t max_running_sequences = 64;
  std::int32_t prefix_cache_pages = 0;  ///< most pages that the prefix cache may hold; 0: there is none
  bool speculation = false;             ///< guess what is said again (serving/guessing.h)
};

/// Who waits, who runs, who holds which pages, and what the next step computes. Knows no threads, no model and no text.
///
/// Rank (ByRank) decides who gives way, tenants share admission and prompt computing by deficit round robin:
/// - a free slot goes to the highest-ranked waiting sequence of the tenant whose turn it is, interactive before batch;
///   who has its share already and finds no slot does not hold up the others;
/// - a full batch makes room by parking (keeping the pages): readers that are too slow, then batch work for interactive
///   requests, then the youngest of a tenant that has more than its share for one that has less;
/// - what was computed is kept in the prefix cache for whoever begins with the same tokens, in pages that count as
/// free;
/// - a full cache takes pages from the prefix cache, then from parked sequences, then from running ones that rank lower
///   than the one in need, lowest first; they are computed again later, with the same result since the model does not
///   depend on the batch.
/// The highest-ranked sequence with a ready reader always gets its pages, so there is always progress.
class Roster {
 public:
  /// Tokens a tenant may take of a chunk or of admission before the turn passes on.
  static constexpr std::int64_t kQuantumTokens = 64;

  Roster(tensor::KvPool& pool, const RosterOptions& options)
      : pool_(pool),
        options_(options),
        cache_(pool, options.prefix_cache_pages),
        admission_(kQuantumTokens),
        prefill_(kQuantumTokens) {}
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  /// The tenant of that name, made if it has no live request. Stays while it has some.
  Tenant& tenant(const std::string& name);
  /// The request waits; its tenant and choices are set.
  void enqueue(Request& request);
  /// Lets as many waiting sequences run as there are slots and pages for.
  void admit(Clock::time_point now);
  /// Chooses the next step's tokens: Sequence::planned of each of those returned, whose pages suffice for them; those
  /// of Sequence::guessed where that is not empty. Asks every running sequence's sink whether it is ready.
  /// @return in no particular order; valid until the next plan()
  std::span<Sequence* const> plan(Clock::time_point now);
  /// How many guesses the step just planned can hold beside what it has: a step reads all weights however few rows it
  /// has, so while there are few, more of them cost little; beside a prompt's many rows each costs its whole part.
  [[nodiscard]] std::int32_t room_for_guesses() const;
  /// How many of `most` guesses the sequence can use: nobody gives up a page for a guess.
  [[nodiscard]] std::int32_t useful_guesses(const Sequence& sequence, std::int32_t most) const;
  /// @pre at most useful_guesses() of them
  void add_guesses(Sequence& sequence, std::span<const formats::TokenId> guesses, GuessPace& by, float cost);
  /// What was planned for the sequence has been computed; guesses do not count yet.
  void note_computed(Sequence& sequence);
  /// The further choices of a request whose prompt has just been computed begin to run, sharing its pages.
  void fork(Request& request);
  /// A token was generated: the tenant pays for it if others wait.
  void charge_generated(Tenant& tenant);
  /// The sequence leaves; its pages are the prefix cache's or free.
  void finish(Sequence& sequence);
  /// The request, all of whose choices are finished, is forgotten. @return true if its tenant is gone with it
  bool forget(Request& request);

  [[nodiscard]] std::int32_t running() const { return static_cast<std::int32_t>(running_.size()); }
  [[nodiscard]] bool has_waiting() const { return waiting_ > 0; }
  /// Some live sequence waits for a reader.
  [[nodiscard]] bool has_slow_readers() const { return slow_readers_; }
  /// Pages in use by each tenant's sequences; one that several share counts once.
  [[nodiscard]] std::unordered_map<TenantSeries*, double> pages_used() const;
  /// Since the beginning.
  [[nodiscard]] std::int64_t preemptions() const { return preemptions_; }
  [[nodiscard]] PrefixCache& prefix_cache() { return cache_; }

 private:
  [[nodiscard]] static std::int32_t slot_cost(const Sequence& sequence);
  [[nodiscard]] std::int32_t fair_share() const;
  Sequence* next_candidate(Clock::time_point now);
  [[nodiscard]] bool has_pages_for(const Sequence& candidate) const;
  [[nodiscard]] bool entitled(const Sequence& candidate) const;
  bool find_slots(const Sequence& candidate, Clock::time_point now, std::vector<Sequence*>& giving_way) const;
  void start(Sequence& sequence, Clock::time_point now);
  void wait(Sequence& sequence);
  void park(Sequence& sequence);
  void preempt(Sequence& sequence);
  void release_pages(Sequence& sequence);
  void adopt_prompt_pages(Sequence& sequence);
  void reuse_prefix(Sequence& sequence);
  void offer_pages(Sequence& sequence);
  void drop_pages(Sequence& sequence);
  bool own_partial_page(Sequence& sequence);
  bool reserve(Sequence& sequence, std::int32_t tokens_end);
  bool reclaim(const Sequence& needy);
  void plan_decoding();
  void look_up_guesses();
  void plan_prefill(bool urgent, Clock::time_point now, std::int64_t& budget);
  std::int64_t extend_prefill(Sequence& sequence, std::int64_t most);

  tensor::KvPool& pool_;
  const RosterOptions options_;
  PrefixCache cache_;
  DeficitRoundRobin admission_;
  DeficitRoundRobin prefill_;
  std::map<std::string, std::unique_ptr<Tenant>> tenants_;
  std::vector<Sequence*> running_;      ///< highest rank first
  std::set<Sequence*, ByRank> parked_;  ///< waiting, with pages
  std::vector<Sequence*> planned_;
  std::vector<Sequence*> decoding_;  ///< scratch
  std::int32_t slots_used_ = 0;
  std::int32_t waiting_ = 0;  ///< sequences
  std::int64_t preemptions_ = 0;
  bool slow_readers_ = false;
};

}  // namespace marquee::serving
