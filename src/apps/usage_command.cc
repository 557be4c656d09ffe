#include "apps/usage_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/admin.h"
#include "apps/options.h"
#include "apps/terminal.h"
#include "platform/records_json.h"

namespace marquee::apps {
namespace {

std::string seconds_text(std::int64_t compute_us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", static_cast<double>(compute_us) / 1e6);
  return text;
}

std::vector<std::string> row_of(const platform::UsageSum& sum, const std::string& day) {
  return {day,
          sum.tenant,
          sum.key_id,
          without_controls(sum.model),
          std::to_string(sum.requests),
          std::to_string(sum.tokens_in),
          std::to_string(sum.tokens_out),
          seconds_text(sum.compute_us)};
}

ExitCode show_usage(const SettingFlags& settings, const platform::UsageFilter& filter, bool json) {
  const auto loaded = settings.load();
  if (!loaded) return fail(loaded.error());
  const auto admin = open_admin(loaded->values.data, false);
  if (!admin) return fail(admin.error());
  const auto report = (*admin)->usage(filter);
  if (!report) return fail(report.error());
  if (json) {
    std::printf("%s\n", base::json::serialize(platform::to_json(*report)).c_str());
    return ExitCode::kOk;
  }
  std::vector<std::vector<std::string>> rows = {
      {"DAY", "TENANT", "KEY", "MODEL", "REQUESTS", "TOKENS IN", "TOKENS OUT", "COMPUTE S"}};
  for (const platform::UsageSum& sum : report->sums) rows.push_back(row_of(sum, sum.day));
  rows.push_back(row_of(report->total, "total"));
  std::fputs(table(rows, 4).c_str(), stdout);
  if (report->truncated) std::fprintf(stderr, "more days than --limit shows; the total is over all of them\n");
  return ExitCode::kOk;
}

}  // namespace

void add_usage_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("usage", "Show what was used, by day, key and model");
  auto filter = std::make_shared<platform::UsageFilter>();
  auto json = std::make_shared<bool>(false);
  command->add_option("--from", filter->from_day, "first day, YYYY-MM-DD in UTC");
  command->add_option("--to", filter->to_day, "last day");
  command->add_option("--tenant", filter->tenant, "only of this tenant");
  command->add_option("--key", filter->key_id, "only of this key id");
  command->add_option("--model", filter->model, "only of this model");
  command->add_option("--limit", filter->limit, "most lines, 1 to 100000")->capture_default_str();
  command->add_flag("--json", *json, "as JSON");
  auto settings = add_setting_flags(*command, kDataOnly);
  add_examples(*command,
               "marquee usage --from 2026-11-01 --to 2026-11-30    a month's bill\n"
               "marquee usage --tenant studio-1 --json             one tenant's, for a script");
  command->callback([&action, filter, json, settings] {
    action = [filter, json, settings] { return show_usage(*settings, *filter, *json); };
  });
}

}  // namespace marquee::apps
