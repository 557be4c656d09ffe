#include "train/curve_log.h"

#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "formats/small_file.h"
#include "train/whole_file.h"

namespace marquee::train {

using base::Result;
namespace json = base::json;

namespace {

constexpr std::size_t kMaxCurveBytes = std::size_t{256} << 20U;

double number_or_nan(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return value->to_number<double>();
}

/// A line that holds no step is none of ours.
Result<Report> report_of(const json::value& line) {
  const json::object* object = line.if_object();
  const json::value* step = object == nullptr ? nullptr : object->if_contains("step");
  const json::value* total = object == nullptr ? nullptr : object->if_contains("total_steps");
  if (step == nullptr || !step->is_int64() || total == nullptr || !total->is_int64()) {
    return base::corrupt("is no report: it has no 'step' and 'total_steps'");
  }
  Report report;
  report.step = step->get_int64();
  report.total_steps = total->get_int64();
  const std::pair<const char*, double*> fields[] = {
      {"epoch", &report.epoch},         {"loss", &report.loss},
      {"rate", &report.rate},           {"gradient_norm", &report.gradient_norm},
      {"elapsed_s", &report.elapsed_s}, {"examples_per_s", &report.examples_per_s},
      {"eta_s", &report.eta_s},
  };
  for (const auto& [name, to] : fields) *to = number_or_nan(*object, name);
  if (const double epsilon = number_or_nan(*object, "epsilon"); !std::isnan(epsilon)) report.epsilon = epsilon;
  if (const json::value* best = object->if_contains("is_best")) report.is_best = best->is_bool() && best->get_bool();
  const json::value* validation = object->if_contains("validation");
  if (validation != nullptr && validation->is_object()) {
    for (const auto& member : validation->get_object()) {
      report.validation.push_back({std::string(member.key()), number_or_nan(validation->get_object(), member.key())});
    }
  }
  return report;
}

}  // namespace

std::string curve_line(const Report& report) {
  json::object object = {{"step", report.step},
                         {"total_steps", report.total_steps},
                         {"epoch", finite_or_null(report.epoch)},
                         {"loss", finite_or_null(report.loss)},
                         {"rate", finite_or_null(report.rate)},
                         {"gradient_norm", finite_or_null(report.gradient_norm)},
                         {"examples_per_s", finite_or_null(report.examples_per_s)},
                         {"elapsed_s", finite_or_null(report.elapsed_s)},
                         {"eta_s", finite_or_null(report.eta_s)}};
  if (report.epsilon) object["epsilon"] = finite_or_null(*report.epsilon);
  if (!report.validation.empty()) {
    auto& validation = object["validation"].emplace_object();
    for (const Metric& metric : report.validation) validation[metric.name] = finite_or_null(metric.value);
    object["is_best"] = report.is_best;
  }
  return json::serialize(object);
}

Result<std::vector<Report>> read_curve(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && std::filesystem::file_size(path, error) == 0)
    return std::vector<Report>();
  MARQUEE_ASSIGN(const std::string text, formats::read_small_file(path, kMaxCurveBytes));
  std::vector<Report> reports;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // cut
    const std::string what = path.string() + ": line " + std::to_string(++number);
    auto line = base::parse_json(std::string_view(text).substr(begin, end - begin), what);
    if (!line) return base::corrupt(std::move(line).error().message);
    auto report = report_of(*line);
    if (!report) return base::corrupt(what + ": " + report.error().message);
    reports.push_back(std::move(*report));
    begin = end + 1;
  }
  return reports;
}

Result<CurveLog> CurveLog::open(const std::filesystem::path& path, std::int64_t step) {
  std::error_code error;
  if (step == 0 || !std::filesystem::exists(path, error)) {
    MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
    return CurveLog(std::move(file));
  }
  MARQUEE_ASSIGN(const auto reports, read_curve(path));
  std::string kept;
  for (const Report& report : reports) {
    if (report.step <= step) kept += curve_line(report) + "\n";
  }
  MARQUEE_CHECK(write_whole_file(path, kept));
  MARQUEE_ASSIGN(auto file, base::OutputFile::append(path));
  return CurveLog(std::move(file));
}

Result<void> CurveLog::append(const Report& report) {
  const std::string line = curve_line(report) + "\n";
  return file_.write(std::as_bytes(std::span(line)));
}

}  // namespace marquee::train
