#pragma once
// What `marquee bench` shows: tables for people, JSON for programs.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/bench_plan.h"
#include "apps/bench_stats.h"
#include "base/json.h"

namespace marquee::apps {

/// The machine on which the engine in this process was measured.
struct BenchMachine {
  std::string cpu;  ///< as the system names it
  unsigned cpus = 0;
  std::string isa;
  std::uint64_t memory_bytes = 0;
  Spread memory_read_gb_per_s;
  Spread int8_gmac_per_s;
};

struct BenchReport {
  std::string model;
  std::string server;  ///< empty: the engine in this process
  std::uint64_t model_bytes = 0;
  std::uint64_t kv_bytes_per_token = 0;  ///< of the cache, over all layers
  double load_s = 0;
  BenchPlan plan;
  std::optional<BenchMachine> machine;  ///< not of a server
  std::vector<CaseFigures> cases;
};

/// "1,609", "48.2", "3.51": three digits that count, and commas.
std::string figure_text(double value);
/// "1,609 (1,539-1,853)", or "-" for nothing
std::string spread_text(const std::optional<Spread>& spread);

std::string report_text(const BenchReport& report);
base::json::object report_json(const BenchReport& report);

}  // namespace marquee::apps
