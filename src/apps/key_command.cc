#include "apps/key_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/admin.h"
#include "apps/options.h"
#include "apps/terminal.h"
#include "platform/records_json.h"

namespace marquee::apps {
namespace {

using base::Result;

struct KeyFlags {
  platform::NewKey request{.tenant = std::string(platform::kDefaultTenant), .scopes = {"infer"}};
  std::optional<std::string> tenant;
  std::string id;
  bool json = false;
};

Result<std::unique_ptr<Admin>> admin_of(const SettingFlags& settings, bool make_folder) {
  MARQUEE_ASSIGN(const LoadedSettings loaded, settings.load());
  return open_admin(loaded.values.data, make_folder);
}

void print_json(const base::json::object& object) { std::printf("%s\n", base::json::serialize(object).c_str()); }

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
  return all;
}

ExitCode create_key(const SettingFlags& settings, const KeyFlags& flags) {
  // Said before the folder is touched, and the same with and without a server.
  if (const auto valid = platform::validate_tenant(flags.request.tenant); !valid) return fail(valid.error());
  if (const auto valid = platform::parse_scopes(flags.request.scopes); !valid) return fail(valid.error());
  const auto admin = admin_of(settings, true);
  if (!admin) return fail(admin.error());
  const auto created = (*admin)->create_key(flags.request);
  if (!created) return fail(created.error());
  if (flags.json) {
    print_json(platform::to_json(*created));
    return ExitCode::kOk;
  }
  // The secret alone on standard output, so that KEY=$(marquee key create) works.
  const platform::KeyInfo& info = created->info;
  std::fprintf(stderr, "%s of tenant %s, scopes %s; the secret is shown only now:\n", info.id.c_str(),
               info.tenant.c_str(), joined(info.scopes).c_str());
  std::printf("%s\n", created->secret.c_str());
  return ExitCode::kOk;
}

ExitCode list_keys(const SettingFlags& settings, const KeyFlags& flags) {
  const auto admin = admin_of(settings, false);
  if (!admin) return fail(admin.error());
  const auto keys = (*admin)->list_keys(flags.tenant);
  if (!keys) return fail(keys.error());
  if (flags.json) {
    print_json(platform::to_json(*keys));
    return ExitCode::kOk;
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "TENANT", "SCOPES", "CREATED", "REVOKED", "NAME"}};
  for (const platform::KeyInfo& key : *keys) {
    rows.push_back({key.id, key.tenant, joined(key.scopes), human_time(key.created_unix_s),
                    human_time(key.revoked_unix_s), without_controls(key.name)});
  }
  std::fputs(table(rows).c_str(), stdout);
  return ExitCode::kOk;
}

ExitCode revoke_key(const SettingFlags& settings, const KeyFlags& flags) {
  const auto admin = admin_of(settings, false);
  if (!admin) return fail(admin.error());
  const auto revoked = (*admin)->revoke_key(flags.id);
  if (!revoked) return fail(revoked.error());
  if (flags.json) {
    print_json(platform::to_json(*revoked));
  } else {
    std::printf("%s is revoked\n", revoked->id.c_str());
  }
  return ExitCode::kOk;
}

void add_create(CLI::App& key, Action& action) {
  CLI::App* command = key.add_subcommand("create", "Make a key and print its secret, once");
  auto flags = std::make_shared<KeyFlags>();
  command->add_option("--tenant", flags->request.tenant, "who it is for; made if new")->capture_default_str();
  command->add_option("--scope", flags->request.scopes, "infer, admin or both")->delimiter(',')->capture_default_str();
  command->add_option("--name", flags->request.name, "a note for people");
  command->add_flag("--json", flags->json, "as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command,
               "marquee key create --tenant studio-1                     a key that may generate\n"
               "marquee key create --scope infer,admin --name ops        one that may manage keys, too\n"
               "KEY=$(marquee key create)                                the secret alone goes to standard output");
  command->callback(
      [&action, flags, settings] { action = [flags, settings] { return create_key(*settings, *flags); }; });
}

void add_list(CLI::App& key, Action& action) {
  CLI::App* command = key.add_subcommand("list", "Show all keys, without their secrets");
  auto flags = std::make_shared<KeyFlags>();
  command->add_option("--tenant", flags->tenant, "only of this tenant");
  command->add_flag("--json", flags->json, "as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command, "marquee key list --tenant studio-1");
  command->callback(
      [&action, flags, settings] { action = [flags, settings] { return list_keys(*settings, *flags); }; });
}

void add_revoke(CLI::App& key, Action& action) {
  CLI::App* command = key.add_subcommand("revoke", "Shut a key for good; a running server refuses it at once");
  auto flags = std::make_shared<KeyFlags>();
  command->add_option("id", flags->id, "the key's id, as `marquee key list` shows it")->required();
  command->add_flag("--json", flags->json, "as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command, "marquee key revoke key_3f9c0a1b2c3d4e5f60718293");
  command->callback(
      [&action, flags, settings] { action = [flags, settings] { return revoke_key(*settings, *flags); }; });
}

}  // namespace

void add_key_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("key", "Make, show and revoke API keys");
  command->require_subcommand(1);
  add_create(*command, action);
  add_list(*command, action);
  add_revoke(*command, action);
  add_examples(*command,
               "marquee key create --tenant studio-1\n"
               "marquee key list\n"
               "marquee key revoke ID");
}

}  // namespace marquee::apps
