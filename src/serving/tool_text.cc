#include "serving/tool_text.h"

#include <string_view>
#include <utility>

#include "text/grammar/compile.h"

namespace marquee::serving {

namespace json = base::json;
namespace grammar = text::grammar;

std::string tool_description(const json::array& tools) {
  std::string text =
      "You can call the functions that are described here, one JSON object in each line, between <tools> and "
      "</tools>:\n"
      "<tools>\n";
  for (const json::value& tool : tools) text += json::serialize(tool) + "\n";
  text += "</tools>\nTo call a function, write its name and its arguments as JSON like this, and nothing behind it:\n";
  text += grammar::kToolCallMark;
  text += "\n{\"name\": \"the function's name\", \"arguments\": {}}\n</tool_call>";
  return text;
}

std::string tool_call_text(const ChatMessage::Call& call) {
  std::string text(grammar::kToolCallMark);
  text.append(grammar::kToolCallOpen).append(call.name).append(grammar::kToolCallArguments).append(call.arguments);
  return text.append(grammar::kToolCallClose);
}

std::vector<ChatMessage> without_tool_roles(std::span<const ChatMessage> messages) {
  std::vector<ChatMessage> result;
  bool answering = false;  // several tools may answer one message; templates want roles to take turns
  for (const ChatMessage& message : messages) {
    const bool answers = message.role == "tool";
    if (answers) {
      const std::string text = "<tool_response>\n" + message.content + "\n</tool_response>";
      if (answering) {
        result.back().content += "\n" + text;
      } else {
        result.push_back({"user", text});
      }
    } else {
      ChatMessage plain{message.role, message.content, message.name};
      for (const ChatMessage::Call& call : message.tool_calls) {
        if (!plain.content.empty()) plain.content += "\n";
        plain.content += tool_call_text(call);
      }
      result.push_back(std::move(plain));
    }
    answering = answers;
  }
  return result;
}

}  // namespace marquee::serving
