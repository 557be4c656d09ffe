#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "apps/bench_target.h"
#include "apps/stream_event.h"
#include "base/json.h"

namespace marquee::apps {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace json = base::json;
using SteadyClock = std::chrono::steady_clock;

/// Words that most vocabularies have as one token, with the space before them.
constexpr std::array kWords = {"the",   "of",     "and",   "house",   "water", "light", "night", "day",
                               "time",  "people", "world", "story",   "music", "sound", "river", "stone",
                               "green", "black",  "white", "small",   "large", "first", "last",  "under",
                               "over",  "little", "great", "morning", "city",  "road"};

/// An event and when it came; it is read only after the run, so that reading it costs no other stream time.
struct Arrival {
  double at_s;
  std::string data;
};

/// Adds what one event says. @error what the server says went wrong
Result<void> read_arrival(const Arrival& arrival, RequestTimes& request) {
  MARQUEE_ASSIGN(const StreamEvent event, read_stream_event(arrival.data));
  request.prompt_tokens = event.prompt_tokens.value_or(request.prompt_tokens);
  request.completion_tokens = event.completion_tokens.value_or(request.completion_tokens);
  if (!event.text.empty()) request.arrivals_s.push_back(arrival.at_s);
  return {};
}

class ServerTarget final : public BenchTarget {
 public:
  ServerTarget(ServerModel server, PromptKind kind, const BenchPlan& plan)
      : server_(std::move(server)), kind_(kind), plan_(plan) {}

  Result<std::vector<RequestTimes>> run(const BenchCase& bench_case, std::uint64_t variant,
                                        const std::atomic<bool>& cancelled) override {
    const auto streams = static_cast<std::size_t>(bench_case.streams);
    std::vector<json::value> bodies;
    for (std::size_t i = 0; i < streams; ++i)
      bodies.push_back(body_of(bench_case, variant, static_cast<std::int32_t>(i)));
    std::vector<RequestTimes> requests(streams);
    std::vector<std::vector<Arrival>> arrivals(streams);
    std::mutex mutex;
    std::optional<Error> failure;
    const auto start = SteadyClock::now();
    const auto ask = [&](std::size_t i) {
      auto asked = ask_once(bodies[i], start, requests[i], arrivals[i], cancelled);
      const std::scoped_lock lock(mutex);
      if (!asked && !failure) failure = std::move(asked).error();
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < streams; ++i) threads.emplace_back(ask, i);
    ask(0);
    for (std::thread& thread : threads) thread.join();
    if (failure) return with_remedy(*failure);
    for (std::size_t i = 0; i < streams; ++i) {
      for (const Arrival& arrival : arrivals[i]) MARQUEE_CHECK(read_arrival(arrival, requests[i]));
      // A server that counts nothing has sent a token with each event.
      auto& counted = requests[i].completion_tokens;
      if (counted == 0) counted = static_cast<std::int64_t>(requests[i].arrivals_s.size());
      if (requests[i].prompt_tokens == 0) requests[i].prompt_tokens = bench_case.prompt_tokens;
    }
    return requests;
  }

 private:
  Result<void> ask_once(const json::value& body, SteadyClock::time_point start, RequestTimes& request,
                        std::vector<Arrival>& arrivals, const std::atomic<bool>& cancelled) const {
    const auto now_s = [start] { return std::chrono::duration<double>(SteadyClock::now() - start).count(); };
    request.begun_s = now_s();
    auto streamed = ServerClient(server_.address)
                        .stream(
                            kind_ == PromptKind::kChat ? "/v1/chat/completions" : "/v1/completions", body,
                            [&](std::string_view data) {
                              arrivals.push_back({now_s(), std::string(data)});
                            },
                            cancelled);
    request.ended_s = now_s();
    return streamed;
  }

  json::value body_of(const BenchCase& bench_case, std::uint64_t variant, std::int32_t stream) const {
    json::object body = {{"model", server_.model},
                         {"max_tokens", bench_case.output_tokens},
                         {"temperature", plan_.temperature},
                         {"seed", plan_.seed + static_cast<std::uint64_t>(stream)},
                         {"stream", true},
                         {"stream_options", {{"include_usage", true}}}};
    if (plan_.ignore_eos) body["ignore_eos"] = true;
    const auto ids = bench_prompt(plan_.seed, variant, stream, bench_case.prompt_tokens, 0);
    if (kind_ == PromptKind::kTokens) {
      body["prompt"] = json::value_from(ids);
      return body;
    }
    std::string text;
    for (const formats::TokenId id : ids) {
      text += (text.empty() ? "" : " ") + std::string(kWords[static_cast<std::size_t>(id) % kWords.size()]);
    }
    if (kind_ == PromptKind::kText) {
      body["prompt"] = text;
    } else {
      body["messages"] = json::array{{{"role", "user"}, {"content", text}}};
    }
    return body;
  }

  /// Servers refuse different things; which flag helps is not plain from what they say.
  [[nodiscard]] Error with_remedy(Error error) const {
    const bool refused = error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound ||
                         error.code == ErrorCode::kInternal;
    if (refused && kind_ == PromptKind::kTokens) {
      error.message += "; a server that takes no token ids may take --prompts text or --prompts chat";
    } else if (refused && plan_.ignore_eos) {
      error.message += "; a server that does not know ignore_eos needs --allow-eos";
    }
    return error;
  }

  const ServerModel server_;
  const PromptKind kind_;
  const BenchPlan plan_;
};

}  // namespace

std::unique_ptr<BenchTarget> server_target(ServerModel server, PromptKind kind, const BenchPlan& plan) {
  return std::make_unique<ServerTarget>(std::move(server), kind, plan);
}

}  // namespace marquee::apps
