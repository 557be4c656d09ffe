#include "serving/chat_prompt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"

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
                                                                 bool add_generation_prompt) {
  const text::ChatTemplate* chat_template = model.chat_template();
  if (chat_template == nullptr) {
    base::Error error = base::unsupported("the file of model '" + model.id() +
                                          "' has no chat template; use /v1/completions with a prompt of your own");
    error.field = "model";
    return error;
  }
  const auto specials = specials_of(model);
  const bool shielded = std::any_of(messages.begin(), messages.end(), [&](const ChatMessage& message) {
    return spells_special(*specials, message.content) || spells_special(*specials, message.name);
  });
  const auto guard = [&](const std::string& text) { return shielded ? shield(*specials, text) : text; };
  json::array list;
  for (const ChatMessage& message : messages) {
    json::object entry{{"role", message.role}, {"content", guard(message.content)}};
    if (!message.name.empty()) entry["name"] = guard(message.name);
    list.emplace_back(std::move(entry));
  }
  const formats::Tokenizer& tokenizer = model.tokenizer();
  auto rendered = chat_template->render({{"messages", std::move(list)},
                                         {"add_generation_prompt", add_generation_prompt},
                                         {"bos_token", token_text(tokenizer, tokenizer.bos())},
                                         {"eos_token", token_text(tokenizer, tokenizer.eos())}});
  if (!rendered) {
    base::Error error = std::move(rendered).error();
    if (error.field.empty()) error.field = "messages";
    return error;
  }
  if (!shielded) return tokenizer.encode(*rendered, {.add_special = false, .parse_special = true});
  return encode_shielded(tokenizer, *specials, *rendered);
}

}  // namespace marquee::serving
