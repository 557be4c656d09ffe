#pragma once
// The machine under a measurement, and its limits measured beside it.

#include <atomic>
#include <cstdint>
#include <vector>

#include "apps/bench_report.h"
#include "base/result.h"

namespace marquee::apps {

/// Measures the machine's limits before and after the rest, so that a machine whose speed changes is seen to.
class MachineLimits {
 public:
  /// Takes some samples, about half a second. @param threads that work together @error kResourceExhausted
  base::Result<void> measure(unsigned threads);
  /// @pre measure() has been called
  [[nodiscard]] BenchMachine describe() const;

 private:
  std::vector<double> memory_gb_per_s_;
  std::vector<double> int8_gmac_per_s_;
};

/// Memory of this process that is in RAM; 0 if the system does not say.
std::uint64_t resident_bytes();

}  // namespace marquee::apps
