#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/engine.h"

namespace marquee::serving {

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
  std::string name = {};  ///< left out of what the template sees when empty
};

/// From a conversation to a model's prompt: the model's chat template, then its tokenizer. The template's own special
/// tokens are recognised; those that a message spells out are plain text, so that no message can end its turn or speak
/// in another's name. Safe to use from many threads.
class ChatPrompter {
 public:
  /// @error kUnsupported if the model's file has no chat template; what the template raises (kInvalidArgument,
  /// "messages")
  base::Result<std::vector<formats::TokenId>> encode(const LoadedModel& model, std::span<const ChatMessage> messages,
                                                     bool add_generation_prompt = true);

  /// The texts of a tokenizer's special tokens, longest first.
  struct SpecialTexts {
    std::vector<std::string> texts;
    std::string first_bytes;  ///< the different bytes they begin with
  };

 private:
  std::shared_ptr<const SpecialTexts> specials_of(const LoadedModel& model);

  std::mutex mutex_;
  std::map<std::string, std::pair<const formats::Tokenizer*, std::shared_ptr<const SpecialTexts>>> specials_;
};

}  // namespace marquee::serving
