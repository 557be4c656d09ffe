#include "kernels/cpu.h"

#include <cstdint>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace marquee::kernels {
namespace {

#if defined(__x86_64__)
std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32U) | low;
}

constexpr bool bit(unsigned value, unsigned index) { return ((value >> index) & 1U) != 0; }

// Bit positions: Intel SDM volume 2A, CPUID; register states: volume 1, XCR0.
CpuFeatures detect() {
  CpuFeatures found;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return found;
  found.fma = bit(ecx, 12);
  found.f16c = bit(ecx, 29);
  if (bit(ecx, 27)) {  // OSXSAVE
    const std::uint64_t xcr0 = read_xcr0();
    found.os_saves_ymm = (xcr0 & 0x6U) == 0x6U;
    found.os_saves_zmm = (xcr0 & 0xE6U) == 0xE6U;
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return found;
  found.avx2 = bit(ebx, 5);
  found.avx512f = bit(ebx, 16);
  found.avx512dq = bit(ebx, 17);
  found.avx512bw = bit(ebx, 30);
  found.avx512vl = bit(ebx, 31);
  found.avx512_vnni = bit(ecx, 11);
  if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) found.avx_vnni = bit(eax, 4);
  return found;
}
#elif defined(__aarch64__) && defined(__linux__)
CpuFeatures detect() {
  CpuFeatures found;
  found.asimd_dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  return found;
}
#else
CpuFeatures detect() { return {}; }
#endif

std::vector<std::string> names_of(const CpuFeatures& found) {
  const std::pair<bool, const char*> all[] = {{found.avx2, "avx2"},
                                              {found.fma, "fma"},
                                              {found.f16c, "f16c"},
                                              {found.avx_vnni, "avx_vnni"},
                                              {found.avx512f, "avx512f"},
                                              {found.avx512bw, "avx512bw"},
                                              {found.avx512dq, "avx512dq"},
                                              {found.avx512vl, "avx512vl"},
                                              {found.avx512_vnni, "avx512_vnni"},
                                              {found.asimd_dotprod, "asimd_dotprod"}};
  std::vector<std::string> names;
  for (const auto& [has, name] : all) {
    if (has) names.emplace_back(name);
  }
  return names;
}

// What keeps the CPU from `isa`, for a person.
std::string missing_for(const CpuFeatures& found, Isa isa) {
  std::string missing;
  const auto need = [&missing](bool has, const char* name) {
    if (!has) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  if (isa == Isa::kAvx2) {
    need(found.avx2, "avx2");
    need(found.fma, "fma");
    need(found.f16c, "f16c");
    need(found.os_saves_ymm, "ymm registers saved by the operating system");
  } else if (isa == Isa::kAvxVnni) {
    need(found.supports(Isa::kAvx2), "all that avx2 needs");
    need(found.avx_vnni || (found.avx512vl && found.avx512_vnni && found.os_saves_zmm), "avx_vnni");
  } else if (isa == Isa::kAvx512Vnni) {
    need(found.supports(Isa::kAvx2), "all that avx2 needs");
    need(found.avx512f, "avx512f");
    need(found.avx512bw, "avx512bw");
    need(found.avx512dq, "avx512dq");
    need(found.avx512vl, "avx512vl");
    need(found.avx512_vnni, "avx512_vnni");
    need(found.os_saves_zmm, "zmm registers saved by the operating system");
  } else if (isa == Isa::kNeonDotprod) {
    need(found.asimd_dotprod, "asimd_dotprod");
  }
  return missing;
}

constexpr Isa kBestFirst[] = {Isa::kNeonDotprod, Isa::kAvx512Vnni, Isa::kAvxVnni, Isa::kAvx2, Isa::kScalar};

base::Result<IsaChoice> choose_wanted(const CpuFeatures& features, const std::string& wanted) {
  for (const Isa isa : kBestFirst) {
    if (wanted != to_string(isa)) continue;
    const std::string missing = missing_for(features, isa);
    if (!missing.empty()) {
      return base::unsupported("MARQUEE_ISA=" + wanted + ", but this CPU lacks " + missing +
                               "; unset it to use the best that is there");
    }
    return IsaChoice{isa, names_of(features), "MARQUEE_ISA=" + wanted + " asks for it"};
  }
  return base::invalid_argument(
      "MARQUEE_ISA=" + wanted + " is not an instruction set; use scalar, avx2, avxvnni, avx512 or neon", "MARQUEE_ISA");
}

}  // namespace

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvxVnni: return "avxvnni";
    case Isa::kAvx512Vnni: return "avx512";
    case Isa::kNeonDotprod: return "neon";
  }
  return "unknown";
}

bool CpuFeatures::supports(Isa isa) const { return missing_for(*this, isa).empty(); }

const CpuFeatures& cpu_features() {
  static const CpuFeatures kFound = detect();
  return kFound;
}

base::Result<IsaChoice> choose_isa(const CpuFeatures& features, const std::string& wanted) {
  if (!wanted.empty()) return choose_wanted(features, wanted);
  std::string passed_over;
  for (const Isa isa : kBestFirst) {
    const std::string missing = missing_for(features, isa);
    if (missing.empty()) {
      return IsaChoice{isa, names_of(features), "the widest that this CPU supports" + passed_over};
    }
    if (isa == Isa::kNeonDotprod) continue;  // of another kind of CPU: nobody misses it
    passed_over += std::string("; ") + to_string(isa) + " lacks " + missing;
  }
  return IsaChoice{};  // not reached: scalar lacks nothing
}

base::Result<IsaChoice> chosen_isa() {
  const char* wanted = std::getenv("MARQUEE_ISA");
  return choose_isa(cpu_features(), wanted == nullptr ? "" : wanted);
}

}  // namespace marquee::kernels
