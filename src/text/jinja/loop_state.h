#pragma once

#include "text/jinja/nodes.h"

namespace marquee::text::jinja {

/// The variable `loop` of a running {% for %}.
class LoopState final : public Object {
 public:
  /// @param values what is iterated if it may be asked for its length, else None
  LoopState(const For& loop, Evaluation& evaluation, Value values, std::unique_ptr<Cursor> cursor, std::size_t depth)
      : loop_(loop),
        evaluation_(evaluation),
        home_(evaluation.scope()),
        values_(std::move(values)),
        cursor_(std::move(cursor)),
        depth_(depth) {}

  /// The next item, nothing at the end.
  Result<std::optional<Value>> advance(Runtime& runtime);

  [[nodiscard]] std::string type_name() const override { return "LoopContext"; }
  /// @error kUnsupported
  Result<std::string> text(Runtime& runtime) override;
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  [[nodiscard]] bool callable() const override { return loop_.recursive; }
  /// loop(values) of a recursive loop: runs its body over them, one level deeper
  Result<Value> call(Runtime& runtime, Arguments arguments) override;
  Result<std::optional<std::size_t>> length(Runtime& runtime) override;
  void release() override;

 private:
  /// Whether the loop goes on after this item; reads one ahead.
  Result<bool> has_next(Runtime& runtime);
  Result<Value> cycle(const Arguments& arguments) const;
  Result<Value> changed(Runtime& runtime, Arguments arguments);

  const For& loop_;
  Evaluation& evaluation_;
  std::shared_ptr<Scope> home_;  ///< where the loop stands: what a recursive call sees
  Value values_;
  std::unique_ptr<Cursor> cursor_;
  std::size_t depth_;
  std::size_t taken_ = 0;  ///< items handed out
  std::optional<std::size_t> length_;
  std::optional<Value> before_;
  std::optional<Value> current_;
  std::optional<Value> after_;
  std::vector<Value> ahead_;           ///< items read to count them, the next one last
  std::optional<Value> last_checked_;  ///< by changed()
};

}  // namespace marquee::text::jinja
