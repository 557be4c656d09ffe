#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar/budget.h"
#include "text/grammar/expression.h"
#include "text/grammar/json_rules.h"

namespace marquee::text::grammar {

constexpr std::size_t kMaxSchemaBytes = 256 * 1024;
constexpr std::size_t kMaxOneOf = 64;

/// Adds to `grammar` what the JSON texts of all values are like that a schema (draft 2020-12) allows. Every such text
/// is valid for the schema; not every valid text is among them:
/// - properties come in the order of the schema, further ones after them, and only if `additionalProperties` is given
/// or
///   no `properties` are; likewise `items` behind `prefixItems`;
/// - a schema without `type` whose keywords are all about one type is of that type;
/// - numbers and the space between things have the forms of JsonRules;
/// - `oneOf` must have branches that no value can satisfy together.
/// Keywords: type, enum, const, properties, required, additionalProperties, min/maxProperties (where they only count
/// additional properties), items, prefixItems, min/maxItems, min/maxLength, pattern, format, minimum, maximum,
/// exclusiveMinimum/Maximum, anyOf, oneOf, allOf (merged), $ref and $defs within the schema, and all annotations.
/// @error kInvalidArgument with the JSON pointer of what is wrong or not supported
base::Result<ExprId> add_schema(const base::json::value& schema, Grammar& grammar, JsonRules& rules, Budget& budget);

}  // namespace marquee::text::grammar
