#include "serving/chat_prompt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "serving/tool_text.h"

namespace marquee::serving {

namespace json = base::json;

namespace {

constexpr std::size_t kMaxCachedModels = 64;
// Around the number of a spelled-out special token, on its way through the template: two private-use characters that
// are taken out of every message first, so that nobody else can write them.
constexpr std::string_view kOpen = "\uF8E0";
constexpr std::string_view kClose = "\uF8E1";

using SpecialTexts = ChatPrompter::SpecialTexts;

std::optional<std::size_t> special_at(const SpecialTexts& specials, std::string_view text) {
  for (std::size_t i = 0; i < specials.texts.size(); ++i) {
    if (text.starts_with(specials.texts[i])) return i;
  }
  return std::nullopt;
}

void erase_all(std::string& text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) text.erase(at, what.size());
}

bool spells_special(const SpecialTexts& specials, std::string_view text) {
  for (std::size_t at = text.find_first_of(specials.first_bytes); at != std::string_view::npos;
       at = text.find_first_of(specials.first_bytes, at + 1)) {
    if (special_at(specials, text.substr(at))) return true;
  }
  return false;
}

/// Replaces each special token that `text` spells out by its number between kOpen and kClose.
std::string shield(const SpecialTexts& specials, std::string text) {
  erase_all(text, kOpen);
  erase_all(text, kClose);
  std::string shielded;
  std::size_t copied = 0;
  for (std::size_t at = text.find_first_of(specials.first_bytes); at != std::string::npos;) {
    const auto found = special_at(specials, std::string_view(text).substr(at));
    if (!found) {
      at = text.find_first_of(specials.first_bytes, at + 1);
      continue;
    }
    shielded.append(text, copied, at - copied).append(kOpen).append(std::to_string(*found)).append(kClose);
    copied = at + specials.texts[*found].size();
    at = text.find_first_of(specials.first_bytes, copied);
  }
  return shielded.append(text, copied);
}

/// Encodes a rendered prompt: shielded tokens as plain text, all else with special tokens recognised.
std::vector<formats::TokenId> encode_shielded(const formats::Tokenizer& tokenizer, const SpecialTexts& specials,
                                              std::string_view rendered) {
  std::vector<formats::TokenId> ids;
  const auto append = [&](std::string_view text, bool parse_special) {
    if (text.empty()) return;
    const auto piece = tokenizer.encode(text, {.add_special = false, .parse_special = parse_special});
    ids.insert(ids.end(), piece.begin(), piece.end());
  };
  while (true) {
    const std::size_t open = rendered.find(kOpen);
    append(rendered.substr(0, open), true);
    if (open == std::string_view::npos) return ids;
    rendered.remove_prefix(open + kOpen.size());
    const std::size_t close = rendered.find(kClose);
    const std::string number(rendered.substr(0, close));
    // A template that cuts texts up may break a mark; its remains are dropped.
    const bool whole = close != std::string_view::npos && !number.empty() && number.size() <= 9 &&
                       number.find_first_not_of("0123456789") == std::string::npos;
    if (!whole) continue;
    if (const auto index = static_cast<std::size_t>(std::stoul(number)); index < specials.texts.size()) {
      append(specials.texts[index], false);
    }
    rendered.remove_prefix(close + kClose.size());
  }
}

bool any_spells_special(const SpecialTexts& specials, std::span<const ChatMessage> messages, const json::array& tools) {
  const auto spelled = [&](const std::string& text) { return spells_special(specials, text); };
  const auto in_message = [&](const ChatMessage& message) {
    return spelled(message.content) || spelled(message.name) || spelled(message.tool_call_id) ||
           std::any_of(message.tool_calls.begin(), message.tool_calls.end(),
                       [&](const ChatMessage::Call& call) { return spelled(call.arguments) || spelled(call.id); });
  };
  return std::any_of(messages.begin(), messages.end(), in_message) ||
         (!tools.empty() && spelled(json::serialize(tools)));
}

/// Shields what a conversation says, if there is anything to shield.
struct Guard {
  const SpecialTexts& specials;
  bool shielded = false;

  [[nodiscard]] std::string text(const std::string& text) const { return shielded ? shield(specials, text) : text; }
  [[nodiscard]] json::value tree(const json::value& value) const {
    if (!shielded) return value;
    if (value.is_string()) return json::value(text(std::string(value.get_string())));
    if (value.is_array()) {
      json::array items;
      for (const json::value& item : value.get_array()) items.push_back(tree(item));
      return items;
    }
    if (!value.is_object()) return value;
    json::object entries;
    for (const auto& entry : value.get_object()) entries[text(std::string(entry.key()))] = tree(entry.value());
    return entries;
  }
};

/// As Hugging Face's templates take calls: the arguments as an object.
json::array call_list(const std::vector<ChatMessage::Call>& calls, const Guard& guard) {
  json::array list;
  for (const ChatMessage::Call& call : calls) {
    auto arguments = base::parse_json(call.arguments, "arguments");
    list.push_back(json::object{
        {"id", guard.text(call.id)},
        {"type", "function"},
        {"function",
         json::object{{"name", call.name},
                      {"arguments", arguments ? guard.tree(*arguments) : json::value(guard.text(call.arguments))}}}});
  }
  return list;
}

json::array message_list(std::span<const ChatMessage> messages, const Guard& guard) {
  json::array list;
  for (const ChatMessage& message : messages) {
    json::object entry{{"role", message.role}, {"content", guard.text(message.content)}};
    if (!message.name.empty()) entry["name"] = guard.text(message.name);
    if (!message.tool_calls.empty()) entry["tool_calls"] = call_list(message.tool_calls, guard);
    if (!message.tool_call_id.empty()) entry["tool_call_id"] = guard.text(message.tool_call_id);
    list.emplace_back(std::move(entry));
  }
  return list;
}

/// @return false if there is no message of that role
bool describe_in_first(const json::array& tools, std::string_view role, std::vector<ChatMessage>& messages) {
  const auto first = std::find_if(messages.begin(), messages.end(), [&](const auto& m) { return m.role == role; });
  if (first == messages.end()) return false;
  first->content = role == "user" ? tool_description(tools) + "\n\n" + first->content
                                  : first->content + "\n\n" + tool_description(tools);
  return true;
}

std::string token_text(const formats::Tokenizer& tokenizer, std::optional<formats::TokenId> id) {
  return id ? base::sanitize_utf8(tokenizer.token_bytes(*id)) : std::string();
}

}  // namespace

std::shared_ptr<const SpecialTexts> ChatPrompter::specials_of(const LoadedModel& model) {
  const formats::Tokenizer& tokenizer = model.tokenizer();
  const std::lock_guard lock(mutex_);
  auto& [known, specials] = specials_[model.id()];
  if (known == &tokenizer && specials) return specials;
  auto made = std::make_shared<SpecialTexts>();
  for (formats::TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    if (!tokenizer.is_special(id)) continue;
    if (const std::string_view text = tokenizer.token_bytes(id); !text.empty()) made->texts.emplace_back(text);
  }
  std::stable_sort(made->texts.begin(), made->texts.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  for (const std::string& text : made->texts) {
    if (made->first_bytes.find(text.front()) == std::string::npos) made->first_bytes.push_back(text.front());
  }
  known = &tokenizer;
  specials = std::move(made);
  const auto result = specials;
  if (specials_.size() > kMaxCachedModels) specials_.clear();
  return result;
}

base::Result<std::vector<formats::TokenId>> ChatPrompter::encode(const LoadedModel& model,
                                                                 std::span<const ChatMessage> messages,
                                                                 bool add_generation_prompt, const json::array& tools) {
  const text::ChatTemplate* chat_template = model.chat_template();
  if (chat_template == nullptr) {
    base::Error error = base::unsupported("the file of model '" + model.id() +
                                          "' has no chat template; use /v1/completions with a prompt of your own");
    error.field = "model";
    return error;
  }
  const auto specials = specials_of(model);
  std::vector<ChatMessage> plain;
  const bool native = chat_template->writes_tool_calls();
  bool added_system = false;
  if (!native) {
    plain = without_tool_roles(messages);
    added_system = !tools.empty() && !describe_in_first(tools, "system", plain);
    if (added_system) plain.insert(plain.begin(), {"system", tool_description(tools)});
    messages = plain;
  }
  const Guard guard{*specials, any_spells_special(*specials, messages, tools)};
  const formats::Tokenizer& tokenizer = model.tokenizer();
  const auto render = [&] {
    json::object context{{"messages", message_list(messages, guard)},
                         {"add_generation_prompt", add_generation_prompt},
                         {"bos_token", token_text(tokenizer, tokenizer.bos())},
                         {"eos_token", token_text(tokenizer, tokenizer.eos())}};
    if (native && !tools.empty()) context["tools"] = guard.tree(tools);
    return chat_template->render(context);
  };
  auto rendered = render();
  if (!rendered && added_system) {  // some templates refuse messages of the system
    plain.erase(plain.begin());
    describe_in_first(tools, "user", plain);
    messages = plain;
    rendered = render();
  }
  if (!rendered) {
    base::Error error = std::move(rendered).error();
    if (error.field.empty()) error.field = "messages";
    return error;
  }
  if (!guard.shielded) return tokenizer.encode(*rendered, {.add_special = false, .parse_special = true});
  return encode_shielded(tokenizer, *specials, *rendered);
}

}  // namespace marquee::serving
