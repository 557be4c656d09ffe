#pragma once
// Settings: flags over environment (MARQUEE_*) over marquee.toml over defaults.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace marquee::apps {

struct Settings {
  // Where it listens.
  std::string host = "127.0.0.1";
  std::int64_t port = 8080;
  std::string tls_certificate;
  std::string tls_key;
  bool insecure_http = false;
  std::vector<std::string> allowed_hosts;
  // What it serves, and from where.
  std::string data;
  std::vector<std::string> models;
  std::string default_model = "smollm2-135m-instruct";
  // What it may use.
  std::int64_t threads = 0;
  std::int64_t io_threads = 1;
  std::int64_t worker_threads = 4;
  std::int64_t memory_budget = 0;
  std::int64_t kv_memory = 0;
  std::string kv_type = "f16";
  std::string activations = "int8";
  std::string encoder_weights = "int8";
  std::int64_t packed_cache = std::int64_t{16} << 30;
  std::int64_t max_context = 0;
  std::int64_t prefill_chunk = 256;
  std::int64_t max_sequences = 64;
  std::int64_t max_queue = 256;
  std::int64_t prefix_cache = 100;
  std::string speculation = "prompt";
  std::vector<std::string> draft_models;
  std::int64_t saved_caches = std::int64_t{4} << 30;
  // What a client may cost.
  std::int64_t max_connections = 1024;
  std::int64_t max_header = 16 << 10;
  std::int64_t max_body = 16 << 20;
  std::int64_t max_bodies = 256 << 20;
  std::int64_t max_upload = std::int64_t{1} << 30;
  std::int64_t tenant_files = std::int64_t{10} << 30;
  std::int64_t tenant_file_count = 10'000;
  std::int64_t header_timeout = 10;
  std::int64_t body_timeout = 120;
  std::int64_t upload_timeout = 30;
  std::int64_t idle_timeout = 75;
  std::int64_t write_timeout = 20;
  std::int64_t drain_timeout = 30;
  // What it says.
  std::string log_level = "info";
  bool log_json = false;
};

/// One setting: "max_body" is --max-body, MARQUEE_MAX_BODY and `max_body = …`.
struct SettingSpec {
  struct Integer {
    std::int64_t Settings::*member;
    std::int64_t minimum;
    std::int64_t maximum;
    enum class Unit : std::uint8_t { kNone, kSeconds, kBytes } unit = Unit::kNone;
  };
  struct Flag {
    bool Settings::*member;
  };
  struct Text {
    std::string Settings::*member;
    std::span<const std::string_view> choices = {};  ///< what it may be; empty: anything
  };
  struct List {
    std::vector<std::string> Settings::*member;
  };

  const char* name;
  const char* help;
  std::variant<Integer, Flag, Text, List> kind;

  [[nodiscard]] std::string flag() const;          ///< "--max-body"
  [[nodiscard]] std::string environment() const;   ///< "MARQUEE_MAX_BODY"
  [[nodiscard]] std::string range() const;         ///< "1KiB..1GiB", or ""
  [[nodiscard]] std::string default_text() const;  ///< "16MiB", or "" for none
};

std::span<const SettingSpec> setting_specs();
/// @pre there is one of that name
const SettingSpec& setting_spec(std::string_view name);

/// What the command line said: setting name and text, in order; a list's setting may come more than once.
using FlagValues = std::vector<std::pair<std::string, std::string>>;
using Environment = std::function<const char*(const char* name)>;

struct LoadedSettings {
  Settings values;
  std::map<std::string, std::string, std::less<>>
      origins;                                ///< name → "default", "marquee.toml line 3", "MARQUEE_PORT", …
  std::optional<std::filesystem::path> file;  ///< the file that was read
};

/// @param config the file to read, which must exist; empty: MARQUEE_CONFIG's, or, if there is one,
///        $XDG_CONFIG_HOME/marquee/marquee.toml
/// @error kInvalidArgument naming the setting, what is wrong and where it came from (with line and the nearest known
///        name for an unknown one); kNotFound, kIo for the file
base::Result<LoadedSettings> load_settings(const FlagValues& flags, const Environment& environment,
                                           const std::filesystem::path& config = {});

/// Each setting, its value and where it came from, as TOML with comments (or as a JSON object).
std::string describe_settings(const LoadedSettings& settings, bool json);

/// "512MiB", "2 GB", "1024" → bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text);

}  // namespace marquee::apps
