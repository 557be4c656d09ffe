#include "kernels/kernels.h"

#include <stdexcept>

#include "kernels/tables.h"

namespace marquee::kernels {
namespace {

const Kernels& choose() {
  const auto choice = chosen_isa();
  if (!choice) throw std::runtime_error(choice.error().message);
  return *kernels_for(Isa::kScalar);
}

}  // namespace

const Kernels* kernels_for(Isa isa) {
  if (!cpu_features().supports(isa)) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &kScalarKernels;
    default:
      return nullptr;
  }
  return nullptr;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace marquee::kernels
