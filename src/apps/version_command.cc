#include "apps/version_command.h"

#include <curl/curl.h>
#include <sodium.h>
#include <sqlite3.h>

#include <boost/version.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "apps/options.h"
#include "base/json.h"
#include "kernels/cpu.h"
#include "store/migrations.h"

namespace marquee::apps {
namespace {

ExitCode show_version(bool json) {
  if (!json) {
    std::printf("marquee %s\n", version());
    return ExitCode::kOk;
  }
  base::json::object object;
  object["version"] = version();
  object["build"] = MARQUEE_BUILD;
  object["compiler"] = "g++ " __VERSION__;
  object["schema"] = store::schema_migrations().back().version;
  if (auto isa = kernels::chosen_isa()) object["isa"] = kernels::to_string(isa->isa);
  object["libraries"] = {{"boost", BOOST_LIB_VERSION},
                         {"curl", ::curl_version_info(CURLVERSION_NOW)->version},
                         {"libsodium", ::sodium_version_string()},
                         {"sqlite", ::sqlite3_libversion()}};
  std::printf("%s\n", base::json::serialize(object).c_str());
  return ExitCode::kOk;
}

}  // namespace

const char* version() { return MARQUEE_VERSION; }

void add_version_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "also what it was built with, as JSON");
  add_examples(*command, "marquee version --json");
  command->callback([&action, json] { action = [json] { return show_version(*json); }; });
}

}  // namespace marquee::apps
