#include "kernels/words.h"

#include "kernels/cpu.h"
#include "kernels/word_tables.h"

namespace marquee::kernels {

const WordKernels* word_kernels_for(Isa isa) {
  if (!cpu_features().supports(isa)) return nullptr;
  switch (isa) {
    case Isa::kScalar: return &kScalarWordKernels;
#if defined(__x86_64__)
    case Isa::kAvx2:
    case Isa::kAvxVnni: return &kAvx2WordKernels;
    case Isa::kAvx512Vnni: return &kAvx512WordKernels;
#elif defined(__aarch64__)
    case Isa::kNeonDotprod: return &kNeonWordKernels;
#endif
    default: return nullptr;
  }
}

const WordKernels& word_kernels() {
  static const WordKernels& chosen = *word_kernels_for(chosen_isa().value().isa);
  return chosen;
}

}  // namespace marquee::kernels
