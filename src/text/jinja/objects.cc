#include "text/jinja/objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/printing.h"

namespace marquee::text::jinja {
namespace {

base::Error has_no_text(const std::string& what) {
  return base::unsupported("printing a " + what + " (Python would print its address in memory)");
}

class RangeCursor final : public Cursor {
 public:
  explicit RangeCursor(const Range& range) : range_(range) {}
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override {
    if (at_ == range_.count()) return std::optional<Value>();
    return std::optional<Value>(Value::integer(range_.at(at_++)));
  }

 private:
  Range range_;
  std::size_t at_ = 0;
};

class ViewCursor final : public Cursor {
 public:
  ViewCursor(std::shared_ptr<const Dict> dict, DictView::Part part) : dict_(std::move(dict)), part_(part) {}
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override {
    if (at_ == dict_->entries().size()) return std::optional<Value>();
    const auto& [key, value] = dict_->entries()[at_++];
    switch (part_) {
      case DictView::Part::kKeys: return std::optional<Value>(key);
      case DictView::Part::kValues: return std::optional<Value>(value);
      case DictView::Part::kItems: break;
    }
    MARQUEE_ASSIGN(auto pair, Value::tuple({key, value}));
    return std::optional<Value>(std::move(pair));
  }

 private:
  std::shared_ptr<const Dict> dict_;
  DictView::Part part_;
  std::size_t at_ = 0;
};

/// Draws from an iterator that others may draw from as well.
class SharedCursor final : public Cursor {
 public:
  explicit SharedCursor(std::shared_ptr<Iterator> iterator) : iterator_(std::move(iterator)) {}
  Result<std::optional<Value>> next(Runtime& runtime) override { return iterator_->next(runtime); }

 private:
  std::shared_ptr<Iterator> iterator_;
};

}  // namespace

Range::Range(Integer start, Integer stop, Integer step) : start_(start), stop_(stop), step_(step), count_(0) {
  if (step > 0 && start < stop) count_ = static_cast<std::size_t>((stop - start - 1) / step + 1);
  if (step < 0 && start > stop) count_ = static_cast<std::size_t>((start - stop - 1) / -step + 1);
}

Result<Value> Range::make(Integer start, Integer stop, Integer step) {
  constexpr Integer kFar = Integer{1} << 62;  // no sum of two such numbers overflows
  if (step == 0) return value_error("range() arg 3 must not be zero");
  const bool huge = start > kFar || start < -kFar || stop > kFar || stop < -kFar || step > kFar || step < -kFar;
  if (!huge) {
    auto range = std::make_shared<Range>(start, stop, step);
    if (range->count() <= static_cast<std::size_t>(kMaxRange)) return Value::object(std::move(range));
  }
  return value_error(fmt::format("range() of more than {} numbers", kMaxRange));
}

Result<std::string> Range::text(Runtime& /*runtime*/) {
  if (step_ == 1) return fmt::format("range({}, {})", start_, stop_);
  return fmt::format("range({}, {}, {})", start_, stop_, step_);
}

std::unique_ptr<Cursor> Range::cursor() { return std::make_unique<RangeCursor>(*this); }

bool Range::equals(const Range& other) const {
  if (count_ != other.count_) return false;
  return count_ == 0 || (start_ == other.start_ && (count_ == 1 || step_ == other.step_));
}

std::string DictView::type_name() const {
  switch (part_) {
    case Part::kKeys: return "dict_keys";
    case Part::kValues: return "dict_values";
    case Part::kItems: return "dict_items";
  }
  return "dict_view";
}

Result<std::string> DictView::text(Runtime& runtime) {
  std::vector<Value> items;
  ViewCursor all(dict_, part_);
  while (true) {
    MARQUEE_CHECK(runtime.budget().spend(1));
    MARQUEE_ASSIGN(auto item, all.next(runtime));
    if (!item) break;
    items.push_back(std::move(*item));
  }
  MARQUEE_ASSIGN(const Value list, Value::list(std::move(items)));
  MARQUEE_ASSIGN(const std::string text, to_repr(runtime, list));
  return type_name() + "(" + text + ")";
}

std::unique_ptr<Cursor> DictView::cursor() { return std::make_unique<ViewCursor>(dict_, part_); }

Result<Value> Iterator::make(std::string type_name, std::unique_ptr<Cursor> cursor, std::uint32_t depth) {
  if (depth >= kMaxValueDepth) {
    return base::Error{base::ErrorCode::kTooLarge, fmt::format("iterators nest more than {} deep", kMaxValueDepth)};
  }
  return Value::object(std::make_shared<Iterator>(std::move(type_name), std::move(cursor), depth + 1));
}

Result<std::string> Iterator::text(Runtime& /*runtime*/) { return has_no_text(type_name_); }

std::unique_ptr<Cursor> Iterator::cursor() {
  return std::make_unique<SharedCursor>(std::static_pointer_cast<Iterator>(shared_from_this()));
}

Result<std::optional<Value>> Iterator::next(Runtime& runtime) {
  if (running_) return value_error("generator already executing");
  running_ = true;
  auto item = cursor_->next(runtime);
  running_ = false;
  return item;
}

Result<std::string> Namespace::text(Runtime& runtime) {
  if (printing_) return base::unsupported("printing a namespace that holds itself");
  MARQUEE_ASSIGN(const auto level, runtime.enter());  // namespaces can form long chains
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : attributes_) MARQUEE_CHECK(dict->set(Value::text(name), value));
  printing_ = true;
  const auto text = to_repr(runtime, Value::dict(std::move(dict)));
  printing_ = false;
  if (!text) return text.error();
  return "<Namespace " + *text + ">";
}

Result<std::optional<Value>> Namespace::attribute(Runtime& /*runtime*/, std::string_view name) {
  for (const auto& [known, value] : attributes_) {
    if (known == name) return std::optional<Value>(value);
  }
  return std::optional<Value>();
}

void Namespace::set(const std::string& name, Value value) {
  for (auto& [known, old] : attributes_) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  attributes_.emplace_back(name, std::move(value));
}

Result<std::string> Function::text(Runtime& /*runtime*/) { return has_no_text("function ('" + name_ + "')"); }

Result<std::string> Cycler::text(Runtime& /*runtime*/) { return has_no_text("cycler"); }

std::uint32_t Cycler::depth() const {
  std::uint32_t depth = 0;
  for (const Value& item : items_) depth = std::max(depth, item.depth());
  return depth + 1;
}

Result<std::optional<Value>> Cycler::attribute(Runtime& /*runtime*/, std::string_view name) {
  if (name == "current") return std::optional<Value>(items_[at_]);
  if (name != "next" && name != "reset") return std::optional<Value>();
  auto self = std::static_pointer_cast<Cycler>(shared_from_this());
  const bool next = name == "next";
  const auto body = [self, next](Runtime& /*runtime*/, const Arguments& arguments) -> Result<Value> {
    if (!arguments.positional.empty() || !arguments.named.empty()) return type_error("cyclers take no arguments");
    const Value current = next ? self->items_[self->at_] : Value();
    self->at_ = next ? (self->at_ + 1) % self->items_.size() : 0;
    return current;
  };
  return std::optional<Value>(Value::object(std::make_shared<Function>(std::string(name), body, depth() + 1)));
}

Result<std::string> Joiner::text(Runtime& /*runtime*/) { return has_no_text("joiner"); }

Result<Value> Joiner::call(Runtime& /*runtime*/, Arguments arguments) {
  if (!arguments.positional.empty() || !arguments.named.empty()) return type_error("a joiner takes no arguments");
  if (used_) return separator_;
  used_ = true;
  return Value::text("");
}

}  // namespace marquee::text::jinja
