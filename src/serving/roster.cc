#include "serving/roster.h"

#include <algorithm>
#include <unordered_map>

namespace marquee::serving {
namespace {

using formats::TokenId;

// Rows of a step that holds guesses: one tile of the matrix kernels.
constexpr std::int32_t kMostGuessingRows = 8;

std::int32_t pages_for(std::int64_t tokens) {
  return static_cast<std::int32_t>((tokens + tensor::kKvPageTokens - 1) / tensor::kKvPageTokens);
}

}  // namespace

Tenant& Roster::tenant(const std::string& name) {
  auto& entry = tenants_[name];
  if (entry == nullptr) {
    entry = std::make_unique<Tenant>();
    entry->name = name;
    admission_.add(entry->admission);
    prefill_.add(entry->prefill);
  }
  return *entry;
}

void Roster::enqueue(Request& request) {
  ++request.tenant->live_requests;
  wait(*request.choices.front());
}

void Roster::wait(Sequence& sequence) {
  sequence.place = Sequence::Place::kWaiting;
  sequence.request->tenant->waiting.insert(&sequence);
  if (!sequence.pages.empty()) parked_.insert(&sequence);
  ++waiting_;
}

// A request takes the slots of all its choices from the start, so that they can always go on together.
std::int32_t Roster::slot_cost(const Sequence& sequence) {
  return sequence.request->forked ? 1 : sequence.request->spec.n;
}

std::int32_t Roster::fair_share() const {
  return std::max(1, options_.max_running_sequences / std::max(1, static_cast<std::int32_t>(tenants_.size())));
}

void Roster::admit(Clock::time_point now) {
  slow_readers_ = false;
  while (waiting_ > 0) {
    Sequence* const candidate = next_candidate(now);
    std::vector<Sequence*> giving_way;
    if (candidate == nullptr || !has_pages_for(*candidate) || !find_slots(*candidate, now, giving_way)) return;
    for (Sequence* const sequence : giving_way) park(*sequence);
    start(*candidate, now);
  }
}

Sequence* Roster::next_candidate(Clock::time_point now) {
  bool any_urgent = false;
  std::unordered_map<const DeficitRoundRobin::Account*, Sequence*> heads;
  for (auto& [name, tenant] : tenants_) {
    tenant->head = nullptr;
    for (Sequence* const sequence : tenant->waiting) {
      if (sequence->request->sink->ready()) {
        tenant->head = sequence;
        break;
      }
      slow_readers_ = true;
    }
    if (tenant->head == nullptr) continue;
    std::vector<Sequence*> giving_way;
    if (!entitled(*tenant->head) && !find_slots(*tenant->head, now, giving_way)) continue;
    heads.emplace(&tenant->admission, tenant->head);
    any_urgent = any_urgent || tenant->head->request->urgent(now);
  }
  const auto* const account = admission_.pick([&](const DeficitRoundRobin::Account& candidate) {
    const auto found = heads.find(&candidate);
    return found != heads.end() && (!any_urgent || found->second->request->urgent(now));
  });
  return account == nullptr ? nullptr : heads.at(account);
}

bool Roster::has_pages_for(const Sequence& candidate) const {
  if (running_.empty()) return true;  // one full context always fits
  // One page for each running sequence's next token, so that admission does not cause preemption at once.
  const std::int64_t tokens = static_cast<std::int64_t>(candidate.tokens.size()) + 1;
  const std::int64_t needed =
      pages_for(tokens) - static_cast<std::int64_t>(candidate.pages.size()) + slot_cost(candidate) - 1 + running();
  std::int64_t available = pool_.free_pages() + pool_.idle_pages();
  if (available < needed && candidate.pages.empty()) {
    available += cache_.pages_in_use(candidate.request->tenant->name, candidate.tokens);
  }
  const auto add_reclaimable = [&](const Sequence& other) {
    if (&other == &candidate || available >= needed) return;
    available += std::count_if(other.pages.begin(), other.pages.end(),
                               [&](std::int32_t page) { return pool_.users(page) == 1; });
  };
  for (const Sequence* const parked : parked_) add_reclaimable(*parked);
  for (const Sequence* const other : running_) {
    if (!other->ready) add_reclaimable(*other);
  }
  return available >= needed;
}

/// Whether the candidate's tenant stays within its share with it, or has nothing running yet.
bool Roster::entitled(const Sequence& candidate) const {
  const std::int32_t running = candidate.request->tenant->running_slots;
  return running == 0 || running + slot_cost(candidate) <= fair_share();
}

/// @param giving_way those to be parked for it
/// @return false if that is not enough: then nobody should be, or their slots would stand empty
bool Roster::find_slots(const Sequence& candidate, Clock::time_point now, std::vector<Sequence*>& giving_way) const {
  std::int32_t missing = slot_cost(candidate) - (options_.max_running_sequences - slots_used_);
  if (missing <= 0) return true;
  const bool urgent = candidate.request->urgent(now);
  const std::int32_t share = fair_share();
  const bool under_share = entitled(candidate);
  std::unordered_map<const Tenant*, std::int32_t> taken;
  for (auto it = running_.rbegin(); it != running_.rend() && missing > 0; ++it) {
    const Sequence& other = **it;
    const Tenant* const tenant = other.request->tenant;
    const bool other_urgent = other.request->urgent(now);
    const bool over_share = tenant->running_slots - taken[tenant] - slot_cost(other) >= share;
    const bool gives_way =
        !other.ready || (urgent && !other_urgent) || (under_share && over_share && (urgent || !other_urgent));
    if (!gives_way) continue;
    giving_way.push_back(*it);
    taken[tenant] += slot_cost(other);
    missing -= slot_cost(other);
  }
  return missing <= 0;
}

void Roster::start(Sequence& sequence, Clock::time_point now) {
  Request& request = *sequence.request;
  Tenant& tenant = *request.tenant;
  tenant.waiting.erase(&sequence);
  parked_.erase(&sequence);
  --waiting_;
  if (!request.admitted) {
    request.admitted = now;
    if (tenants_.size() > 1) tenant.admission.charge(static_cast<std::int64_t>(request.spec.prompt.size()));
  }
  if (request.forked && sequence.pages.empty()) adopt_prompt_pages(sequence);
  sequence.place = Sequence::Place::kRunning;
  sequence.ready = true;
  sequence.planned = 0;
  running_.insert(std::upper_bound(running_.begin(), running_.end(), &sequence, ByRank()), &sequence);
  tenant.running_slots += slot_cost(sequence);
  slots_used_ += slot_cost(sequence);
}

void Roster::park(Sequence& sequence) {
  running_.erase(std::find(running_.begin(), running_.end(), &sequence));
  sequence.request->tenant->running_slots -= slot_cost(sequence);
  slots_used_ -= slot_cost(sequence);
  wait(sequence);
}

void Roster::preempt(Sequence& sequence) {
  release_pages(sequence);
  park(sequence);
}

void Roster::release_pages(Sequence& sequence) {
  if (sequence.computed > 0) ++preemptions_;
  offer_pages(sequence);
  drop_pages(sequence);
}

void Roster::drop_pages(Sequence& sequence) {
  for (const std::int32_t page : sequence.pages) pool_.release(page);
  sequence.pages.clear();
  sequence.computed = 0;
}

void Roster::offer_pages(Sequence& sequence) {
  const auto computed = static_cast<std::size_t>(sequence.computed);
  cache_.offer(sequence.request->tenant->name, std::span(sequence.tokens).first(computed), sequence.pages);
}

/// Goes on from the longest beginning that the prefix cache has, if that is further than the sequence has come.
void Roster::reuse_prefix(Sequence& sequence) {
  if (!cache_.enabled()) return;
  Request& request = *sequence.request;
  PrefixCache::Match match = cache_.find(request.tenant->name, sequence.tokens);
  if (match.tokens <= sequence.computed) return;
  for (const std::int32_t page : match.pages) pool_.add_reference(page);
  drop_pages(sequence);
  sequence.pages = std::move(match.pages);
  sequence.computed = match.tokens;
  const std::int32_t reached = std::min(match.tokens, static_cast<std::int32_t>(request.spec.prompt.size()));
  request.usage.cached_tokens += std::max(0, reached - request.prompt_reached);
  request.prompt_reached = std::max(request.prompt_reached, reached);
}

// Pages of a prompt are offered at once, for those who come with the same one; what is generated only at the end.
void Roster::note_computed(Sequence& sequence) {
  const std::int32_t tokens = sequence.planned - sequence.guesses();
  sequence.computed += tokens;
  Request& request = *sequence.request;
  const auto prompt_tokens = static_cast<std::int32_t>(request.spec.prompt.size());
  request.prompt_reached = std::max(request.prompt_reached, std::min(sequence.computed, prompt_tokens));
  if (sequence.computed - tokens < prompt_tokens || tokens > 1) offer_pages(sequence);
}

void Roster::fork(Request& request) {
  Sequence& first = *request.choices.front();
  request.forked = true;  // the first choice's slots are one for each now
  for (std::size_t i = 1; i < request.choices.size(); ++i) {
    Sequence& other = *request.choices[i];
    other.tokens = first.tokens;
    other.pages = first.pages;
    for (const std::int32_t page : other.pages) pool_.add_reference(page);
    other.computed = first.computed;
    other.place = Sequence::Place::kRunning;
    running_.insert(std::upper_bound(running_.begin(), running_.end(), &other, ByRank()), &other);
  }
}

// The whole pages of the prompt, if another choice of the request still has them. Some token is left to compute: a
// forked sequence has generated one.
void Roster::adopt_prompt_pages(Sequence& sequence) {
  const Request& request = *sequence.request;
  const Sequence* best = nullptr;
  for (const auto& other : request.choices) {
    if (other.get() == &sequence || other->pages.empty()) continue;
    if (best == nullptr || other->computed > best->computed) best = other.get();
  }
  if (best == nullptr) return;
  const std::int32_t shared = std::min(best->computed, static_cast<std::int32_t>(request.spec.prompt.size()));
  const auto pages = static_cast<std::size_t>(shared / tensor::kKvPageTokens);
  sequence.pages.assign(best->pages.begin(), best->pages.begin() + static_cast<std::ptrdiff_t>(pages));
  for (const std::int32_t page : sequence.pages) pool_.add_reference(page);
  sequence.computed = static_cast<std::int32_t>(pages) * tensor::kKvPageTokens;
}

// What is generated costs only while it keeps others waiting: a tenant alone on the machine runs up no debt.
void Roster::charge_generated(Tenant& tenant) {
  if (waiting_ > static_cast<std::int32_t>(tenant.waiting.size())) tenant.admission.charge(1);
}

void Roster::finish(Sequence& sequence) {
  offer_pages(sequence);
  drop_pages(sequence);
  Tenant& tenant = *sequence.request->tenant;
  if (sequence.place == Sequence::Place::kWaiting) {
    tenant.waiting.erase(&sequence);
    parked_.erase(&sequence);
    --waiting_;
  } else if (sequence.place == Sequence::Place::kRunning) {
    running_.erase(std::find(running_.begin(), running_.end(), &sequence));
    tenant.running_slots -= slot_cost(sequence);
    slots_used_ -= slot_cost(sequence);
  }
  sequence.place = Sequence::Place::kFinished;
}

bool Roster::forget(Request& request) {
  Tenant& tenant = *request.tenant;
  if (--tenant.live_requests > 0) return false;
  admission_.remove(tenant.admission);
  prefill_.remove(tenant.prefill);
  tenants_.erase(tenants_.find(tenant.name));
  return true;
}

std::unordered_map<TenantSeries*, double> Roster::pages_used() const {
  std::unordered_map<TenantSeries*, double> used;
  const auto add = [&](const Sequence& sequence) {
    double pages = 0.0;
    for (const std::int32_t page : sequence.pages) pages += 1.0 / pool_.users(page);
    used[sequence.request->tenant->series] += pages;
  };
  for (const auto& [name, tenant] : tenants_) used[tenant->series] = 0.0;  // also of those whose requests only wait
  for (const Sequence* const sequence : running_) add(*sequence);
  for (const Sequence* const sequence : parked_) add(*sequence);
  return used;
}

// A page to write to may not be shared.
bool Roster::own_partial_page(Sequence& sequence) {
  const auto written = static_cast<std::size_t>(sequence.computed / tensor::kKvPageTokens);
  const bool partial = sequence.computed % tensor::kKvPageTokens != 0;
  while (partial && pool_.references(sequence.pages[written]) > 1) {
    const std::int32_t page = sequence.pages[written];
    if (auto copy = pool_.clone(page)) {
      pool_.release(page);
      sequence.pages[written] = *copy;
    } else if (cache_.evict(1) > 0) {
      continue;
    } else if (pool_.users(page) == 1) {
      cache_.surrender(page);  // it costs less than taking another sequence's
    } else if (!reclaim(sequence)) {
      return false;
    }
  }
  return true;
}

// Every position up to tokens_end needs a page.
bool Roster::reserve(Sequence& sequence, std::int32_t tokens_end) {
  for (;;) {
    const std::int32_t missing = pages_for(tokens_end) - static_cast<std::int32_t>(sequence.pages.size());
    if (missing <= 0) return true;
    if (auto page = pool_.allocate()) {
      sequence.pages.push_back(*page);
    } else if (cache_.evict(missing) == 0 && !reclaim(sequence)) {
      return false;
    }
  }
}

// Takes the pages of one sequence; whether that frees any depends on who shares them.
bool Roster::reclaim(const Sequence& needy) {
  if (!parked_.empty()) {
    Sequence* const lowest = *parked_.rbegin();
    release_pages(*lowest);
    parked_.erase(lowest);
    return true;
  }
  for (auto it = running_.rbegin(); it != running_.rend(); ++it) {
    Sequence* const other = *it;
    if (other == &needy || other->planned > 0 || other->pages.empty()) continue;
    if (other->ready && ByRank()(other, &needy)) continue;
    preempt(*other);
    return true;
  }
  return false;
}

std::span<Sequence* const> Roster::plan(Clock::time_point now) {
  planned_.clear();
  for (Sequence* const sequence : running_) {
    sequence->planned = 0;
    sequence->guessed.clear();
    sequence->ready = sequence->request->sink->ready();
    slow_readers_ = slow_readers_ || !sequence->ready;
  }
  plan_decoding();
  look_up_guesses();
  std::int64_t budget = options_.prefill_chunk_tokens;
  plan_prefill(true, now, budget);
  plan_prefill(false, now, budget);
  return planned_;
}

// From the highest rank down, so that who loses its pages to another is not in the step yet. Who gets none sits out.
void Roster::plan_decoding() {
  decoding_.clear();
  for (Sequence* const sequence : running_) {
    if (sequence->ready && sequence->remaining() == 1) decoding_.push_back(sequence);
  }
  for (Sequence* const sequence : decoding_) {
    if (sequence->place != Sequence::Place::kRunning) continue;  // just preempted
    if (!own_partial_page(*sequence) || !reserve(*sequence, sequence->computed + 1)) continue;
    sequence->planned = 1;
    planned_.push_back(sequence);
  }
}

std::int32_t Roster::room_for_guesses() const {
  const auto prefilling = [](const Sequence* sequence) { return sequence->ready && sequence->remaining() > 1; };
  if (std::any_of(running_.begin(), running_.end(), prefilling)) return 0;
  std::int32_t rows = 0;
  for (const Sequence* const sequence : planned_) rows += sequence->planned;
  return std::max(0, kMostGuessingRows - rows);
}

std::int32_t Roster::useful_guesses(const Sequence& sequence, std::int32_t most) const {
  const std::int64_t positions =
      (static_cast<std::int64_t>(sequence.pages.size()) + pool_.free_pages()) * tensor::kKvPageTokens;
  const auto room = static_cast<std::int32_t>(std::min<std::int64_t>(positions - sequence.computed - 1, most));
  return std::max(0, std::min(room, sequence.request->most_tokens - sequence.generated - 1));
}

void Roster::add_guesses(Sequence& sequence, std::span<const TokenId> guesses, GuessPace& by, float cost) {
  sequence.guessed.assign(1, sequence.tokens.back());
  sequence.guessed.insert(sequence.guessed.end(), guesses.begin(), guesses.end());
  sequence.guessed_by = &by;
  sequence.guess_cost = cost;
  sequence.planned = static_cast<std::int32_t>(sequence.guessed.size());
  reserve(sequence, sequence.computed + sequence.planned);
}

void Roster::look_up_guesses() {
  std::int32_t room = options_.speculation ? room_for_guesses() : 0;
  for (Sequence* const sequence : planned_) {
    if (room == 0) return;
    const std::int32_t most = useful_guesses(*sequence, std::min(room, sequence->lookup_pace.next()));
    const auto guesses = look_up(sequence->tokens, static_cast<std::size_t>(most));
    if (guesses.empty()) continue;
    add_guesses(*sequence, guesses, sequence->lookup_pace, kGuessCost * static_cast<float>(guesses.size()));
    room -= sequence->guesses();
  }
}

void Roster::plan_prefill(bool urgent, Clock::time_point now, std::int64_t& budget) {
  std::unordered_map<const DeficitRoundRobin::Account*, Tenant*> tenants;
  for (auto it = running_.rbegin(); it != running_.rend(); ++it) {
    Sequence& sequence = **it;
    if (!sequence.ready || sequence.remaining() < 2 || sequence.request->urgent(now) != urgent) continue;
    Tenant* const tenant = sequence.request->tenant;
    if (tenants.emplace(&tenant->prefill, tenant).second) tenant->prefilling.clear();
    tenant->prefilling.push_back(&sequence);
  }
  while (budget > 0 && !tenants.empty()) {
    DeficitRoundRobin::Account* const account = prefill_.pick([&](const DeficitRoundRobin::Account& candidate) {
      const auto found = tenants.find(&candidate);
      return found != tenants.end() && !found->second->prefilling.empty();
    });
    if (account == nullptr) return;
    auto& line = tenants.at(account)->prefilling;
    Sequence& sequence = *line.back();
    if (sequence.planned == 0 && sequence.place == Sequence::Place::kRunning) reuse_prefix(sequence);
    const std::int64_t wanted = std::min<std::int64_t>(
        {budget, account->credit(), static_cast<std::int64_t>(sequence.remaining() - sequence.planned)});
    const std::int64_t taken = sequence.place == Sequence::Place::kRunning ? extend_prefill(sequence, wanted) : 0;
    account->charge(taken);
    budget -= taken;
    if (taken < wanted || sequence.planned == sequence.remaining()) line.pop_back();
  }
}

/// @return tokens added to the step; fewer than asked for when pages are missing
std::int64_t Roster::extend_prefill(Sequence& sequence, std::int64_t most) {
  const std::int32_t begin = sequence.computed + sequence.planned;
  const auto end = begin + static_cast<std::int32_t>(most);
  std::int32_t reached = end;
  if (!own_partial_page(sequence)) return 0;
  if (!reserve(sequence, end)) {
    reached = std::min(end, static_cast<std::int32_t>(sequence.pages.size()) * tensor::kKvPageTokens);
  }
  if (reached <= begin) return 0;
  if (sequence.planned == 0) planned_.push_back(&sequence);
  sequence.planned += reached - begin;
  return reached - begin;
}

}  // namespace marquee::serving
