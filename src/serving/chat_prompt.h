#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "serving/engine.h"

namespace marquee::serving {

struct ChatMessage {
  struct Call {
    std::string id;
    std::string name;
    std::string arguments;  ///< JSON text
  };
  std::string role;  ///< "system", "user", "assistant", "tool"
  std::string content;
  std::string name = {};  ///< left out of what the template sees when empty
  std::vector<Call> tool_calls = {};
  std::string tool_call_id = {};
};

/// From a conversation to a model's prompt: the model's chat template, then its tokenizer. The template's own special
/// tokens are recognised; those that a message spells out are plain text, so that no message can end its turn or speak
/// in another's name. Safe to use from many threads.
class ChatPrompter {
 public:
  /// A template that writes tool calls as text::grammar::tool_call_source() does gets the tools and calls as they are.
  /// For all others the tools stand in the system's message, calls in the assistant's text, and what a tool answered in
  /// a message of the user between <tool_response> and </tool_response>.
  /// @param tools of {"type": "function", "function": {"name", "description", "parameters"}}
  /// @error kUnsupported if the model's file has no chat template; what the template raises (kInvalidArgument,
  /// "messages")
  base::Result<std::vector<formats::TokenId>> encode(const LoadedModel& model, std::span<const ChatMessage> messages,
                                                     bool add_generation_prompt = true,
                                                     const base::json::array& tools = {});

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
