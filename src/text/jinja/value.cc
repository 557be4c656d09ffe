#include "text/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace marquee::text::jinja {
namespace {

constexpr std::size_t kMaxKeyBytes = 65536;  // tuples that hold one tuple many times would grow without end
constexpr std::size_t kLinearSearch = 8;     // dicts up to this size are searched without an index

Result<std::shared_ptr<const Sequence>> make_sequence(std::vector<Value> items) {
  auto sequence = std::make_shared<Sequence>();
  for (const Value& item : items) sequence->depth = std::max(sequence->depth, item.depth() + 1);
  if (sequence->depth > kMaxValueDepth) {
    return base::Error{base::ErrorCode::kTooLarge, fmt::format("lists nest more than {} deep", kMaxValueDepth)};
  }
  sequence->items = std::move(items);
  return std::shared_ptr<const Sequence>(std::move(sequence));
}

std::string hash_number(const Value& value) {
  if (value.is_integral()) return fmt::format("i{}", value.integer());
  const double real = value.real();
  if (std::floor(real) == real && std::abs(real) < 1e30) return fmt::format("i{}", static_cast<Integer>(real));
  return fmt::format("f{}", std::bit_cast<std::uint64_t>(real));
}

}  // namespace

Result<Value> Value::list(std::vector<Value> items) {
  MARQUEE_ASSIGN(auto sequence, make_sequence(std::move(items)));
  return Value(State(List{std::move(sequence)}));
}

Result<Value> Value::tuple(std::vector<Value> items) {
  MARQUEE_ASSIGN(auto sequence, make_sequence(std::move(items)));
  return Value(State(Tuple{std::move(sequence)}));
}

std::uint32_t Value::depth() const {
  switch (kind()) {
    case Kind::kList: return std::get<List>(state_).data->depth;
    case Kind::kTuple: return std::get<Tuple>(state_).data->depth;
    case Kind::kDict: return dict().depth();
    case Kind::kObject: return object().depth();
    default: return 0;
  }
}

bool Value::same_as(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kUndefined: return std::get<Undefined>(state_).message == std::get<Undefined>(other.state_).message;
    case Kind::kNone: return true;
    case Kind::kBoolean: return boolean() == other.boolean();
    case Kind::kInteger: return integer() == other.integer();  // as CPython does for small ones
    case Kind::kReal: return false;
    case Kind::kText: return std::get<Text>(state_).bytes == std::get<Text>(other.state_).bytes;
    case Kind::kList: return std::get<List>(state_).data == std::get<List>(other.state_).data;
    case Kind::kTuple: return std::get<Tuple>(state_).data == std::get<Tuple>(other.state_).data;
    case Kind::kDict: return shared_dict() == other.shared_dict();
    case Kind::kObject: return shared_object() == other.shared_object();
  }
  return false;
}

std::string Value::type_name() const {
  switch (kind()) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBoolean: return "bool";
    case Kind::kInteger: return "int";
    case Kind::kReal: return "float";
    case Kind::kText: return is_safe() ? "Markup" : "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kObject: return object().type_name();
  }
  return "object";
}

std::optional<std::string> hash_key(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return "u";
    case Kind::kNone: return "n";
    case Kind::kBoolean:
    case Kind::kInteger:
    case Kind::kReal: return hash_number(value);
    case Kind::kText: return "s" + value.text();
    case Kind::kTuple: {
      std::string key = "(";
      for (const Value& item : value.items()) {
        const auto part = hash_key(item);
        if (!part) return std::nullopt;
        key += fmt::format("{}:{}", part->size(), *part);
        if (key.size() > kMaxKeyBytes) return std::nullopt;
      }
      return key + ")";
    }
    case Kind::kObject: return fmt::format("o{}", static_cast<const void*>(&value.object()));
    case Kind::kList:
    case Kind::kDict: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::size_t> Dict::position(const std::string& hashed) const {
  if (!index_.empty()) {
    const auto found = index_.find(hashed);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (hash_key(entries_[i].first) == hashed) return i;
  }
  return std::nullopt;
}

Result<void> Dict::set(Value key, Value value) {
  const auto hashed = hash_key(key);
  if (!hashed) return type_error("unhashable type: '" + key.type_name() + "'");
  depth_ = std::max({depth_, value.depth() + 1, key.depth() + 1});
  if (depth_ > kMaxValueDepth) {
    return base::Error{base::ErrorCode::kTooLarge, fmt::format("dicts nest more than {} deep", kMaxValueDepth)};
  }
  if (const auto at = position(*hashed)) {
    entries_[*at].second = std::move(value);
    return {};
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() == kLinearSearch + 1) {
    for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(*hash_key(entries_[i].first), i);
  } else if (entries_.size() > kLinearSearch) {
    index_.emplace(*hashed, entries_.size() - 1);
  }
  return {};
}

const Value* Dict::find(const Value& key) const {
  if (key.is_text()) return find(std::string_view(key.text()));
  const auto hashed = hash_key(key);
  const auto at = hashed ? position(*hashed) : std::nullopt;
  return at ? &entries_[*at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  if (!index_.empty()) {
    const auto at = position("s" + std::string(key));
    return at ? &entries_[*at].second : nullptr;
  }
  for (const auto& [name, value] : entries_) {
    if (name.is_text() && name.text() == key) return &value;
  }
  return nullptr;
}

Result<Value> Object::call(Runtime& /*runtime*/, Arguments /*arguments*/) {
  return type_error("'" + type_name() + "' object is not callable");
}

base::Error type_error(std::string message) { return base::invalid_argument(std::move(message)); }
base::Error value_error(std::string message) { return base::invalid_argument(std::move(message)); }

}  // namespace marquee::text::jinja
