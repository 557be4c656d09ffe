#pragma once
// Which instruction sets this CPU (and operating system) offers, and which one the kernels use.

#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/isa.h"

namespace marquee::kernels {

/// "scalar", "avx2", "avxvnni", "avx512" or "neon": the values of MARQUEE_ISA.
const char* to_string(Isa isa);

/// What the CPU can do, in the terms that matter here.
struct CpuFeatures {
  bool avx2 = false, fma = false, f16c = false;
  bool avx_vnni = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false, avx512_vnni = false;
  bool asimd_dotprod = false;  ///< of ARM
  bool os_saves_ymm = false, os_saves_zmm = false;

  [[nodiscard]] bool supports(Isa isa) const;
};

/// Asks the CPU once; later calls return the same answer.
const CpuFeatures& cpu_features();

/// What was chosen and why, for `marquee doctor`.
struct IsaChoice {
  Isa isa = Isa::kScalar;
  std::vector<std::string> features;  ///< found, e.g. "avx2", "avx512_vnni"
  std::string reason;                 ///< one sentence
};

/// The best instruction set that `features` allow, or the one that `wanted` names.
/// @param wanted the value of MARQUEE_ISA; empty for the best
/// @error kInvalidArgument if `wanted` is not a name; kUnsupported if this CPU cannot run it
base::Result<IsaChoice> choose_isa(const CpuFeatures& features, const std::string& wanted);

/// choose_isa() for this CPU and environment. Programs check it once at start, before any computation.
base::Result<IsaChoice> chosen_isa();

}  // namespace marquee::kernels
