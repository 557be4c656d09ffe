#include "text/jinja/attribute_path.h"

#include "text/jinja/access.h"
#include "text/jinja/operations.h"
#include "text/jinja/text_split.h"

namespace marquee::text::jinja {

Result<AttributePath> AttributePath::make(Runtime& runtime, const Value& path, Value fallback) {
  AttributePath made;
  made.fallback_ = std::move(fallback);
  if (path.is(Kind::kNone)) return made;
  if (!path.is_text()) {
    made.keys_.push_back(path);
    return made;
  }
  MARQUEE_ASSIGN(const auto names, split_text(runtime, path.text(), ".", -1, Side::kLeft));
  for (const std::string_view name : names) {
    const bool number =
        !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == std::string_view::npos;
    made.keys_.push_back(number ? Value::integer(std::stoi(std::string(name))) : Value::text(std::string(name)));
  }
  return made;
}

Result<Value> AttributePath::follow(Runtime& runtime, Value value) const {
  for (const Value& key : keys_) {
    MARQUEE_CHECK(runtime.budget().spend(1));
    MARQUEE_ASSIGN(value, get_item(runtime, value, key));
    if (value.is_undefined() && !fallback_.is(Kind::kNone)) value = fallback_;
  }
  return value;
}

}  // namespace marquee::text::jinja
