#include "http/answers/tool_call_reader.h"

#include <algorithm>
#include <utility>

#include "text/grammar/compile.h"

namespace marquee::http {

using text::grammar::kToolCallArguments;
using text::grammar::kToolCallClose;
using text::grammar::kToolCallMark;
using text::grammar::kToolCallOpen;

std::vector<ToolCallReader::Part> ToolCallReader::push(std::string_view piece) {
  held_ += piece;
  std::vector<Part> parts;
  bool moved = true;
  while (moved) {
    switch (state_) {
      case State::kText: moved = read_text(parts); break;
      case State::kHeader: moved = read_header(parts); break;
      case State::kArguments: moved = read_arguments(parts); break;
      case State::kClose:
        moved = held_.size() >= kToolCallClose.size();
        if (!moved) break;
        held_.erase(0, kToolCallClose.size());
        state_ = State::kBehind;
        break;
      case State::kBehind: {
        const std::size_t next = 1 + kToolCallMark.size();  // behind a line break
        moved = held_.size() >= next;
        if (!moved) break;
        held_.erase(0, next);
        state_ = State::kHeader;
        break;
      }
    }
  }
  return parts;
}

std::vector<ToolCallReader::Part> ToolCallReader::finish() {
  if (state_ != State::kText || held_.empty()) return {};
  return {{Part::Kind::kText, std::exchange(held_, {})}};
}

/// @return whether the state has changed, so that there may be more to read
bool ToolCallReader::read_text(std::vector<Part>& parts) {
  const std::size_t mark = held_.find(kToolCallMark);
  std::size_t safe = std::min(mark, held_.size());
  if (mark == std::string::npos) {
    // The longest end that may be the beginning of a mark stays.
    const std::size_t longest = std::min(held_.size(), kToolCallMark.size() - 1);
    for (std::size_t length = longest; length > 0; --length) {
      if (!kToolCallMark.starts_with(std::string_view(held_).substr(held_.size() - length))) continue;
      safe = held_.size() - length;
      break;
    }
  }
  if (safe > 0) parts.push_back({Part::Kind::kText, held_.substr(0, safe)});
  held_.erase(0, safe);
  if (mark == std::string::npos) return false;
  held_.erase(0, kToolCallMark.size());
  state_ = State::kHeader;
  return true;
}

bool ToolCallReader::read_header(std::vector<Part>& parts) {
  const std::size_t end = held_.find(kToolCallArguments);
  if (end == std::string::npos || end < kToolCallOpen.size()) return false;
  parts.push_back({Part::Kind::kName, held_.substr(kToolCallOpen.size(), end - kToolCallOpen.size())});
  held_.erase(0, end + kToolCallArguments.size());
  ++calls_;
  depth_ = 0;
  in_string_ = escaped_ = false;
  state_ = State::kArguments;
  return true;
}

// Arguments are an object: they end where its bracket closes.
bool ToolCallReader::read_arguments(std::vector<Part>& parts) {
  std::size_t end = 0;
  bool closed = false;
  for (; end < held_.size() && !closed; ++end) {
    const char c = held_[end];
    if (in_string_) {
      const bool was_escaped = std::exchange(escaped_, !escaped_ && c == '\\');
      if (c == '"' && !was_escaped) in_string_ = false;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      closed = --depth_ == 0;
    }
  }
  if (end > 0) parts.push_back({Part::Kind::kArguments, held_.substr(0, end)});
  held_.erase(0, end);
  if (closed) state_ = State::kClose;
  return closed;
}

}  // namespace marquee::http
