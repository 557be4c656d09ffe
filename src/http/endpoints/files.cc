#include "http/endpoints/files.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "http/services.h"

namespace marquee::http {

namespace json = base::json;

namespace {

base::Result<platform::FileFilter> parse_file_filter(const std::vector<NameValue>& query) {
  platform::FileFilter filter;
  for (const auto& [name, value] : query) {
    if (name == "purpose") filter.purpose = value;
    if (name == "after") filter.after = value;
    if (name == "order") {
      if (value != "asc" && value != "desc") return base::invalid_argument("'order' must be 'asc' or 'desc'", "order");
      filter.ascending = value == "asc";
    }
    if (name == "limit") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), filter.limit);
      if (error != std::errc() || end != value.data() + value.size()) {
        return base::invalid_argument("'limit' must be an integer from 1 to 10000", "limit");
      }
    }
  }
  return filter;
}

std::string id_of(const Call& call) { return std::string(call.request.path_param("id")); }

}  // namespace

json::object file_json(const platform::FileInfo& file) {
  return {{"id", file.id},
          {"object", "file"},
          {"bytes", file.bytes},
          {"created_at", file.created_unix_s},
          {"expires_at", nullptr},
          {"filename", file.filename},
          {"purpose", file.purpose},
          {"status", "processed"},
          {"status_details", nullptr},
          {"format", platform::to_string(file.format)},
          {"sha256", file.sha256}};
}

base::Result<Response> list_files(Call& call) {
  MARQUEE_ASSIGN(const auto filter, parse_file_filter(call.request.query_params));
  MARQUEE_ASSIGN(const auto page, call.services.files.list(call.request.principal.tenant, filter));
  json::array data;
  for (const platform::FileInfo& file : page.files) data.push_back(file_json(file));
  json::object answer{{"object", "list"}, {"data", std::move(data)}, {"has_more", page.has_more}};
  answer["first_id"] = page.files.empty() ? json::value(nullptr) : json::value(page.files.front().id);
  answer["last_id"] = page.files.empty() ? json::value(nullptr) : json::value(page.files.back().id);
  return Response{.body = json::serialize(answer)};
}

base::Result<Response> get_file(Call& call) {
  MARQUEE_ASSIGN(const auto file, call.services.files.find(call.request.principal.tenant, id_of(call)));
  return Response{.body = json::serialize(file_json(file))};
}

base::Result<Response> delete_file(Call& call) {
  MARQUEE_ASSIGN(const auto file, call.services.files.remove(call.request.principal.tenant, id_of(call)));
  return Response{.body = json::serialize(json::object{{"id", file.id}, {"object", "file"}, {"deleted", true}})};
}

}  // namespace marquee::http
