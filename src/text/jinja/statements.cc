#include "text/jinja/loop_state.h"
#include "text/jinja/macro.h"
#include "text/jinja/nodes.h"
#include "text/jinja/objects.h"
#include "text/jinja/printing.h"

namespace marquee::text::jinja {
namespace {

/// Runs a body into a text of its own, in a scope of its own. Nothing if it left by break or continue.
Result<std::optional<Value>> capture(const Body& body, Evaluation& evaluation, Flow& flow) {
  const Evaluation::Inside inside(evaluation, evaluation.new_scope());
  std::string text;
  MARQUEE_ASSIGN(flow, execute(body, evaluation, text));
  if (flow != Flow::kOn) return std::optional<Value>();
  return std::optional<Value>(Value::text(std::move(text)));
}

}  // namespace

Result<void> Target::assign(Evaluation& evaluation, const Value& value) const {
  switch (form) {
    case Form::kName: evaluation.scope()->set(id, value); return {};
    case Form::kNamespaceAttribute: {
      const Value* found = evaluation.scope()->find(id);
      auto* space = found != nullptr && found->is(Kind::kObject) ? dynamic_cast<Namespace*>(&found->object()) : nullptr;
      if (space == nullptr) return type_error("cannot assign attribute on non-namespace object '" + name + "'");
      space->set(attribute, value);
      return {};
    }
    case Form::kTuple: break;
  }
  MARQUEE_ASSIGN(const auto items, to_items(evaluation.runtime(), value));
  if (items.size() != parts.size()) {
    return value_error("cannot unpack " + std::to_string(items.size()) + " values into " +
                       std::to_string(parts.size()) + " names");
  }
  for (std::size_t i = 0; i < parts.size(); ++i) MARQUEE_CHECK(parts[i].assign(evaluation, items[i]));
  return {};
}

Result<Flow> Statement::execute(Evaluation& evaluation, std::string& out) const {
  const auto step = [&]() -> Result<Flow> {
    MARQUEE_CHECK(evaluation.runtime().budget().spend(1));
    MARQUEE_ASSIGN(const auto level, evaluation.runtime().enter());
    return run(evaluation, out);
  };
  auto flow = step();
  if (!flow) evaluation.note_fault(position);
  return flow;
}

Result<Flow> execute(const Body& body, Evaluation& evaluation, std::string& out) {
  for (const auto& statement : body) {
    MARQUEE_ASSIGN(const Flow flow, statement->execute(evaluation, out));
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Flow> Data::run(Evaluation& evaluation, std::string& out) const {
  MARQUEE_CHECK(evaluation.write(out, text));
  return Flow::kOn;
}

Result<Flow> Print::run(Evaluation& evaluation, std::string& out) const {
  MARQUEE_ASSIGN(const Value result, value->evaluate(evaluation));
  if (result.is_text()) {
    MARQUEE_CHECK(evaluation.write(out, result.text()));
  } else {
    MARQUEE_ASSIGN(const std::string text, to_text(evaluation.runtime(), result));
    MARQUEE_CHECK(evaluation.write(out, text));
  }
  return Flow::kOn;
}

Result<Flow> If::run(Evaluation& evaluation, std::string& out) const {
  for (const auto& [condition, body] : branches) {
    MARQUEE_ASSIGN(const Value value, condition->evaluate(evaluation));
    MARQUEE_ASSIGN(const bool is_true, truth(evaluation.runtime(), value));
    if (is_true) return jinja::execute(body, evaluation, out);
  }
  return jinja::execute(otherwise, evaluation, out);
}

/// The values that pass the loop's condition. Each is tried when the loop comes to it: the body may change the outcome.
Result<std::unique_ptr<Cursor>> For::filtered(Evaluation& evaluation, const Value& values) const {
  MARQUEE_ASSIGN(auto cursor, iterate(values));
  if (condition == nullptr) return cursor;
  const auto scope = evaluation.new_scope();
  std::shared_ptr<Cursor> all = std::move(cursor);
  const auto next = [this, &evaluation, scope, all](Runtime& runtime) -> Result<std::optional<Value>> {
    const Evaluation::Inside inside(evaluation, scope);
    while (true) {
      MARQUEE_ASSIGN(auto item, next_item(runtime, *all));
      if (!item) return item;
      scope->clear();
      MARQUEE_CHECK(target.assign(evaluation, *item));
      MARQUEE_ASSIGN(const Value passes, condition->evaluate(evaluation));
      MARQUEE_ASSIGN(const bool is_true, truth(runtime, passes));
      if (is_true) return item;
    }
  };
  return std::unique_ptr<Cursor>(std::make_unique<FunctionCursor>(next));
}

Result<Flow> For::run(Evaluation& evaluation, std::string& out) const {
  MARQUEE_ASSIGN(const Value values, iterable->evaluate(evaluation));
  return run_over(evaluation, values, 0, out);
}

Result<Flow> For::run_over(Evaluation& evaluation, const Value& values, std::size_t depth, std::string& out) const {
  Runtime& runtime = evaluation.runtime();
  MARQUEE_ASSIGN(auto cursor, filtered(evaluation, values));
  auto loop =
      std::make_shared<LoopState>(*this, evaluation, condition == nullptr ? values : Value(), std::move(cursor), depth);
  if (loop_escapes) {
    MARQUEE_CHECK(runtime.budget().spend(kKeptObjectWork));
    runtime.keep(loop);
  }
  const auto scope = evaluation.new_scope();
  bool completed = false;  // Jinja runs the else part also if each pass was left by break or continue
  while (true) {
    MARQUEE_ASSIGN(const auto item, loop->advance(runtime));
    if (!item) break;
    MARQUEE_CHECK(runtime.budget().spend(2));  // for what a pass costs besides its body
    const Evaluation::Inside inside(evaluation, scope);
    scope->clear();
    scope->set(loop_id, Value::object(loop));
    MARQUEE_CHECK(target.assign(evaluation, *item));
    MARQUEE_ASSIGN(const Flow flow, jinja::execute(body, evaluation, out));
    if (flow == Flow::kBreak) break;
    completed = completed || flow == Flow::kOn;
  }
  scope->clear();
  if (completed) return Flow::kOn;
  const Evaluation::Inside inside(evaluation, evaluation.new_scope());
  return jinja::execute(otherwise, evaluation, out);
}

Result<Flow> Set::run(Evaluation& evaluation, std::string& /*out*/) const {
  MARQUEE_ASSIGN(const Value result, value->evaluate(evaluation));
  MARQUEE_CHECK(target.assign(evaluation, result));
  return Flow::kOn;
}

Result<Flow> SetBlock::run(Evaluation& evaluation, std::string& /*out*/) const {
  Flow flow = Flow::kOn;
  MARQUEE_ASSIGN(auto text, capture(body, evaluation, flow));
  if (!text) return flow;
  evaluation.block_input = std::move(*text);
  MARQUEE_ASSIGN(const Value result, value->evaluate(evaluation));
  MARQUEE_CHECK(target.assign(evaluation, result));
  return Flow::kOn;
}

Result<Flow> FilterBlock::run(Evaluation& evaluation, std::string& out) const {
  Flow flow = Flow::kOn;
  MARQUEE_ASSIGN(auto text, capture(body, evaluation, flow));
  if (!text) return flow;
  evaluation.block_input = std::move(*text);
  MARQUEE_ASSIGN(const Value result, value->evaluate(evaluation));
  MARQUEE_ASSIGN(const std::string filtered, to_text(evaluation.runtime(), result));
  MARQUEE_CHECK(evaluation.write(out, filtered));
  return Flow::kOn;
}

Result<Flow> With::run(Evaluation& evaluation, std::string& out) const {
  const auto scope = evaluation.new_scope();
  std::vector<Value> values;  // none of them sees the names given here
  for (const auto& [target, expression] : assignments) {
    MARQUEE_ASSIGN(auto value, expression->evaluate(evaluation));
    values.push_back(std::move(value));
  }
  const Evaluation::Inside inside(evaluation, scope);
  for (std::size_t i = 0; i < values.size(); ++i) {
    MARQUEE_CHECK(assignments[i].first.assign(evaluation, values[i]));
  }
  return jinja::execute(body, evaluation, out);
}

Result<Flow> Generation::run(Evaluation& evaluation, std::string& out) const {
  const Evaluation::Inside inside(evaluation, evaluation.new_scope());
  return jinja::execute(body, evaluation, out);
}

Result<Flow> LoopControl::run(Evaluation& /*evaluation*/, std::string& /*out*/) const { return flow; }

Result<Flow> MacroDefinition::run(Evaluation& evaluation, std::string& /*out*/) const {
  MARQUEE_ASSIGN(auto macro, Macro::make(code, evaluation));
  evaluation.scope()->set(id, std::move(macro));
  return Flow::kOn;
}

Result<Flow> CallBlock::run(Evaluation& evaluation, std::string& out) const {
  MARQUEE_ASSIGN(const Value caller, Macro::make(code, evaluation));
  MARQUEE_ASSIGN(const Value result, call->call(evaluation, &caller));
  MARQUEE_ASSIGN(const std::string text, to_text(evaluation.runtime(), result));
  MARQUEE_CHECK(evaluation.write(out, text));
  return Flow::kOn;
}

}  // namespace marquee::text::jinja
