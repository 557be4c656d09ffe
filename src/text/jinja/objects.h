#pragma once
// The rarer types of values.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// Python's range.
class Range final : public Object {
 public:
  /// @error kInvalidArgument for a step of 0 or more than kMaxRange numbers
  static Result<Value> make(Integer start, Integer stop, Integer step);
  /// Without the bound on its length, for slices of ranges.
  Range(Integer start, Integer stop, Integer step);

  [[nodiscard]] std::string type_name() const override { return "range"; }
  Result<std::string> text(Runtime& runtime) override;
  std::unique_ptr<Cursor> cursor() override;
  Result<std::optional<std::size_t>> length(Runtime& /*runtime*/) override { return std::optional(count_); }

  [[nodiscard]] std::size_t count() const { return count_; }
  /// @pre index < count()
  [[nodiscard]] Integer at(std::size_t index) const { return start_ + static_cast<Integer>(index) * step_; }
  [[nodiscard]] Integer step() const { return step_; }
  [[nodiscard]] bool equals(const Range& other) const;

 private:
  Integer start_;
  Integer stop_;
  Integer step_;
  std::size_t count_;
};

/// dict.keys(), dict.values() and dict.items().
class DictView final : public Object {
 public:
  enum class Part : std::uint8_t { kKeys, kValues, kItems };
  DictView(std::shared_ptr<const Dict> dict, Part part) : dict_(std::move(dict)), part_(part) {}

  [[nodiscard]] std::string type_name() const override;
  Result<std::string> text(Runtime& runtime) override;
  std::unique_ptr<Cursor> cursor() override;
  Result<std::optional<std::size_t>> length(Runtime& /*runtime*/) override {
    return std::optional(dict_->entries().size());
  }
  [[nodiscard]] std::uint32_t depth() const override { return dict_->depth() + 1; }

 private:
  std::shared_ptr<const Dict> dict_;
  Part part_;
};

/// A generator or another iterator: hands out its values once.
class Iterator final : public Object {
 public:
  /// @param depth how deeply the values it draws from nest
  static Result<Value> make(std::string type_name, std::unique_ptr<Cursor> cursor, std::uint32_t depth);
  Iterator(std::string type_name, std::unique_ptr<Cursor> cursor, std::uint32_t depth)
      : type_name_(std::move(type_name)), cursor_(std::move(cursor)), depth_(depth) {}

  [[nodiscard]] std::string type_name() const override { return type_name_; }
  /// @error kUnsupported: Python would print an address
  Result<std::string> text(Runtime& runtime) override;
  std::unique_ptr<Cursor> cursor() override;
  [[nodiscard]] std::uint32_t depth() const override { return depth_; }
  Result<std::optional<Value>> next(Runtime& runtime);

 private:
  std::string type_name_;
  std::unique_ptr<Cursor> cursor_;
  std::uint32_t depth_;
  bool running_ = false;
};

/// A cursor made of a function, for generators.
class FunctionCursor final : public Cursor {
 public:
  using Next = std::function<Result<std::optional<Value>>(Runtime&)>;
  explicit FunctionCursor(Next next) : next_(std::move(next)) {}
  Result<std::optional<Value>> next(Runtime& runtime) override { return next_(runtime); }

 private:
  Next next_;
};

/// Jinja's namespace(): the only thing whose attributes a template can set.
class Namespace final : public Object {
 public:
  [[nodiscard]] std::string type_name() const override { return "Namespace"; }
  Result<std::string> text(Runtime& runtime) override;
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  void release() override { attributes_.clear(); }
  void set(const std::string& name, Value value);

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
  bool printing_ = false;
};

/// A built-in function or method.
class Function final : public Object {
 public:
  using Body = std::function<Result<Value>(Runtime&, Arguments)>;
  Function(std::string name, Body body, std::uint32_t depth)
      : name_(std::move(name)), body_(std::move(body)), depth_(depth) {}

  [[nodiscard]] std::string type_name() const override { return "builtin_function_or_method"; }
  /// @error kUnsupported: Python would print an address
  Result<std::string> text(Runtime& runtime) override;
  [[nodiscard]] bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, Arguments arguments) override { return body_(runtime, std::move(arguments)); }
  [[nodiscard]] std::uint32_t depth() const override { return depth_; }

 private:
  std::string name_;
  Body body_;
  std::uint32_t depth_;
};

/// Jinja's cycler().
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  [[nodiscard]] std::string type_name() const override { return "Cycler"; }
  Result<std::string> text(Runtime& runtime) override;
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  [[nodiscard]] std::uint32_t depth() const override;

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

/// Jinja's joiner(): nothing at its first call, then its separator.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  [[nodiscard]] std::string type_name() const override { return "Joiner"; }
  Result<std::string> text(Runtime& runtime) override;
  [[nodiscard]] bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, Arguments arguments) override;
  [[nodiscard]] std::uint32_t depth() const override { return separator_.depth() + 1; }

 private:
  Value separator_;
  bool used_ = false;
};

}  // namespace marquee::text::jinja
