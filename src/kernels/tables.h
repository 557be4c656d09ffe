#pragma once
// The tables that the folders of this module define; kernels.cc chooses among them.

#include "kernels/kernels.h"

namespace marquee::kernels {

extern const Kernels kScalarKernels;

}  // namespace marquee::kernels
