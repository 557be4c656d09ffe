#include "http/encoding/encoding.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/log.h"
#include "http/answers/json_text.h"
#include "http/error_response.h"
#include "http/services.h"
#include "platform/usage.h"

namespace marquee::http {

namespace {

std::int64_t now_unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// One request: waits for its outcome, settles the bill, then answers.
class Encoding : public std::enable_shared_from_this<Encoding> {
 public:
  explicit Encoding(EncodingPlan plan) : plan_(std::move(plan)) {}

  void start() {
    serving::EncodingRequest request;
    request.tenant = plan_.call->request.principal.tenant;
    request.texts = std::move(plan_.texts);
    if (plan_.timeout) request.deadline = serving::Clock::now() + *plan_.timeout;
    serving::EncodingService& encoder = *plan_.model->encoder();
    const auto id = encoder.encode(std::move(request), [self = shared_from_this()](serving::EncodingOutcome outcome) {
      self->settle(std::move(outcome));
    });
    if (!id) return answer_error(id.error());
    plan_.call->exchange->on_gone([model = plan_.model, id = *id] { model->encoder()->stop_encoding(id); });
  }

 private:
  /// On the batcher's thread: the rest is done elsewhere.
  void settle(serving::EncodingOutcome outcome) {
    outcome_ = std::move(outcome);
    Services& services = plan_.call->services;
    const auto deliver = [self = shared_from_this()](base::Result<void> recorded) {
      self->plan_.call->services.workers.post([self, recorded = std::move(recorded)] { self->deliver(recorded); });
    };
    if (outcome_.error && outcome_.usage.compute_time.count() == 0) return deliver({});  // nothing to bill
    services.usage.record(bill(), deliver);
  }

  [[nodiscard]] platform::UsageRow bill() const {
    const Request& request = plan_.call->request;
    int status = outcome_.error ? status_of(outcome_.error->code) : 200;
    if (plan_.call->exchange->gone()) status = status_of(base::ErrorCode::kCancelled);
    return {.request_id = request.id,
            .time_unix_ms = now_unix_ms(),
            .tenant = request.principal.tenant,
            .key_id = request.principal.key_id,
            .model = plan_.model->id(),
            .route = std::string(plan_.route),
            .status = status,
            .tokens_in = outcome_.usage.prompt_tokens,
            .tokens_out = 0,
            .compute_us = std::chrono::duration_cast<std::chrono::microseconds>(outcome_.usage.compute_time).count()};
  }

  void deliver(const base::Result<void>& recorded) {
    if (!recorded) {
      spdlog::error("{}: the usage could not be written: {}", plan_.call->request.id, recorded.error().message);
      return answer_error({base::ErrorCode::kIo, "the usage could not be written; the answer is withheld"});
    }
    if (outcome_.error) return answer_error(*outcome_.error);
    plan_.call->exchange->respond({.body = plan_.answer(outcome_)});
  }

  void answer_error(const base::Error& error) {
    plan_.call->exchange->respond(error_response(error, {}, plan_.model->expected_wait()));
  }

  EncodingPlan plan_;
  serving::EncodingOutcome outcome_;
};

base::Error too_long(const serving::LoadedModel& model, std::size_t tokens, const std::string& field) {
  return base::invalid_argument("'" + field + "' has " + std::to_string(tokens) + " tokens, but '" + model.id() +
                                    "' takes at most " + std::to_string(model.context_length()) +
                                    "; shorten it or set 'truncate'",
                                field.substr(0, field.find('[')));
}

base::Result<std::vector<formats::TokenId>> checked_ids(const serving::LoadedModel& model,
                                                        const std::vector<formats::TokenId>& ids,
                                                        const std::string& field) {
  const std::int32_t vocabulary = model.facts().vocab_size;
  for (const formats::TokenId id : ids) {
    if (id < vocabulary) continue;
    return base::invalid_argument("'" + field + "' holds the token id " + std::to_string(id) + ", but the model has " +
                                      std::to_string(vocabulary) + " tokens",
                                  field.substr(0, field.find('[')));
  }
  return ids;
}

/// How many tokens of two texts are kept: the longer one gives first, as the tokenizers library does.
std::pair<std::size_t, std::size_t> shares_of(std::size_t first, std::size_t second, std::size_t most) {
  if (first + second <= most) return {first, second};
  const bool first_is_shorter = first <= second;
  std::size_t shorter = first_is_shorter ? first : second;
  std::size_t longer = shorter <= most ? std::max(shorter, most - shorter) : shorter;
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  return first_is_shorter ? std::pair(shorter, longer) : std::pair(longer, shorter);
}

}  // namespace

void start_encoding(EncodingPlan plan) { std::make_shared<Encoding>(std::move(plan))->start(); }

base::Result<serving::EncodingText> encoding_text(const serving::LoadedModel& model, const Prompt& text,
                                                  const EncodingParams& params, const std::string& field) {
  const auto most = static_cast<std::size_t>(model.context_length());
  serving::EncodingText made;
  if (const auto* ids = std::get_if<std::vector<formats::TokenId>>(&text)) {
    MARQUEE_ASSIGN(made.tokens, checked_ids(model, *ids, field));
    if (made.tokens.size() > most && !params.truncate) return too_long(model, made.tokens.size(), field);
    made.tokens.resize(std::min(made.tokens.size(), most));
    return made;
  }
  const formats::Tokenizer& tokenizer = model.tokenizer();
  made.tokens = tokenizer.encode(std::get<std::string>(text), {.add_special = true});
  if (made.tokens.empty()) {
    return base::invalid_argument("'" + field + "' has no tokens", field.substr(0, field.find('[')));
  }
  if (made.tokens.size() <= most) return made;
  if (!params.truncate) return too_long(model, made.tokens.size(), field);
  const auto after = tokenizer.after();
  if (after.size() >= most) return too_long(model, made.tokens.size(), field);
  made.tokens.resize(most - after.size());
  made.tokens.insert(made.tokens.end(), after.begin(), after.end());
  return made;
}

base::Result<serving::EncodingText> encoding_pair(const serving::LoadedModel& model, std::string_view first,
                                                  std::string_view second, const EncodingParams& params,
                                                  const std::string& field) {
  const formats::Tokenizer& tokenizer = model.tokenizer();
  const formats::PairFrame* const frame = tokenizer.pair();
  if (frame == nullptr) {
    return base::unsupported("the tokenizer of '" + model.id() + "' does not say how two texts go together");
  }
  const auto most = static_cast<std::size_t>(model.context_length());
  const std::size_t around = frame->before.size() + frame->between.size() + frame->after.size();
  auto a = tokenizer.encode(first);
  auto b = tokenizer.encode(second);
  if (a.size() + b.size() + around > most) {
    if (!params.truncate || around >= most) return too_long(model, a.size() + b.size() + around, field);
    const auto [first_share, second_share] = shares_of(a.size(), b.size(), most - around);
    a.resize(first_share);
    b.resize(second_share);
  }
  serving::EncodingText made;
  const auto append = [&](std::span<const formats::TokenId> ids) {
    made.tokens.insert(made.tokens.end(), ids.begin(), ids.end());
  };
  append(frame->before);
  append(a);
  append(frame->between);
  if (frame->second_has_own_type) made.second_from = made.tokens.size();
  append(b);
  append(frame->after);
  if (made.tokens.empty()) return base::invalid_argument("'" + field + "' has no tokens", field);
  return made;
}

base::Result<std::vector<serving::EncodingText>> encoding_texts(const serving::LoadedModel& model,
                                                                std::span<const std::string> texts,
                                                                const EncodingParams& params, std::string_view field) {
  std::vector<serving::EncodingText> made;
  made.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    MARQUEE_ASSIGN(auto text,
                   encoding_text(model, texts[i], params, std::string(field) + "[" + std::to_string(i) + "]"));
    made.push_back(std::move(text));
  }
  return made;
}

void append_encoding_usage(std::string& body, const serving::Usage& usage) {
  body += R"(,"usage":{"prompt_tokens":)";
  append_json_number(body, usage.prompt_tokens);
  body += R"(,"total_tokens":)";
  append_json_number(body, usage.prompt_tokens);
  body += "}";
}

}  // namespace marquee::http
