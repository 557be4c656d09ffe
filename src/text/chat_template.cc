#include "text/chat_template.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "text/jinja/evaluation.h"
#include "text/jinja/globals.h"
#include "text/jinja/parser.h"

namespace marquee::text {
namespace {

namespace json = base::json;
using base::Result;
using jinja::Value;

/// @param text may be invalid UTF-8 only if whoever made the JSON let it through
std::string checked(std::string_view text) { return base::sanitize_utf8(text); }

Result<Value> from_json(const json::value& value, std::uint32_t depth) {
  if (depth > jinja::kMaxValueDepth) {
    return base::Error{base::ErrorCode::kTooLarge, "the values for the chat template nest too deeply"};
  }
  switch (value.kind()) {
    case json::kind::null: return Value();
    case json::kind::bool_: return Value::boolean(value.get_bool());
    case json::kind::int64: return Value::integer(value.get_int64());
    case json::kind::uint64: return Value::integer(value.get_uint64());
    case json::kind::double_: return Value::real(value.get_double());
    case json::kind::string: return Value::text(checked(value.get_string()));
    case json::kind::array: {
      std::vector<Value> items;
      items.reserve(value.get_array().size());
      for (const json::value& item : value.get_array()) {
        MARQUEE_ASSIGN(auto converted, from_json(item, depth + 1));
        items.push_back(std::move(converted));
      }
      return Value::list(std::move(items));
    }
    case json::kind::object: break;
  }
  auto dict = std::make_shared<jinja::Dict>();
  for (const auto& entry : value.get_object()) {
    MARQUEE_ASSIGN(auto converted, from_json(entry.value(), depth + 1));
    MARQUEE_CHECK(dict->set(Value::text(checked(entry.key())), std::move(converted)));
  }
  return Value::dict(std::move(dict));
}

}  // namespace

struct ChatTemplate::Impl {
  jinja::ParsedTemplate parsed;
  std::shared_ptr<const jinja::Scope> functions;
  bool writes_tool_calls = false;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  MARQUEE_ASSIGN(auto parsed, jinja::parse_template(source));
  auto functions = std::make_shared<jinja::Scope>(nullptr);
  for (const auto& [name, function] : jinja::global_functions()) {
    if (const auto id = parsed.names.find(name)) functions->set(*id, function);
  }
  const bool writes_tool_calls =
      parsed.names.find("tools").has_value() && source.find("<tool_call>") != std::string_view::npos;
  return ChatTemplate(std::make_unique<Impl>(Impl{std::move(parsed), std::move(functions), writes_tool_calls}));
}

bool ChatTemplate::writes_tool_calls() const { return impl_->writes_tool_calls; }

Result<std::string> ChatTemplate::render(const json::object& context) const {
  const auto top = std::make_shared<jinja::Scope>(impl_->functions);
  for (const auto& entry : context) {
    const auto id = impl_->parsed.names.find(std::string_view(entry.key()));
    if (!id) continue;  // the template does not use it
    MARQUEE_ASSIGN(auto value, from_json(entry.value(), 0));
    top->set(*id, std::move(value));
  }
  jinja::Evaluation evaluation(top, std::chrono::system_clock::now());
  std::string out;
  const auto flow = jinja::execute(impl_->parsed.body, evaluation, out);
  if (flow) return out;
  if (evaluation.runtime().raised() || !evaluation.fault()) return flow.error();
  return jinja::at_position(flow.error(), *evaluation.fault());
}

}  // namespace marquee::text
