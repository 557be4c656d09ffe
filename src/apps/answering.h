#pragma once
// One conversation's answers, from the engine in this process or from a server: what `run` and `chat` talk to.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/server_client.h"
#include "base/result.h"
#include "serving/chat_prompt.h"
#include "serving/engine.h"

namespace marquee::apps {

/// What the person chose about how to answer. What was not chosen is the model's or the server's own default.
struct AnswerOptions {
  std::int32_t max_tokens = 0;  ///< 0: until the model ends or the context is full
  std::optional<float> temperature = {};
  std::optional<float> top_p = {};
  std::optional<float> min_p = {};
  std::optional<std::int32_t> top_k = {};
  std::optional<float> repetition_penalty = {};
  std::optional<std::uint64_t> seed = {};
  std::vector<std::string> stop = {};
  bool ignore_eos = false;
};

struct Answer {
  std::string text;
  std::string finish_reason;  ///< "stop", "length", "cancelled"
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double first_token_s = 0;  ///< from the question to the first text
  double total_s = 0;
  /// After the first token; 0 if there are too few.
  [[nodiscard]] double tokens_per_second() const;
};

using OnText = std::function<void(std::string_view text)>;

class Answerer {
 public:
  virtual ~Answerer() = default;
  [[nodiscard]] virtual const std::string& model() const = 0;
  /// Answers a conversation; `on_text` gets whole characters as they come. When `cancelled` becomes true the answer
  /// ends there, which is no error.
  /// @error kTooLarge if the conversation does not fit the context; kInvalidArgument, kUnsupported, kUnavailable, …
  virtual base::Result<Answer> chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                                    const OnText& on_text, const std::atomic<bool>& cancelled) = 0;
  /// Goes on with a text as it is, without a chat template.
  virtual base::Result<Answer> complete(const std::string& prompt, const AnswerOptions& options, const OnText& on_text,
                                        const std::atomic<bool>& cancelled) = 0;
};

/// With the engine in this process.
class EngineAnswerer : public Answerer {
 public:
  EngineAnswerer(std::unique_ptr<serving::Engine> engine, std::shared_ptr<serving::LoadedModel> model)
      : engine_(std::move(engine)), model_(std::move(model)) {}
  [[nodiscard]] const std::string& model() const override { return model_->id(); }
  base::Result<Answer> chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                            const OnText& on_text, const std::atomic<bool>& cancelled) override;
  base::Result<Answer> complete(const std::string& prompt, const AnswerOptions& options, const OnText& on_text,
                                const std::atomic<bool>& cancelled) override;

 private:
  base::Result<Answer> generate(std::vector<formats::TokenId> prompt, const AnswerOptions& options,
                                const OnText& on_text, const std::atomic<bool>& cancelled);

  std::unique_ptr<serving::Engine> engine_;
  std::shared_ptr<serving::LoadedModel> model_;
  serving::ChatPrompter prompter_;
};

/// With a server's API.
class ServerAnswerer : public Answerer {
 public:
  ServerAnswerer(ServerAddress address, std::string model) : client_(std::move(address)), model_(std::move(model)) {}
  [[nodiscard]] const std::string& model() const override { return model_; }
  base::Result<Answer> chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                            const OnText& on_text, const std::atomic<bool>& cancelled) override;
  base::Result<Answer> complete(const std::string& prompt, const AnswerOptions& options, const OnText& on_text,
                                const std::atomic<bool>& cancelled) override;

 private:
  base::Result<Answer> ask(const std::string& path, base::json::object body, const AnswerOptions& options,
                           const OnText& on_text, const std::atomic<bool>& cancelled);

  ServerClient client_;
  std::string model_;
};

}  // namespace marquee::apps
