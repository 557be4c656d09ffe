#include "kernels/kernels.h"

#include <stdexcept>

#include "kernels/cpu.h"
#include "kernels/tables.h"

namespace marquee::kernels {
namespace {

const Kernels& choose() {
  const auto choice = chosen_isa();
  if (!choice) throw std::runtime_error(choice.error().message);
  return *kernels_for(choice->isa);
}

}  // namespace

const Kernels* kernels_for(Isa isa) {
  if (!cpu_features().supports(isa)) return nullptr;
  switch (isa) {
    case Isa::kScalar: return &kScalarKernels;
#if defined(__x86_64__)
    case Isa::kAvx2: return &kAvx2Kernels;
    case Isa::kAvxVnni: return cpu_features().avx_vnni ? &kAvxVnniKernels : &kAvxVnniEvexKernels;
    case Isa::kAvx512Vnni: return &kAvx512Kernels;
#elif defined(__aarch64__)
    case Isa::kNeonDotprod: return &kNeonKernels;
#endif
    default: return nullptr;
  }
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace marquee::kernels
