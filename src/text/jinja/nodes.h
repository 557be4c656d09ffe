#pragma once
// A parsed template: a tree whose nodes evaluate themselves.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/evaluation.h"
#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/operations.h"
#include "text/jinja/tests.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

class Expression {
 public:
  Expression() = default;
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;
  virtual ~Expression() = default;

  /// Pays for the step, and notes where it failed.
  Result<Value> evaluate(Evaluation& evaluation) const;

  Position position;
  std::uint32_t height = 1;  ///< of this tree; at most kMaxExpressionHeight

 private:
  virtual Result<Value> compute(Evaluation& evaluation) const = 0;
};
using ExpressionPointer = std::unique_ptr<Expression>;

struct Constant final : Expression {
  Value value;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct NameUse final : Expression {
  NameId id = 0;
  std::string name;
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// The text that a filter block or a block assignment puts into its filters.
struct BlockInput final : Expression {
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// [a, b] or (a, b).
struct SequenceDisplay final : Expression {
  std::vector<ExpressionPointer> items;
  bool is_tuple = false;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct DictDisplay final : Expression {
  std::vector<std::pair<ExpressionPointer, ExpressionPointer>> entries;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct AttributeUse final : Expression {
  ExpressionPointer object;
  std::string name;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct ItemUse final : Expression {
  ExpressionPointer object;
  ExpressionPointer key;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct SliceUse final : Expression {
  ExpressionPointer object;
  ExpressionPointer start;  ///< null where left out, and so for the others
  ExpressionPointer stop;
  ExpressionPointer step;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct CallArguments {
  std::vector<ExpressionPointer> positional;
  std::vector<std::pair<std::string, ExpressionPointer>> named;
  ExpressionPointer spread_list;  ///< *args, or null
  ExpressionPointer spread_dict;  ///< **kwargs, or null
  [[nodiscard]] Result<Arguments> evaluate(Evaluation& evaluation) const;
};

struct Call final : Expression {
  ExpressionPointer callee;
  CallArguments arguments;
  Result<Value> compute(Evaluation& evaluation) const override;
  /// @param caller what {% call %} passes as the argument of that name, or null
  Result<Value> call(Evaluation& evaluation, const Value* caller) const;
};

struct FilterUse final : Expression {
  ExpressionPointer input;
  const Filter* filter = nullptr;
  CallArguments arguments;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct TestUse final : Expression {
  ExpressionPointer input;
  const Test* test = nullptr;
  bool negated = false;
  CallArguments arguments;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct Unary final : Expression {
  enum class Operation : std::uint8_t { kNot, kNegate, kPlus } operation = Operation::kNot;
  ExpressionPointer operand;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct Arithmetic final : Expression {
  Operator op = Operator::kAdd;
  ExpressionPointer left;
  ExpressionPointer right;
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// a < b < c, as Python reads it.
struct Comparison final : Expression {
  ExpressionPointer first;
  std::vector<std::pair<Operator, ExpressionPointer>> rest;
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// a ~ b ~ c
struct Concatenation final : Expression {
  std::vector<ExpressionPointer> parts;
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// `and` and `or`, which give one of their operands.
struct Logic final : Expression {
  bool is_and = false;
  ExpressionPointer left;
  ExpressionPointer right;
  Result<Value> compute(Evaluation& evaluation) const override;
};

struct Conditional final : Expression {
  ExpressionPointer condition;
  ExpressionPointer then;
  ExpressionPointer otherwise;  ///< or null
  Result<Value> compute(Evaluation& evaluation) const override;
};

/// What `set`, `for` and `with` assign to.
struct Target {
  enum class Form : std::uint8_t { kName, kNamespaceAttribute, kTuple } form = Form::kName;
  NameId id = 0;
  std::string name;
  std::string attribute;
  std::vector<Target> parts;
  Position position;
  Result<void> assign(Evaluation& evaluation, const Value& value) const;
};

/// How a statement ended.
enum class Flow : std::uint8_t { kOn, kBreak, kContinue };

class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  virtual ~Statement() = default;

  Result<Flow> execute(Evaluation& evaluation, std::string& out) const;

  Position position;

 private:
  virtual Result<Flow> run(Evaluation& evaluation, std::string& out) const = 0;
};

using Body = std::vector<std::unique_ptr<Statement>>;
Result<Flow> execute(const Body& body, Evaluation& evaluation, std::string& out);

struct Data final : Statement {
  std::string text;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct Print final : Statement {
  ExpressionPointer value;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct If final : Statement {
  std::vector<std::pair<ExpressionPointer, Body>> branches;
  Body otherwise;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

class LoopState;

struct For final : Statement {
  Target target;
  ExpressionPointer iterable;
  ExpressionPointer condition;  ///< or null
  Body body;
  Body otherwise;
  NameId loop_id = 0;
  bool recursive = false;
  bool loop_escapes = false;  ///< `loop` is used as a value, so that it can outlive the loop
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
  Result<Flow> run_over(Evaluation& evaluation, const Value& values, std::size_t depth, std::string& out) const;

 private:
  Result<std::unique_ptr<Cursor>> filtered(Evaluation& evaluation, const Value& values) const;
};

struct Set final : Statement {
  Target target;
  ExpressionPointer value;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct SetBlock final : Statement {
  Target target;
  ExpressionPointer value;  ///< filters over a BlockInput
  Body body;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct FilterBlock final : Statement {
  ExpressionPointer value;
  Body body;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct With final : Statement {
  std::vector<std::pair<Target, ExpressionPointer>> assignments;
  Body body;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

/// {% generation %} of transformers, which only marks what an assistant says.
struct Generation final : Statement {
  Body body;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct LoopControl final : Statement {
  Flow flow = Flow::kBreak;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

/// The parameters and the body of a macro, or of a {% call %} block.
struct MacroCode {
  struct Parameter {
    NameId id = 0;
    std::string name;
    ExpressionPointer fallback;  ///< or null
  };
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  NameId varargs_id = 0;
  NameId kwargs_id = 0;
  NameId caller_id = 0;
  bool takes_varargs = false;  ///< the body uses these names, which stand for what no parameter takes
  bool takes_kwargs = false;
  bool takes_caller = false;
  bool names_caller = false;  ///< a parameter is called so
};

struct MacroDefinition final : Statement {
  NameId id = 0;
  MacroCode code;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

struct CallBlock final : Statement {
  MacroCode code;
  std::unique_ptr<Call> call;
  Result<Flow> run(Evaluation& evaluation, std::string& out) const override;
};

}  // namespace marquee::text::jinja
