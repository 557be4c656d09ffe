#include "kernels/kernels.h"

#include <stdexcept>

#include "kernels/cpu.h"
#include "kernels/tables.h"

namespace marquee::kernels {
namespace {

Isa choose() {
  const auto choice = chosen_isa();
  if (!choice) throw std::runtime_error(choice.error().message);
  return choice->isa;
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
  static const Kernels& chosen = *kernels_for(choose());
  return chosen;
}

const TrainingKernels* training_kernels_for(Isa isa) {
  if (!cpu_features().supports(isa)) return nullptr;
  switch (isa) {
    case Isa::kScalar: return &kScalarTrainingKernels;
#if defined(__x86_64__)
    case Isa::kAvx2:
    case Isa::kAvxVnni: return &kAvx2TrainingKernels;
    case Isa::kAvx512Vnni: return &kAvx512TrainingKernels;
#elif defined(__aarch64__)
    case Isa::kNeonDotprod: return &kNeonTrainingKernels;
#endif
    default: return nullptr;
  }
}

const TrainingKernels& training_kernels() {
  static const TrainingKernels& chosen = *training_kernels_for(choose());
  return chosen;
}

}  // namespace marquee::kernels
