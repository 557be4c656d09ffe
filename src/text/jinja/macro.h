#pragma once

#include "text/jinja/nodes.h"

namespace marquee::text::jinja {

/// A macro with the scope it was defined in; lives no longer than the rendering.
class Macro final : public Object {
 public:
  /// @error kTooLarge
  static Result<Value> make(const MacroCode& code, Evaluation& evaluation);
  Macro(const MacroCode& code, Evaluation& evaluation)
      : code_(code), evaluation_(evaluation), scope_(evaluation.scope()) {}

  [[nodiscard]] std::string type_name() const override { return "Macro"; }
  /// @error kUnsupported: Python would print an address
  Result<std::string> text(Runtime& runtime) override;
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  [[nodiscard]] bool callable() const override { return true; }
  /// What its body prints. @error for arguments that no parameter takes
  Result<Value> call(Runtime& runtime, Arguments arguments) override;
  void release() override { scope_.reset(); }

 private:
  Result<void> bind(Scope& scope, Arguments arguments);

  const MacroCode& code_;
  Evaluation& evaluation_;
  std::shared_ptr<Scope> scope_;
};

}  // namespace marquee::text::jinja
