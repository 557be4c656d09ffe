#include "text/jinja/loop_state.h"

#include <algorithm>

#include "text/jinja/objects.h"

namespace marquee::text::jinja {
namespace {

using Attribute = std::optional<Value>;

Value count(std::size_t number) { return Value::integer(static_cast<Integer>(number)); }

}  // namespace

Result<std::optional<Value>> LoopState::advance(Runtime& runtime) {
  MARQUEE_ASSIGN(const bool more, has_next(runtime));
  before_ = std::move(current_);
  current_ = std::exchange(after_, std::nullopt);
  if (more) ++taken_;
  return current_;
}

Result<bool> LoopState::has_next(Runtime& runtime) {
  if (after_) return true;
  if (!ahead_.empty()) {
    after_ = std::move(ahead_.back());
    ahead_.pop_back();
  } else if (cursor_ != nullptr) {
    MARQUEE_ASSIGN(after_, next_item(runtime, *cursor_));
  }
  return after_.has_value();
}

Result<std::optional<std::size_t>> LoopState::length(Runtime& runtime) {
  if (length_) return length_;
  if (values_.is(Kind::kObject)) {
    MARQUEE_ASSIGN(length_, values_.object().length(runtime));
  } else if (!values_.is(Kind::kNone)) {
    MARQUEE_ASSIGN(length_, length_of(runtime, values_));
  }
  if (length_) return length_;
  std::vector<Value> rest;
  while (true) {
    MARQUEE_ASSIGN(auto item, next_item(runtime, *cursor_));
    if (!item) break;
    rest.push_back(std::move(*item));
  }
  length_ = taken_ + (after_ ? 1 : 0) + rest.size();
  ahead_.assign(std::make_move_iterator(rest.rbegin()), std::make_move_iterator(rest.rend()));
  return length_;
}

Result<std::string> LoopState::text(Runtime& runtime) {
  MARQUEE_ASSIGN(const auto total, length(runtime));
  return "<LoopContext " + std::to_string(taken_) + "/" + std::to_string(*total) + ">";
}

Result<std::optional<Value>> LoopState::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index") return Attribute(count(taken_));
  if (name == "index0") return Attribute(Value::integer(static_cast<Integer>(taken_) - 1));
  if (name == "first") return Attribute(Value::boolean(taken_ == 1));
  if (name == "depth") return Attribute(count(depth_ + 1));
  if (name == "depth0") return Attribute(count(depth_));
  if (name == "previtem") return Attribute(before_ ? *before_ : Value::undefined("there is no previous item"));
  if (name == "last" || name == "nextitem") {
    MARQUEE_ASSIGN(const bool more, has_next(runtime));
    if (name == "last") return Attribute(Value::boolean(!more));
    return Attribute(more ? *after_ : Value::undefined("there is no next item"));
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    MARQUEE_ASSIGN(const auto total, length(runtime));
    if (name == "length") return Attribute(count(*total));
    const auto left = static_cast<Integer>(*total) - static_cast<Integer>(taken_);
    return Attribute(Value::integer(name == "revindex" ? left + 1 : left));
  }
  if (name != "cycle" && name != "changed") return Attribute();
  auto self = std::static_pointer_cast<LoopState>(shared_from_this());
  const bool is_cycle = name == "cycle";
  const auto body = [self, is_cycle](Runtime& inner, Arguments arguments) -> Result<Value> {
    return is_cycle ? self->cycle(arguments) : self->changed(inner, std::move(arguments));
  };
  return Attribute(Value::object(std::make_shared<Function>(std::string(name), body, 0)));
}

Result<Value> LoopState::cycle(const Arguments& arguments) const {
  if (arguments.positional.empty() || !arguments.named.empty()) return type_error("loop.cycle() wants values");
  return arguments.positional[(taken_ - 1) % arguments.positional.size()];
}

Result<Value> LoopState::changed(Runtime& runtime, Arguments arguments) {
  MARQUEE_ASSIGN(auto now, Value::tuple(std::move(arguments.positional)));
  if (last_checked_) {
    MARQUEE_ASSIGN(const bool same, equals(runtime, *last_checked_, now));
    if (same) return Value::boolean(false);
  }
  last_checked_ = std::move(now);
  return Value::boolean(true);
}

Result<Value> LoopState::call(Runtime& runtime, Arguments arguments) {
  if (!loop_.recursive) {
    return type_error("the loop must have the 'recursive' marker to be called recursively");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) return type_error("loop() wants one value");
  MARQUEE_ASSIGN(const auto level, runtime.enter());
  const Evaluation::Inside inside(evaluation_, home_);
  std::string out;
  MARQUEE_CHECK(loop_.run_over(evaluation_, arguments.positional[0], depth_ + 1, out));
  return Value::text(std::move(out));
}

void LoopState::release() {
  home_.reset();
  values_ = Value();
  cursor_.reset();
  before_ = current_ = after_ = last_checked_ = std::nullopt;
  ahead_.clear();
}

}  // namespace marquee::text::jinja
