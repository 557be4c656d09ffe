#include <algorithm>
#include <array>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"

namespace marquee::text::jinja {
namespace {

Result<Value> dict_get(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("get", std::move(arguments),
                                                        {required_positional("key"), optional_positional("default")}));
  MARQUEE_CHECK(runtime.budget().spend(1));
  if (!hash_key(bound[0])) return type_error("unhashable type: '" + bound[0].type_name() + "'");
  const Value* found = self.dict().find(bound[0]);
  return found != nullptr ? *found : bound.value_or(1, Value());
}

template <DictView::Part part>
Result<Value> dict_view(Runtime& /*runtime*/, const Value& self, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("a dict's view", std::move(arguments), {}));
  return Value::object(std::make_shared<DictView>(self.shared_dict(), part));
}

/// Nothing here can change its object, so that it can stand for its copy.
Result<Value> copy(Runtime& /*runtime*/, const Value& self, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("copy", std::move(arguments), {}));
  return self;
}

Result<Value> sequence_count(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("count", std::move(arguments), {required_positional("value")}));
  Integer count = 0;
  for (const Value& item : self.items()) {
    MARQUEE_ASSIGN(const bool same, equals(runtime, item, bound[0]));
    if (same) ++count;
  }
  return Value::integer(count);
}

Result<Value> sequence_index(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("index", std::move(arguments),
                                                        {required_positional("value"), optional_positional("start"),
                                                         optional_positional("stop")}));
  const auto size = static_cast<Integer>(self.items().size());
  MARQUEE_ASSIGN(Integer start, bound.integer(1, 0));
  MARQUEE_ASSIGN(Integer stop, bound.integer(2, size));
  start = std::clamp<Integer>(start < 0 ? std::max(start, -size) + size : start, 0, size);
  stop = std::clamp<Integer>(stop < 0 ? std::max(stop, -size) + size : stop, 0, size);
  for (Integer i = start; i < stop; ++i) {
    MARQUEE_ASSIGN(const bool same, equals(runtime, self.items()[static_cast<std::size_t>(i)], bound[0]));
    if (same) return Value::integer(i);
  }
  return value_error("the value is not in the " + self.type_name());
}

// Those without a body would change their object.
constexpr std::array kDictMethods = {
    Method{"get", dict_get},
    Method{"items", dict_view<DictView::Part::kItems>},
    Method{"keys", dict_view<DictView::Part::kKeys>},
    Method{"values", dict_view<DictView::Part::kValues>},
    Method{"copy", copy},
    Method{"clear", nullptr},
    Method{"pop", nullptr},
    Method{"popitem", nullptr},
    Method{"setdefault", nullptr},
    Method{"update", nullptr},
};
constexpr std::array kListMethods = {
    Method{"count", sequence_count}, Method{"index", sequence_index}, Method{"copy", copy},
    Method{"append", nullptr},       Method{"extend", nullptr},       Method{"insert", nullptr},
    Method{"pop", nullptr},          Method{"remove", nullptr},       Method{"reverse", nullptr},
    Method{"sort", nullptr},         Method{"clear", nullptr},
};
constexpr std::array kTupleMethods = {Method{"count", sequence_count}, Method{"index", sequence_index}};

template <std::size_t size>
const Method* find_in(const std::array<Method, size>& methods, std::string_view name) {
  const auto* found =
      std::find_if(methods.begin(), methods.end(), [&](const Method& method) { return method.name == name; });
  return found == methods.end() ? nullptr : found;
}

}  // namespace

const Method* find_container_method(Kind kind, std::string_view name) {
  switch (kind) {
    case Kind::kDict: return find_in(kDictMethods, name);
    case Kind::kList: return find_in(kListMethods, name);
    case Kind::kTuple: return find_in(kTupleMethods, name);
    default: return nullptr;
  }
}

}  // namespace marquee::text::jinja
