#include "apps/settings.h"

#include <spdlog/fmt/fmt.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "apps/spelling.h"
#include "base/json.h"
#include "base/utf8.h"

namespace marquee::apps {
namespace {

using base::Result;
using Spec = SettingSpec;
using Unit = SettingSpec::Integer::Unit;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::uintmax_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kMaxListItems = 64;
constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::string_view kKvTypes[] = {"f16", "int8"};
constexpr std::string_view kActivations[] = {"int8", "int16"};
constexpr std::string_view kEncoderWeights[] = {"int8", "f32"};
constexpr std::string_view kSpeculations[] = {"prompt", "off"};
constexpr std::string_view kLogLevels[] = {"trace", "debug", "info", "warning", "error", "critical", "off"};

Spec::Integer count(std::int64_t Settings::*member, std::int64_t minimum, std::int64_t maximum) {
  return {member, minimum, maximum, Unit::kNone};
}
Spec::Integer seconds(std::int64_t Settings::*member, std::int64_t minimum, std::int64_t maximum) {
  return {member, minimum, maximum, Unit::kSeconds};
}
Spec::Integer bytes(std::int64_t Settings::*member, std::int64_t minimum, std::int64_t maximum) {
  return {member, minimum, maximum, Unit::kBytes};
}

const std::array kSpecs = {
    Spec{"host", "IP address to listen on, or localhost", Spec::Text{&Settings::host}},
    Spec{"port", "TCP port; 0 takes any free one", count(&Settings::port, 0, 65'535)},
    Spec{"tls_certificate", "PEM file with the certificate chain: serves HTTPS",
         Spec::Text{&Settings::tls_certificate}},
    Spec{"tls_key", "PEM file with the certificate's private key", Spec::Text{&Settings::tls_key}},
    Spec{"insecure_http", "allow plain HTTP on an address other machines reach", Spec::Flag{&Settings::insecure_http}},
    Spec{"allowed_hosts", "more names a Host header may carry; * for any", Spec::List{&Settings::allowed_hosts}},
    Spec{"data", "folder with keys, usage and models", Spec::Text{&Settings::data}},
    Spec{"models", "models to load at start; none: the default model, if installed", Spec::List{&Settings::models}},
    Spec{"default_model", "model of `chat` and `run` when none is named", Spec::Text{&Settings::default_model}},
    Spec{"threads", "threads that compute; 0: one per CPU", count(&Settings::threads, 0, 1'024)},
    Spec{"io_threads", "threads that read and write connections", count(&Settings::io_threads, 1, 64)},
    Spec{"worker_threads", "threads that parse requests and load models", count(&Settings::worker_threads, 1, 256)},
    Spec{"memory_budget", "memory for all models; 0: 80 % of the machine's",
         bytes(&Settings::memory_budget, 0, 65'536 * kGiB)},
    Spec{"kv_memory", "of it, for each model's key-value cache; 0: chosen",
         bytes(&Settings::kv_memory, 0, 65'536 * kGiB)},
    Spec{"kv_type", "f16, or int8: the key-value cache holds nearly twice the tokens, a little less exactly",
         Spec::Text{&Settings::kv_type, kKvTypes}},
    Spec{"activations", "int8, or int16: answers as if computed in f32, up to half as fast",
         Spec::Text{&Settings::activations, kActivations}},
    Spec{"encoder_weights", "int8, or f32: vectors and labels as the model was trained to give, slower",
         Spec::Text{&Settings::encoder_weights, kEncoderWeights}},
    Spec{"packed_cache", "disk space for packed weights, which make the next start faster; 0: none are kept",
         bytes(&Settings::packed_cache, 0, 65'536 * kGiB)},
    Spec{"max_context", "most tokens of prompt and answer together; 0: the model's own",
         count(&Settings::max_context, 0, 1 << 20)},
    Spec{"prefill_chunk", "most prompt tokens in one step: others wait this long at most",
         count(&Settings::prefill_chunk, 16, 8'192)},
    Spec{"max_sequences", "most answers computed together, per model", count(&Settings::max_sequences, 1, 1'024)},
    Spec{"max_queue", "most requests waiting, per model; more get 429", count(&Settings::max_queue, 1, 100'000)},
    Spec{"prefix_cache", "most percent of the key-value cache that keeps prompts for those that begin alike; 0: off",
         count(&Settings::prefix_cache, 0, 100)},
    Spec{"speculation",
         "prompt: compute guesses from the text so far beside the next token, while that is faster; or off",
         Spec::Text{&Settings::speculation, kSpeculations}},
    Spec{"draft_models", "smaller models that guess for larger ones, as model=draft",
         Spec::List{&Settings::draft_models}},
    Spec{"saved_caches", "most disk space for saved prompt caches, for each tenant and model",
         bytes(&Settings::saved_caches, 0, 65'536 * kGiB)},
    Spec{"max_connections", "most open connections", count(&Settings::max_connections, 1, 100'000)},
    Spec{"max_header", "largest request line and headers", bytes(&Settings::max_header, kKiB, kMiB)},
    Spec{"max_body", "largest request body", bytes(&Settings::max_body, kKiB, kGiB)},
    Spec{"max_bodies", "all request bodies in memory together", bytes(&Settings::max_bodies, kMiB, 1'024 * kGiB)},
    Spec{"max_upload", "largest file sent to /v1/files, with its form",
         bytes(&Settings::max_upload, kKiB, 65'536 * kGiB)},
    Spec{"tenant_files", "most disk space for the files of a tenant", bytes(&Settings::tenant_files, 0, 65'536 * kGiB)},
    Spec{"tenant_file_count", "most files of a tenant", count(&Settings::tenant_file_count, 0, 10'000'000)},
    Spec{"header_timeout", "seconds to send a request's headers", seconds(&Settings::header_timeout, 1, 3'600)},
    Spec{"body_timeout", "seconds to send a request's body", seconds(&Settings::body_timeout, 1, 86'400)},
    Spec{"upload_timeout", "seconds in which at least 4 KiB more of a file must come",
         seconds(&Settings::upload_timeout, 1, 3'600)},
    Spec{"idle_timeout", "seconds a connection may be idle", seconds(&Settings::idle_timeout, 1, 86'400)},
    Spec{"write_timeout", "seconds a reader may take nothing", seconds(&Settings::write_timeout, 1, 3'600)},
    Spec{"drain_timeout", "seconds running requests may go on after SIGTERM",
         seconds(&Settings::drain_timeout, 0, 3'600)},
    Spec{"log_level", "trace, debug, info, warning, error, critical or off",
         Spec::Text{&Settings::log_level, kLogLevels}},
    Spec{"log_json", "log one JSON object a line", Spec::Flag{&Settings::log_json}},
};

std::string bytes_text(std::int64_t value) {
  for (const auto& [unit, name] : {std::pair{kGiB, "GiB"}, std::pair{kMiB, "MiB"}, std::pair{kKiB, "KiB"}}) {
    if (value != 0 && value % unit == 0) return fmt::format("{}{}", value / unit, name);
  }
  return std::to_string(value);
}

std::string integer_text(const Spec::Integer& kind, std::int64_t value) {
  return kind.unit == Unit::kBytes ? bytes_text(value) : std::to_string(value);
}

base::Error bad_value(const Spec& spec, std::string_view must, std::string_view text, std::string_view origin) {
  return base::invalid_argument(
      fmt::format("{} must be {}, not '{}' ({})", spec.name, must, base::sanitize_utf8(text.substr(0, 100)), origin),
      spec.name);
}

Result<void> set_integer(Settings& settings, const Spec& spec, const Spec::Integer& kind, std::string_view text,
                         std::string_view origin) {
  std::optional<std::int64_t> value;
  if (kind.unit == Unit::kBytes) {
    value = parse_bytes(text);
  } else {
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (error == std::errc() && end == text.data() + text.size()) value = parsed;
  }
  if (value && *value >= kind.minimum && *value <= kind.maximum) {
    settings.*kind.member = *value;
    return {};
  }
  const char* what = kind.unit == Unit::kBytes     ? "a size"
                     : kind.unit == Unit::kSeconds ? "whole seconds"
                                                   : "a whole number";
  return bad_value(spec, fmt::format("{} in {}", what, spec.range()), text, origin);
}

Result<void> set_flag(Settings& settings, const Spec& spec, const Spec::Flag& kind, std::string_view text,
                      std::string_view origin) {
  const bool yes = text == "true" || text == "1" || text == "yes" || text == "on";
  const bool no = text == "false" || text == "0" || text == "no" || text == "off";
  if (!yes && !no) return bad_value(spec, "true or false", text, origin);
  settings.*kind.member = yes;
  return {};
}

Result<void> set_list(Settings& settings, const Spec& spec, const Spec::List& kind,
                      const std::vector<std::string>& items, std::string_view origin) {
  if (items.size() > kMaxListItems) return bad_value(spec, "at most 64 items", "more", origin);
  for (const std::string& item : items) {
    if (item.empty() || item.size() > kMaxTextBytes) return bad_value(spec, "a list of short texts", item, origin);
  }
  settings.*kind.member = items;
  return {};
}

Result<void> set_text(Settings& settings, const Spec& spec, const Spec::Text& kind, std::string_view text,
                      std::string_view origin) {
  if (text.size() > kMaxTextBytes || text.find('\0') != std::string_view::npos) {
    return bad_value(spec, "at most 4096 bytes of text", text, origin);
  }
  const auto allowed = [&](std::string_view choice) { return choice == text; };
  if (!kind.choices.empty() && std::none_of(kind.choices.begin(), kind.choices.end(), allowed)) {
    return bad_value(spec, fmt::format("one of {}", fmt::join(kind.choices, ", ")), text, origin);
  }
  settings.*kind.member = std::string(text);
  return {};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return items;
}

/// Sets from what a flag or the environment says.
Result<void> set_from_text(LoadedSettings& loaded, const Spec& spec, std::string_view text, const std::string& origin) {
  Settings& settings = loaded.values;
  if (const auto* integer = std::get_if<Spec::Integer>(&spec.kind)) {
    MARQUEE_CHECK(set_integer(settings, spec, *integer, text, origin));
  } else if (const auto* flag = std::get_if<Spec::Flag>(&spec.kind)) {
    MARQUEE_CHECK(set_flag(settings, spec, *flag, text, origin));
  } else if (const auto* list = std::get_if<Spec::List>(&spec.kind)) {
    MARQUEE_CHECK(set_list(settings, spec, *list, split_list(text), origin));
  } else {
    MARQUEE_CHECK(set_text(settings, spec, std::get<Spec::Text>(spec.kind), text, origin));
  }
  loaded.origins[spec.name] = origin;
  return {};
}

Result<void> set_from_toml(LoadedSettings& loaded, const Spec& spec, const toml::node& node,
                           const std::string& origin) {
  const auto wrong = [&](const char* must) { return bad_value(spec, must, "something else", origin); };
  if (std::holds_alternative<Spec::List>(spec.kind)) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return wrong("an array of texts");
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
      if (!item.is_string()) return wrong("an array of texts");
      items.push_back(**item.as_string());
    }
    MARQUEE_CHECK(set_list(loaded.values, spec, std::get<Spec::List>(spec.kind), items, origin));
    loaded.origins[spec.name] = origin;
    return {};
  }
  if (const auto* integer = std::get_if<Spec::Integer>(&spec.kind)) {
    if (node.is_integer()) return set_from_text(loaded, spec, std::to_string(**node.as_integer()), origin);
    if (integer->unit != Unit::kBytes || !node.is_string()) return wrong("a whole number");
  } else if (std::holds_alternative<Spec::Flag>(spec.kind)) {
    if (!node.is_boolean()) return wrong("true or false");
    return set_from_text(loaded, spec, **node.as_boolean() ? "true" : "false", origin);
  } else if (!node.is_string()) {
    return wrong("a text in quotes");
  }
  return set_from_text(loaded, spec, **node.as_string(), origin);
}

const Spec* find_spec(std::string_view name) {
  const auto found = std::find_if(kSpecs.begin(), kSpecs.end(), [&](const Spec& spec) { return spec.name == name; });
  return found == kSpecs.end() ? nullptr : &*found;
}

Result<void> unknown_key(const std::string& key, const std::string& origin) {
  std::vector<std::string_view> names;
  for (const Spec& spec : kSpecs) names.emplace_back(spec.name);
  std::string message = fmt::format("{}: unknown setting '{}'", origin, base::sanitize_utf8(key.substr(0, 100)));
  if (const auto nearest = nearest_name(key, names)) message += fmt::format("; did you mean '{}'?", *nearest);
  return base::invalid_argument(message, key);
}

Result<void> read_file(LoadedSettings& loaded, const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return base::not_found("there is no settings file " + path.string());
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return base::io_error("cannot read " + path.string() + ": " + error.message());
  if (size > kMaxConfigBytes) return base::invalid_argument(path.string() + " is larger than 1 MiB");
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad() || text.size() != size) return base::io_error("cannot read " + path.string());
  loaded.file = path;
  try {
    const toml::table root = toml::parse(text, path.string());
    for (const auto& [key, node] : root) {
      const std::string origin = fmt::format("{} line {}", path.string(), key.source().begin.line);
      const Spec* spec = find_spec(key.str());
      if (spec == nullptr) return unknown_key(std::string(key.str()), origin);
      MARQUEE_CHECK(set_from_toml(loaded, *spec, node, origin));
    }
  } catch (const toml::parse_error& parse_error) {
    return base::invalid_argument(
        fmt::format("{} line {}: {}", path.string(), parse_error.source().begin.line, parse_error.description()));
  }
  return {};
}

std::string text_of(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// $XDG_<kind>_HOME, or its usual place below $HOME; relative values are ignored, as the XDG specification says.
std::filesystem::path xdg_folder(const Environment& environment, const char* variable, const char* usual) {
  const std::filesystem::path folder = text_of(environment, variable);
  if (folder.is_absolute()) return folder;
  const std::filesystem::path home = text_of(environment, "HOME");
  return home.is_absolute() ? home / usual : std::filesystem::path();
}

Result<void> read_config(LoadedSettings& loaded, const Environment& environment, std::filesystem::path config) {
  if (config.empty()) config = text_of(environment, "MARQUEE_CONFIG");
  if (!config.empty()) return read_file(loaded, config);
  const auto folder = xdg_folder(environment, "XDG_CONFIG_HOME", ".config");
  std::error_code error;
  const auto usual = folder / "marquee" / "marquee.toml";
  if (folder.empty() || !std::filesystem::exists(usual, error)) return {};
  return read_file(loaded, usual);
}

}  // namespace

std::string SettingSpec::flag() const {
  std::string text = std::string("--") + name;
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::string SettingSpec::environment() const {
  std::string text = std::string("MARQUEE_") + name;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return text;
}

std::string SettingSpec::range() const {
  const auto* integer = std::get_if<Integer>(&kind);
  if (integer == nullptr) return "";
  return integer_text(*integer, integer->minimum) + ".." + integer_text(*integer, integer->maximum);
}

std::string SettingSpec::default_text() const {
  const Settings defaults;
  if (const auto* integer = std::get_if<Integer>(&kind)) return integer_text(*integer, defaults.*integer->member);
  if (const auto* text = std::get_if<Text>(&kind)) return defaults.*text->member;
  return "";
}

std::span<const SettingSpec> setting_specs() { return kSpecs; }

const SettingSpec& setting_spec(std::string_view name) { return *find_spec(name); }

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  std::string unit(end, text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  std::int64_t factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  if (unit == "k" || unit == "kib") factor = kKiB;
  if (unit == "m" || unit == "mib") factor = kMiB;
  if (unit == "g" || unit == "gib") factor = kGiB;
  if (unit == "kb") factor = 1'000;
  if (unit == "mb") factor = 1'000'000;
  if (unit == "gb") factor = 1'000'000'000;
  if (factor == 0 || number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return number * factor;
}

Result<LoadedSettings> load_settings(const FlagValues& flags, const Environment& environment,
                                     const std::filesystem::path& config) {
  LoadedSettings loaded;
  const auto data = xdg_folder(environment, "XDG_DATA_HOME", ".local/share");
  loaded.values.data = data.empty() ? "marquee-data" : (data / "marquee").string();
  for (const Spec& spec : kSpecs) loaded.origins[spec.name] = "default";
  MARQUEE_CHECK(read_config(loaded, environment, config));
  for (const Spec& spec : kSpecs) {
    const std::string variable = spec.environment();
    const char* value = environment(variable.c_str());
    if (value != nullptr) MARQUEE_CHECK(set_from_text(loaded, spec, value, "environment " + variable));
  }
  std::map<std::string, std::string> joined;  // a repeated flag adds to its list; otherwise the last one counts
  for (const auto& [name, text] : flags) {
    const bool list = std::holds_alternative<Spec::List>(setting_spec(name).kind);
    const auto [place, is_new] = joined.emplace(name, text);
    if (!is_new) place->second = list ? place->second + "," + text : text;
  }
  for (const auto& [name, text] : joined) {
    const Spec& spec = setting_spec(name);
    MARQUEE_CHECK(set_from_text(loaded, spec, text, "flag " + spec.flag()));
  }
  if (loaded.values.data.empty()) return base::invalid_argument("data must name a folder", "data");
  return loaded;
}

std::string describe_settings(const LoadedSettings& settings, bool json) {
  base::json::object object;
  std::string text = "# " + (settings.file ? "settings file: " + settings.file->string() : "no settings file") + "\n";
  for (const Spec& spec : kSpecs) {
    base::json::value value;
    if (const auto* integer = std::get_if<Spec::Integer>(&spec.kind)) {
      value = settings.values.*integer->member;
    } else if (const auto* flag = std::get_if<Spec::Flag>(&spec.kind)) {
      value = settings.values.*flag->member;
    } else if (const auto* list = std::get_if<Spec::List>(&spec.kind)) {
      value = base::json::value_from(settings.values.*list->member);
    } else {
      value = settings.values.*std::get<Spec::Text>(spec.kind).member;
    }
    const std::string& origin = settings.origins.find(spec.name)->second;
    // JSON's texts, numbers, booleans and arrays of texts are TOML's too.
    text += fmt::format("{} = {}  # {}\n", spec.name, base::json::serialize(value), origin);
    object[spec.name] = {{"value", value}, {"origin", origin}};
  }
  return json ? base::json::serialize(object) + "\n" : text;
}

}  // namespace marquee::apps
