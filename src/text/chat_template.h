#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace marquee::text {

/// A model file's chat template: the Jinja2 subset in text/jinja/, parsed once and checked at load.
class ChatTemplate {
 public:
  /// @error kUnsupported naming the construct, line and column it cannot render; kInvalidArgument for a syntax error
  static base::Result<ChatTemplate> parse(std::string_view source);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// Renders with the variables of `context`: messages, tools, add_generation_prompt, bos_token, eos_token, ….
  /// Bounded: steps, output bytes and recursion. raise_exception(…) of the template becomes kInvalidArgument.
  [[nodiscard]] base::Result<std::string> render(const base::json::object& context) const;
  /// The template shows `tools` to the model, and writes calls between <tool_call> and </tool_call>.
  [[nodiscard]] bool writes_tool_calls() const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquee::text
