#include "apps/doctor_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/data_folder.h"
#include "apps/listen.h"
#include "apps/options.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "kernels/cpu.h"
#include "serving/model_store.h"
#include "store/connection.h"
#include "store/data_folder.h"
#include "store/migrations.h"

namespace marquee::apps {
namespace {

constexpr std::uintmax_t kLittleDiskBytes = 1'000'000'000;
constexpr std::uintmax_t kTooLittleDiskBytes = 50'000'000;
constexpr std::int64_t kSoonS = 14 * 86'400;

enum class Level { kOk, kWarning, kProblem };

struct Finding {
  Level level;
  std::string about;
  std::string text;
};

/// Gathers what was found, in order.
class Report {
 public:
  void ok(std::string about, std::string text) { findings_.push_back({Level::kOk, std::move(about), std::move(text)}); }
  void warn(std::string about, std::string text) {
    findings_.push_back({Level::kWarning, std::move(about), std::move(text)});
  }
  void problem(std::string about, std::string text) {
    findings_.push_back({Level::kProblem, std::move(about), std::move(text)});
  }
  [[nodiscard]] bool healthy() const;
  void print() const;
  void print_json() const;

 private:
  std::vector<Finding> findings_;
};

const char* name_of(Level level) {
  switch (level) {
    case Level::kOk: return "ok";
    case Level::kWarning: return "warning";
    case Level::kProblem: return "problem";
  }
  return "problem";
}

bool Report::healthy() const {
  for (const Finding& finding : findings_) {
    if (finding.level == Level::kProblem) return false;
  }
  return true;
}

void Report::print() const {
  const Paint paint(stdout);
  for (const Finding& finding : findings_) {
    std::string mark = paint.green("ok     ");
    if (finding.level == Level::kWarning) mark = paint.yellow("warning");
    if (finding.level == Level::kProblem) mark = paint.red("problem");
    std::printf("%s  %-8s  %s\n", mark.c_str(), finding.about.c_str(), without_controls(finding.text).c_str());
  }
}

void Report::print_json() const {
  base::json::array array;
  for (const Finding& finding : findings_) {
    array.push_back({{"level", name_of(finding.level)}, {"about", finding.about}, {"text", finding.text}});
  }
  const base::json::object object = {{"ok", healthy()}, {"findings", array}};
  std::printf("%s\n", base::json::serialize(object).c_str());
}

void check_cpu(Report& report) {
  const auto choice = kernels::chosen_isa();
  if (!choice) {
    report.problem("cpu", choice.error().message);
    return;
  }
  std::string features;
  for (const std::string& feature : choice->features) features += (features.empty() ? "" : " ") + feature;
  report.ok("cpu", std::string("computes with ") + kernels::to_string(choice->isa) + ": " + choice->reason);
  report.ok("cpu", "features: " + (features.empty() ? std::string("none that matter") : features) + "; " +
                       std::to_string(base::available_cpus()) + " CPUs for this process");
}

/// A field of /proc/meminfo in bytes.
std::optional<std::uint64_t> memory_field(const std::string& name) {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  std::string unit;
  while (file >> key >> kib) {
    std::getline(file, unit);
    if (key == name + ":") return kib * 1024;
  }
  return std::nullopt;
}

void check_memory(Report& report, const Settings& settings, std::uint64_t largest_model) {
  const auto total = memory_field("MemTotal");
  const auto available = memory_field("MemAvailable");
  if (!total || !available) {
    report.warn("memory", "/proc/meminfo cannot be read");
    return;
  }
  const std::string text = human_bytes(*available) + " of " + human_bytes(*total) + " are free";
  const auto budget = static_cast<std::uint64_t>(settings.memory_budget);
  if (budget > *total) {
    report.problem("memory", text + ", but memory_budget is " + human_bytes(budget));
  } else if (largest_model > *available) {
    report.warn("memory", text + "; the largest model's files have " + human_bytes(largest_model));
  } else {
    report.ok("memory", text);
  }
}

void check_private(Report& report, const std::filesystem::path& path, unsigned wanted) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  const unsigned mode = status.st_mode & 0777U;
  char octal[8];
  std::snprintf(octal, sizeof octal, "%04o", wanted);
  const std::string remedy = path.string() + "; run: chmod " + octal + " " + path.string();
  const bool folder = S_ISDIR(status.st_mode);
  if ((mode & ~wanted) == 0) return;
  if (folder && (mode & 0022U) == 0) return report.warn("data", "others can look into " + remedy);
  report.problem("data", "others can " + std::string(folder ? "write into " : "open ") + remedy);
}

void check_database(Report& report, const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  store::ConnectionOptions options;
  options.read_only = true;
  auto connection = store::Connection::open(path, options);
  auto version = connection ? store::schema_version(**connection) : base::Result<std::int32_t>(connection.error());
  if (!version) {
    report.problem("data", path.string() + ": " + version.error().message);
    return;
  }
  const std::int32_t known = store::schema_migrations().back().version;
  if (*version > known) {
    report.problem("data", "the database has schema version " + std::to_string(*version) +
                               ", newer than this program's " + std::to_string(known) +
                               "; use the newer marquee that wrote it");
    return;
  }
  auto check = (*connection)->prepare("PRAGMA quick_check(1)");
  const bool whole = check && check->step().value_or(false) && check->text(0) == "ok";
  if (whole) report.ok("data", "the database is whole, schema version " + std::to_string(*version));
  if (!whole) report.problem("data", path.string() + " is damaged; restore it from a backup");
}

void check_data(Report& report, const std::filesystem::path& data) {
  std::error_code error;
  if (!std::filesystem::exists(data, error)) {
    report.ok("data", data.string() + " does not exist yet; the first `marquee serve` makes it");
    return;
  }
  if (!std::filesystem::is_directory(data, error) || ::access(data.c_str(), R_OK | W_OK | X_OK) != 0) {
    report.problem("data", data.string() + " is not a folder this user may write; change its owner or give --data");
    return;
  }
  const auto space = std::filesystem::space(data, error);
  const std::string text = data.string() + ", " + human_bytes(space.available) + " free";
  if (space.available < kTooLittleDiskBytes) {
    report.problem("data", text + ": too little to write usage; make room");
  } else if (space.available < kLittleDiskBytes) {
    report.warn("data", text + ": too little for most models");
  } else {
    report.ok("data", text);
  }
  check_private(report, data, 0700);
  for (const char* name : {"admin.key", "pepper.key", "server.json"}) check_private(report, data / name, 0600);
  check_database(report, data / "marquee.db");
}

std::uint64_t check_models(Report& report, const std::filesystem::path& data, bool verify) {
  std::error_code error;
  std::uint64_t largest = 0;
  if (!std::filesystem::exists(data / "models", error)) {
    report.warn("models", "none are installed; try: marquee pull smollm2-135m-instruct");
    return 0;
  }
  auto store = serving::ModelStore::open(data);
  auto listing = store ? store->list() : base::Result<serving::ModelStore::Listing>(store.error());
  if (!listing) {
    report.problem("models", listing.error().message);
    return 0;
  }
  for (const std::string& broken : listing->broken) report.problem("models", broken);
  if (listing->models.empty()) report.warn("models", "none are installed; try: marquee pull smollm2-135m-instruct");
  for (const serving::InstalledModel& model : listing->models) {
    largest = std::max(largest, model.bytes());
    ProgressBar bar(model.name);
    bar.show("verifying", 0, 0);
    const auto verified = verify ? store->verify(model) : base::Result<void>();
    bar.clear();
    const std::string text = model.name + ", " + human_bytes(model.bytes());
    if (!verified) report.problem("models", verified.error().message + "; pull it again");
    if (verified) report.ok("models", text + (verify ? ", every file has its SHA-256" : ""));
  }
  return largest;
}

void check_tls(Report& report, const Settings& settings) {
  if (settings.tls_certificate.empty() || settings.tls_key.empty()) return;
  const auto certificate = check_tls_files(settings.tls_certificate, settings.tls_key);
  if (!certificate) {
    report.problem("tls", certificate.error().message);
    return;
  }
  const std::int64_t left_s = certificate->expires_unix_s - std::time(nullptr);
  const std::string text = "the certificate is good until " + human_time(certificate->expires_unix_s) + " UTC";
  if (left_s <= 0) {
    report.problem("tls", "the certificate has expired on " + human_time(certificate->expires_unix_s));
  } else if (left_s < kSoonS) {
    report.warn("tls", text);
  } else {
    report.ok("tls", text);
  }
}

void check_network(Report& report, const Settings& settings) {
  if (const auto allowed = check_listen_settings(settings); !allowed) {
    report.problem("network", allowed.error().message);
    return;
  }
  if (const auto holder = store::lock_holder(settings.data)) {
    const auto note = read_server_note(settings.data);
    report.ok("network", note ? "a server runs here: " + note->url + ", process " + std::to_string(note->pid)
                              : "process " + std::to_string(*holder) + " uses the data folder");
    return;
  }
  const std::string where = settings.host + " port " + std::to_string(settings.port);
  if (const auto free = check_port_free(settings.host, settings.port); !free) {
    report.problem("network", free.error().message + "; stop what uses it or give --port");
  } else {
    report.ok("network", where + " is free");
  }
}

ExitCode examine(const SettingFlags& flags, bool quick, bool json) {
  const auto loaded = flags.load();
  if (!loaded) return fail(loaded.error());
  Report report;
  check_cpu(report);
  check_data(report, loaded->values.data);
  const std::uint64_t largest_model = check_models(report, loaded->values.data, !quick);
  check_memory(report, loaded->values, largest_model);
  check_tls(report, loaded->values);
  check_network(report, loaded->values);
  json ? report.print_json() : report.print();
  return report.healthy() ? ExitCode::kOk : ExitCode::kFailure;
}

struct DoctorFlags {
  bool quick = false;
  bool json = false;
};

}  // namespace

void add_doctor_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("doctor", "Check this machine, the data folder and the models");
  auto flags = std::make_shared<DoctorFlags>();
  command->add_flag("--quick", flags->quick, "do not read the models' files through");
  command->add_flag("--json", flags->json, "as JSON");
  auto settings =
      add_setting_flags(*command, std::vector<std::string_view>{"data", "host", "port", "tls_certificate", "tls_key",
                                                                "insecure_http", "memory_budget"});
  add_examples(*command,
               "marquee doctor                 exit status 0 if nothing stands in the way of `marquee serve`\n"
               "MARQUEE_ISA=avx2 marquee doctor  what would run with another instruction set");
  command->callback([&action, flags, settings] {
    action = [flags, settings] { return examine(*settings, flags->quick, flags->json); };
  });
}

}  // namespace marquee::apps
