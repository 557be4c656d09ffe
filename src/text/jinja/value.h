#pragma once
// The values a template computes with: Python's, as far as templates see them. Values are immutable and shared.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/jinja/budget.h"

namespace marquee::text::jinja {

using base::Result;

/// Wide enough for every integer JSON brings; Python's own has no bound, ours ends in an error.
__extension__ typedef __int128 Integer;

class Value;
class Dict;
class Object;

/// What Jinja gives for a name or an attribute that does not exist: prints as nothing, is false, and has no attributes.
struct Undefined {
  std::shared_ptr<const std::string> message;
};
struct None {};
/// `safe` is Jinja's Markup: text added to it is HTML-escaped.
struct Text {
  std::shared_ptr<const std::string> bytes;  ///< valid UTF-8
  bool safe = false;
};
struct Sequence {
  std::vector<Value> items;
  std::uint32_t depth = 1;
};
struct List {
  std::shared_ptr<const Sequence> data;
};
struct Tuple {
  std::shared_ptr<const Sequence> data;
};

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBoolean,
  kInteger,
  kReal,
  kText,
  kList,
  kTuple,
  kDict,
  kObject,
};

class Value {
 public:
  Value() : state_(None{}) {}
  static Value undefined(std::string message) {
    return Value(State(Undefined{std::make_shared<const std::string>(std::move(message))}));
  }
  static Value boolean(bool value) { return Value(State(value)); }
  static Value integer(Integer value) { return Value(State(value)); }
  static Value real(double value) { return Value(State(value)); }
  /// @pre bytes is valid UTF-8
  static Value text(std::string bytes, bool safe = false) {
    return Value(State(Text{std::make_shared<const std::string>(std::move(bytes)), safe}));
  }
  static Value dict(std::shared_ptr<const Dict> dict) { return Value(State(std::move(dict))); }
  static Value object(std::shared_ptr<Object> object) { return Value(State(std::move(object))); }
  /// @error kTooLarge if nested too deeply
  static Result<Value> list(std::vector<Value> items);
  static Result<Value> tuple(std::vector<Value> items);

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(state_.index()); }
  [[nodiscard]] bool is(Kind kind) const { return this->kind() == kind; }
  [[nodiscard]] bool is_undefined() const { return is(Kind::kUndefined); }
  [[nodiscard]] bool is_text() const { return is(Kind::kText); }
  [[nodiscard]] bool is_safe() const { return is_text() && std::get<Text>(state_).safe; }
  [[nodiscard]] bool is_sequence() const { return is(Kind::kList) || is(Kind::kTuple); }
  /// Booleans count: Python's bool is an int.
  [[nodiscard]] bool is_integral() const { return is(Kind::kInteger) || is(Kind::kBoolean); }
  [[nodiscard]] bool is_number() const { return is_integral() || is(Kind::kReal); }

  // Each with the kind as its precondition.
  [[nodiscard]] const std::string& message() const { return *std::get<Undefined>(state_).message; }
  [[nodiscard]] bool boolean() const { return std::get<bool>(state_); }
  [[nodiscard]] Integer integer() const {
    return is(Kind::kBoolean) ? Integer{std::get<bool>(state_)} : std::get<Integer>(state_);
  }
  [[nodiscard]] double real() const {
    return is(Kind::kReal) ? std::get<double>(state_) : static_cast<double>(integer());
  }
  [[nodiscard]] const std::string& text() const { return *std::get<Text>(state_).bytes; }
  [[nodiscard]] const std::vector<Value>& items() const {
    return is(Kind::kList) ? std::get<List>(state_).data->items : std::get<Tuple>(state_).data->items;
  }
  [[nodiscard]] const Dict& dict() const { return *std::get<DictPointer>(state_); }
  [[nodiscard]] const std::shared_ptr<const Dict>& shared_dict() const { return std::get<DictPointer>(state_); }
  [[nodiscard]] Object& object() const { return *std::get<ObjectPointer>(state_); }
  [[nodiscard]] const std::shared_ptr<Object>& shared_object() const { return std::get<ObjectPointer>(state_); }

  /// How deeply values nest in this one, 0 for one that holds none.
  [[nodiscard]] std::uint32_t depth() const;
  /// Python's `is`.
  [[nodiscard]] bool same_as(const Value& other) const;
  /// Python's name of the type: "str", "dict".
  [[nodiscard]] std::string type_name() const;

 private:
  using DictPointer = std::shared_ptr<const Dict>;
  using ObjectPointer = std::shared_ptr<Object>;
  using State = std::variant<Undefined, None, bool, Integer, double, Text, List, Tuple, DictPointer, ObjectPointer>;
  explicit Value(State state) : state_(std::move(state)) {}

  State state_;
};

/// A dict in order of insertion. Filled once, then shared as const.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  /// Adds or replaces (keeping the place). @error kInvalidArgument for a key that cannot be hashed; kTooLarge
  Result<void> set(Value key, Value value);
  /// @pre the key can be hashed; null if there is none
  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }

 private:
  [[nodiscard]] std::optional<std::size_t> position(const std::string& hashed) const;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::uint32_t depth_ = 1;
};

/// A text that is equal for equal keys only; nothing if the value cannot be hashed (list, dict). Undefined can.
std::optional<std::string> hash_key(const Value& value);

/// What a call brings along.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Runtime;

/// Hands out values one after the other.
class Cursor {
 public:
  virtual ~Cursor() = default;
  /// Nothing at the end, and from then on.
  virtual Result<std::optional<Value>> next(Runtime& runtime) = 0;
};

/// Values of the rarer types: ranges, views, iterators, functions, macros, namespaces, loops.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;
  [[nodiscard]] virtual std::string type_name() const = 0;
  /// Python's str().
  virtual Result<std::string> text(Runtime& runtime) = 0;
  /// An attribute as `object.name` finds it; nothing if there is none.
  virtual Result<std::optional<Value>> attribute(Runtime& /*runtime*/, std::string_view /*name*/) {
    return std::optional<Value>();
  }
  [[nodiscard]] virtual bool callable() const { return false; }
  virtual Result<Value> call(Runtime& runtime, Arguments arguments);
  /// Null if it cannot be iterated.
  virtual std::unique_ptr<Cursor> cursor() { return nullptr; }
  /// Python's len(), if it has one.
  virtual Result<std::optional<std::size_t>> length(Runtime& /*runtime*/) { return std::optional<std::size_t>(); }
  [[nodiscard]] virtual std::uint32_t depth() const { return 0; }
  /// Objects that can come to hold themselves drop what they hold, so that a rendering leaves nothing behind.
  virtual void release() {}
};

// Errors as Python would name them; the evaluator adds the line.
base::Error type_error(std::string message);
base::Error value_error(std::string message);

}  // namespace marquee::text::jinja
