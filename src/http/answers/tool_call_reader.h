#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::http {

/// Takes an answer apart that follows text::grammar::tool_call_source(): its text, and its calls as they come.
class ToolCallReader {
 public:
  struct Part {
    enum class Kind : std::uint8_t {
      kText,       ///< `text` of the answer before its calls
      kName,       ///< a call begins: `text` is the function's name
      kArguments,  ///< a piece of that call's arguments
    };
    Kind kind = Kind::kText;
    std::string text;
  };

  /// What a further piece of the answer brings; the result does not depend on how the answer is cut.
  std::vector<Part> push(std::string_view piece);
  /// The answer ends here: what was held back because it could have become a call.
  std::vector<Part> finish();
  /// Calls begun so far.
  [[nodiscard]] std::size_t calls() const { return calls_; }
  /// At least one call, and all of them complete.
  [[nodiscard]] bool complete() const { return calls_ > 0 && state_ == State::kBehind; }

 private:
  enum class State : std::uint8_t { kText, kHeader, kArguments, kClose, kBehind };
  bool read_text(std::vector<Part>& parts);
  bool read_header(std::vector<Part>& parts);
  bool read_arguments(std::vector<Part>& parts);

  State state_ = State::kText;
  std::string held_;  ///< not yet understood
  std::size_t calls_ = 0;
  std::size_t depth_ = 0;  ///< of the arguments' brackets
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace marquee::http
