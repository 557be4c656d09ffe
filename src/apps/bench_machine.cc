#include "apps/bench_machine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

#include "base/thread_pool.h"
#include "kernels/cpu.h"
#include "tensor/roofline.h"

namespace marquee::apps {
namespace {

constexpr int kSamples = 5;
constexpr double kSampleS = 0.05;

template <typename Work>
double giga_per_second(const Work& work) {
  using SteadyClock = std::chrono::steady_clock;
  const auto start = SteadyClock::now();
  double done = 0;
  double seconds = 0;
  while (seconds < kSampleS) {
    done += static_cast<double>(work());
    seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  }
  return done * 1e-9 / seconds;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  }
  return "unknown CPU";
}

}  // namespace

base::Result<void> MachineLimits::measure(unsigned threads) {
  base::ThreadPool pool(threads);
  MARQUEE_ASSIGN(auto probe, tensor::RooflineProbe::create(pool));
  probe.multiply_int8();  // wakes the cores
  for (int i = 0; i < kSamples; ++i) {
    memory_gb_per_s_.push_back(giga_per_second([&] { return probe.read_memory(); }));
    int8_gmac_per_s_.push_back(giga_per_second([&] { return probe.multiply_int8(); }));
  }
  return {};
}

BenchMachine MachineLimits::describe() const {
  BenchMachine machine;
  machine.cpu = cpu_name();
  machine.cpus = base::available_cpus();
  if (const auto choice = kernels::chosen_isa()) machine.isa = kernels::to_string(choice->isa);
  machine.memory_bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  machine.memory_read_gb_per_s = spread_of(memory_gb_per_s_).value_or(Spread());
  machine.int8_gmac_per_s = spread_of(int8_gmac_per_s_).value_or(Spread());
  return machine;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace marquee::apps
