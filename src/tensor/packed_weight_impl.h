#pragma once
// What a PackedWeight holds; for packed_weight.cc and linear.cc.

#include <cstddef>
#include <vector>

#include "kernels/panels.h"
#include "tensor/aligned_buffer.h"
#include "tensor/packed_weight.h"

namespace marquee::tensor {

struct PackedWeight::Impl {
  /// Rows of one stored tensor; its panels are padded to whole ones.
  struct Part {
    kernels::PanelFormat format;
    std::size_t out = 0;        ///< rows
    std::size_t out_begin = 0;  ///< the first row's place among all
    AlignedBuffer panels;

    [[nodiscard]] std::size_t panel_count() const { return (out + kernels::kPanelRows - 1) / kernels::kPanelRows; }
  };

  std::size_t in = 0;
  std::size_t out = 0;
  std::vector<Part> parts;
};

}  // namespace marquee::tensor
