#pragma once
// What a JSON Schema says, before anything is made of it: references followed, allOf merged, keywords checked.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace marquee::text::grammar {

/// "<keyword> at <pointer>: what", as every error about a schema begins.
base::Error schema_error(std::string_view pointer, std::string_view what);

/// `pointer` with one more step, escaped as RFC 6901 asks.
std::string pointer_to(std::string_view pointer, std::string_view step);

/// Set of JSON Schema's types, one bit each.
using TypeSet = std::uint8_t;
enum Type : TypeSet {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,   ///< integers
  kFractionType = 8,  ///< numbers that are no integers
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kNumberType = kIntegerType | kFractionType,
  kAnyType = 127,
};

/// Reads schemas of one document.
class SchemaReader {
 public:
  /// The document must outlive the reader.
  explicit SchemaReader(const base::json::value& document) : document_(&document) {}

  /// The schema with $ref and allOf resolved into its own keywords, `const` made an `enum` of one, and annotations left
  /// out. A boolean schema `false` becomes {"enum": []}.
  /// @error kInvalidArgument: a reference that leads nowhere, out of the document or to itself; keywords that cannot be
  ///        merged; a keyword that is not supported or has a wrong type (all with the pointer)
  base::Result<base::json::object> read(const base::json::value& schema, const std::string& pointer);

  /// The types that the schema's `type` allows; all without it. @pre from read()
  static base::Result<TypeSet> types(const base::json::object& schema, const std::string& pointer);

  /// Whether no value can be valid for both. False if that cannot be told.
  bool disjoint(const base::json::value& a, const base::json::value& b, const std::string& pointer);

 private:
  using Object = base::json::object;
  base::Result<Object> read_at(const base::json::value& schema, const std::string& pointer, unsigned depth);
  base::Result<const base::json::value*> resolve(std::string_view reference, const std::string& pointer) const;
  bool disjoint_at(const base::json::value& a, const base::json::value& b, const std::string& pointer, unsigned depth);

  const base::json::value* document_;
  std::size_t work_ = 0;
};

/// Both schemas' demands in one. @pre both from read()
/// @error kInvalidArgument naming the keyword that cannot be merged
base::Result<base::json::object> merge_schemas(const base::json::object& a, const base::json::object& b,
                                               const std::string& pointer);

}  // namespace marquee::text::grammar
