#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/lexer.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// A variable's name as a number, so that looking it up compares no texts.
using NameId = std::uint32_t;

class NameTable {
 public:
  NameId add(std::string_view name) {
    return ids_.emplace(std::string(name), static_cast<NameId>(ids_.size())).first->second;
  }
  [[nodiscard]] std::optional<NameId> find(std::string_view name) const {
    const auto found = ids_.find(std::string(name));
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::unordered_map<std::string, NameId> ids_;
};

/// The variables of a template, a loop's body, a macro's call; names not found are looked for in the parent.
class Scope {
 public:
  explicit Scope(std::shared_ptr<const Scope> parent) : parent_(std::move(parent)) {}

  void set(NameId id, Value value) {
    for (auto& [known, old] : variables_) {
      if (known == id) {
        old = std::move(value);
        return;
      }
    }
    variables_.emplace_back(id, std::move(value));
  }
  [[nodiscard]] const Value* find(NameId id) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
      for (const auto& [known, value] : scope->variables_) {
        if (known == id) return &value;
      }
    }
    return nullptr;
  }
  void clear() { variables_.clear(); }

 private:
  std::vector<std::pair<NameId, Value>> variables_;
  std::shared_ptr<const Scope> parent_;
};

/// One rendering.
class Evaluation {
 public:
  Evaluation(std::shared_ptr<Scope> top, std::chrono::system_clock::time_point now)
      : runtime_(now), scope_(std::move(top)) {}

  Runtime& runtime() { return runtime_; }
  [[nodiscard]] const std::shared_ptr<Scope>& scope() const { return scope_; }

  /// Makes another scope the current one while it lives.
  class Inside {
   public:
    Inside(Evaluation& evaluation, std::shared_ptr<Scope> scope)
        : evaluation_(evaluation), outer_(std::exchange(evaluation.scope_, std::move(scope))) {}
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { evaluation_.scope_ = std::move(outer_); }

   private:
    Evaluation& evaluation_;
    std::shared_ptr<Scope> outer_;
  };
  [[nodiscard]] std::shared_ptr<Scope> new_scope() const { return std::make_shared<Scope>(scope_); }

  /// @error kTooLarge once `out` is longer than any text may be
  Result<void> write(std::string& out, std::string_view text) {
    MARQUEE_CHECK(runtime_.budget().spend_bytes(text.size()));
    if (out.size() + text.size() > kMaxTextBytes) return runtime_.budget().spend_text(out.size() + text.size());
    out.append(text);
    return {};
  }

  /// The innermost place of an error is noted first, and stays.
  void note_fault(Position position) {
    if (!fault_) fault_ = position;
  }
  [[nodiscard]] const std::optional<Position>& fault() const { return fault_; }

  Value block_input;  ///< what BlockInput gives

 private:
  Runtime runtime_;
  std::shared_ptr<Scope> scope_;
  std::optional<Position> fault_;
};

}  // namespace marquee::text::jinja
