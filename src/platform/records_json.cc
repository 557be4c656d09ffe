#include "platform/records_json.h"

#include <string>
#include <utility>

namespace marquee::platform {
namespace {

using base::Result;
namespace json = base::json;

void add_counts(json::object& object, const UsageSum& sum) {
  object["requests"] = sum.requests;
  object["tokens_in"] = sum.tokens_in;
  object["tokens_out"] = sum.tokens_out;
  object["compute_us"] = sum.compute_us;
}

/// A member of an object, or null.
const json::value* member(const json::value& value, const char* name) {
  return value.is_object() ? value.get_object().if_contains(name) : nullptr;
}

base::Error wrong_form(const char* name) {
  return base::corrupt(std::string("the server's answer has no fitting '") + name + "'; is it the same version?");
}

Result<std::string> text_of(const json::value& value, const char* name) {
  const json::value* found = member(value, name);
  if (found == nullptr || !found->is_string()) return wrong_form(name);
  return std::string(found->get_string());
}

Result<std::int64_t> count_of(const json::value& value, const char* name) {
  const json::value* found = member(value, name);
  if (found == nullptr || !found->is_int64()) return wrong_form(name);
  return found->get_int64();
}

Result<const json::array*> list_of(const json::value& value, const char* name) {
  const json::value* found = member(value, name);
  if (found == nullptr || !found->is_array()) return wrong_form(name);
  return &found->get_array();
}

Result<void> read_counts(const json::value& value, UsageSum& sum) {
  MARQUEE_ASSIGN(sum.requests, count_of(value, "requests"));
  MARQUEE_ASSIGN(sum.tokens_in, count_of(value, "tokens_in"));
  MARQUEE_ASSIGN(sum.tokens_out, count_of(value, "tokens_out"));
  MARQUEE_ASSIGN(sum.compute_us, count_of(value, "compute_us"));
  return {};
}

}  // namespace

json::object to_json(const KeyInfo& key) {
  json::object object;
  object["id"] = key.id;
  object["object"] = "key";
  object["tenant"] = key.tenant;
  object["scopes"] = json::value_from(key.scopes);
  object["name"] = key.name;
  object["created"] = key.created_unix_s;
  object["revoked"] = key.revoked_unix_s == 0 ? json::value(nullptr) : json::value(key.revoked_unix_s);
  return object;
}

json::object to_json(const CreatedKey& created) {
  json::object object = to_json(created.info);
  object["secret"] = created.secret;
  return object;
}

json::object to_json(const std::vector<KeyInfo>& keys) {
  json::array data;
  for (const KeyInfo& key : keys) data.push_back(to_json(key));
  return {{"object", "list"}, {"data", std::move(data)}};
}

json::object to_json(const UsageReport& report) {
  json::array data;
  for (const UsageSum& sum : report.sums) {
    json::object object = {{"day", sum.day}, {"tenant", sum.tenant}, {"key_id", sum.key_id}, {"model", sum.model}};
    add_counts(object, sum);
    data.push_back(std::move(object));
  }
  json::object total;
  add_counts(total, report.total);
  return {{"object", "usage"}, {"data", std::move(data)}, {"total", std::move(total)}, {"truncated", report.truncated}};
}

Result<KeyInfo> key_from_json(const json::value& value) {
  KeyInfo key;
  MARQUEE_ASSIGN(key.id, text_of(value, "id"));
  MARQUEE_ASSIGN(key.tenant, text_of(value, "tenant"));
  MARQUEE_ASSIGN(key.name, text_of(value, "name"));
  MARQUEE_ASSIGN(key.created_unix_s, count_of(value, "created"));
  MARQUEE_ASSIGN(const json::array* scopes, list_of(value, "scopes"));
  for (const json::value& scope : *scopes) {
    if (!scope.is_string()) return wrong_form("scopes");
    key.scopes.emplace_back(scope.get_string());
  }
  const json::value* revoked = member(value, "revoked");
  if (revoked != nullptr && revoked->is_int64()) key.revoked_unix_s = revoked->get_int64();
  return key;
}

Result<CreatedKey> created_key_from_json(const json::value& value) {
  CreatedKey created;
  MARQUEE_ASSIGN(created.info, key_from_json(value));
  MARQUEE_ASSIGN(created.secret, text_of(value, "secret"));
  return created;
}

Result<std::vector<KeyInfo>> keys_from_json(const json::value& value) {
  MARQUEE_ASSIGN(const json::array* data, list_of(value, "data"));
  std::vector<KeyInfo> keys;
  for (const json::value& item : *data) {
    MARQUEE_ASSIGN(KeyInfo key, key_from_json(item));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<UsageReport> usage_from_json(const json::value& value) {
  UsageReport report;
  MARQUEE_ASSIGN(const json::array* data, list_of(value, "data"));
  for (const json::value& item : *data) {
    UsageSum sum;
    MARQUEE_ASSIGN(sum.day, text_of(item, "day"));
    MARQUEE_ASSIGN(sum.tenant, text_of(item, "tenant"));
    MARQUEE_ASSIGN(sum.key_id, text_of(item, "key_id"));
    MARQUEE_ASSIGN(sum.model, text_of(item, "model"));
    MARQUEE_CHECK(read_counts(item, sum));
    report.sums.push_back(std::move(sum));
  }
  const json::value* total = member(value, "total");
  if (total == nullptr) return wrong_form("total");
  MARQUEE_CHECK(read_counts(*total, report.total));
  const json::value* truncated = member(value, "truncated");
  report.truncated = truncated != nullptr && truncated->is_bool() && truncated->get_bool();
  return report;
}

}  // namespace marquee::platform
