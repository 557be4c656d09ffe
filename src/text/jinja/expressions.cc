#include "text/jinja/access.h"
#include "text/jinja/nodes.h"
#include "text/jinja/objects.h"
#include "text/jinja/printing.h"

namespace marquee::text::jinja {
namespace {

/// An expression that may be left out, which is None then.
Result<Value> evaluate_optional(const ExpressionPointer& expression, Evaluation& evaluation) {
  if (expression == nullptr) return Value();
  return expression->evaluate(evaluation);
}

Result<std::vector<Value>> evaluate_all(const std::vector<ExpressionPointer>& expressions, Evaluation& evaluation) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const auto& expression : expressions) {
    MARQUEE_ASSIGN(auto value, expression->evaluate(evaluation));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

Result<Value> Expression::evaluate(Evaluation& evaluation) const {
  const auto step = [&]() -> Result<Value> {
    MARQUEE_CHECK(evaluation.runtime().budget().spend(1));
    MARQUEE_ASSIGN(const auto level, evaluation.runtime().enter());
    return compute(evaluation);
  };
  auto value = step();
  if (!value) evaluation.note_fault(position);
  return value;
}

Result<Value> Constant::compute(Evaluation& /*evaluation*/) const { return value; }

Result<Value> NameUse::compute(Evaluation& evaluation) const {
  const Value* found = evaluation.scope()->find(id);
  return found != nullptr ? *found : Value::undefined("'" + name + "' is undefined");
}

Result<Value> BlockInput::compute(Evaluation& evaluation) const {
  return std::exchange(evaluation.block_input, Value());
}

Result<Value> SequenceDisplay::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(auto values, evaluate_all(items, evaluation));
  return is_tuple ? Value::tuple(std::move(values)) : Value::list(std::move(values));
}

Result<Value> DictDisplay::compute(Evaluation& evaluation) const {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : entries) {
    MARQUEE_ASSIGN(auto key_value, key->evaluate(evaluation));
    MARQUEE_ASSIGN(auto entry, value->evaluate(evaluation));
    MARQUEE_CHECK(dict->set(std::move(key_value), std::move(entry)));
  }
  return Value::dict(std::move(dict));
}

Result<Value> AttributeUse::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, object->evaluate(evaluation));
  return get_attribute(evaluation.runtime(), value, name);
}

Result<Value> ItemUse::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, object->evaluate(evaluation));
  MARQUEE_ASSIGN(const Value item, key->evaluate(evaluation));
  return get_item(evaluation.runtime(), value, item);
}

Result<Value> SliceUse::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, object->evaluate(evaluation));
  SliceBounds bounds;
  MARQUEE_ASSIGN(bounds.start, evaluate_optional(start, evaluation));
  MARQUEE_ASSIGN(bounds.stop, evaluate_optional(stop, evaluation));
  MARQUEE_ASSIGN(bounds.step, evaluate_optional(step, evaluation));
  return get_slice(evaluation.runtime(), value, bounds);
}

Result<Arguments> CallArguments::evaluate(Evaluation& evaluation) const {
  Runtime& runtime = evaluation.runtime();
  Arguments arguments;
  MARQUEE_ASSIGN(arguments.positional, evaluate_all(positional, evaluation));
  for (const auto& [name, expression] : named) {
    MARQUEE_ASSIGN(auto value, expression->evaluate(evaluation));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (spread_list != nullptr) {
    MARQUEE_ASSIGN(const Value list, spread_list->evaluate(evaluation));
    MARQUEE_ASSIGN(auto items, to_items(runtime, list));
    for (Value& item : items) arguments.positional.push_back(std::move(item));
  }
  if (spread_dict == nullptr) return arguments;
  MARQUEE_ASSIGN(const Value dict, spread_dict->evaluate(evaluation));
  if (!dict.is(Kind::kDict)) return type_error("the argument after ** must be a mapping, not " + dict.type_name());
  for (const auto& [key, value] : dict.dict().entries()) {
    MARQUEE_CHECK(runtime.budget().spend(1 + arguments.named.size()));
    if (!key.is_text()) return type_error("keywords must be strings");
    for (const auto& [name, known] : arguments.named) {
      if (name == key.text()) return type_error("got multiple values for keyword argument '" + name + "'");
    }
    arguments.named.emplace_back(key.text(), value);
  }
  return arguments;
}

Result<Value> Call::compute(Evaluation& evaluation) const { return call(evaluation, nullptr); }

Result<Value> Call::call(Evaluation& evaluation, const Value* caller) const {
  Runtime& runtime = evaluation.runtime();
  const auto evaluate_arguments = [&]() -> Result<Arguments> {
    MARQUEE_ASSIGN(auto list, arguments.evaluate(evaluation));
    if (caller != nullptr) list.named.emplace_back("caller", *caller);
    return list;
  };
  const auto* method_use = dynamic_cast<const AttributeUse*>(callee.get());
  Value function;
  if (method_use != nullptr) {  // a built-in type's method needs no object of its own to be called
    MARQUEE_ASSIGN(const Value self, method_use->object->evaluate(evaluation));
    const Method* method =
        self.is(Kind::kObject) || self.is_undefined() ? nullptr : find_method(self, method_use->name);
    if (method != nullptr && method->body != nullptr) {
      MARQUEE_ASSIGN(auto list, evaluate_arguments());
      return method->body(runtime, self, std::move(list));
    }
    MARQUEE_ASSIGN(function, get_attribute(runtime, self, method_use->name));
  } else {
    MARQUEE_ASSIGN(function, callee->evaluate(evaluation));
  }
  MARQUEE_ASSIGN(auto list, evaluate_arguments());
  if (function.is_undefined()) return undefined_error(function);
  if (!function.is(Kind::kObject)) return type_error("'" + function.type_name() + "' object is not callable");
  return function.object().call(runtime, std::move(list));
}

Result<Value> FilterUse::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, input->evaluate(evaluation));
  MARQUEE_ASSIGN(auto list, arguments.evaluate(evaluation));
  return filter->body(evaluation.runtime(), value, std::move(list));
}

Result<Value> TestUse::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, input->evaluate(evaluation));
  MARQUEE_ASSIGN(auto list, arguments.evaluate(evaluation));
  MARQUEE_ASSIGN(const bool passes, test->body(evaluation.runtime(), value, std::move(list)));
  return Value::boolean(passes != negated);
}

Result<Value> Unary::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, operand->evaluate(evaluation));
  switch (operation) {
    case Operation::kNegate: return negate(value);
    case Operation::kPlus: return unary_plus(value);
    case Operation::kNot: break;
  }
  MARQUEE_ASSIGN(const bool is_true, truth(evaluation.runtime(), value));
  return Value::boolean(!is_true);
}

Result<Value> Arithmetic::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value a, left->evaluate(evaluation));
  MARQUEE_ASSIGN(const Value b, right->evaluate(evaluation));
  return arithmetic(evaluation.runtime(), op, a, b);
}

Result<Value> Comparison::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(Value left, first->evaluate(evaluation));
  for (const auto& [op, operand] : rest) {
    MARQUEE_ASSIGN(Value right, operand->evaluate(evaluation));
    MARQUEE_ASSIGN(const bool holds, compare(evaluation.runtime(), op, left, right));
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Value> Concatenation::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const auto values, evaluate_all(parts, evaluation));
  std::string out;
  for (const Value& value : values) {
    MARQUEE_ASSIGN(const std::string text, to_text(evaluation.runtime(), value));
    MARQUEE_CHECK(evaluation.write(out, text));
  }
  return Value::text(std::move(out));
}

Result<Value> Logic::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(Value value, left->evaluate(evaluation));
  MARQUEE_ASSIGN(const bool is_true, truth(evaluation.runtime(), value));
  if (is_true != is_and) return value;
  return right->evaluate(evaluation);
}

Result<Value> Conditional::compute(Evaluation& evaluation) const {
  MARQUEE_ASSIGN(const Value value, condition->evaluate(evaluation));
  MARQUEE_ASSIGN(const bool is_true, truth(evaluation.runtime(), value));
  if (is_true) return then->evaluate(evaluation);
  if (otherwise != nullptr) return otherwise->evaluate(evaluation);
  return Value::undefined("the inline if-expression on " + to_string(position) +
                          " evaluated to false and no else section was defined");
}

}  // namespace marquee::text::jinja
