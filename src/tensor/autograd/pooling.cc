#include "tensor/autograd/pooling.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/training.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

struct Windows {
  Windows(const Tensor& x, const PoolingOptions& options) : kernel(options.kernel), stride(options.stride) {
    const std::string of = "pooling of " + x.shape().to_string();
    if (x.shape().rank() != 4) throw ShapeError(of + ": [batch, height, width, channels] is needed");
    for (std::size_t i = 0; i < 2; ++i) {
      padding[i] = options.padding[i];
      in[i] = x.shape().extents()[i + 1];
      if (kernel[i] < 1 || stride[i] < 1 || padding[i] < 0 || 2 * padding[i] > kernel[i] ||
          in[i] + 2 * padding[i] < kernel[i]) {
        throw ShapeError(of + ": a window of " + std::to_string(kernel[i]) + " by steps of " +
                         std::to_string(stride[i]) + " and padding of " + std::to_string(padding[i]));
      }
      out[i] = (in[i] + 2 * padding[i] - kernel[i]) / stride[i] + 1;
    }
    channels = static_cast<std::size_t>(x.extent(3));
    result = x.shape().with(1, out[0]).with(2, out[1]);
    images = static_cast<std::size_t>(x.extent(0));
  }

  /// body(offset of the window's result, index of a place in the window, offset of its input) for the places of each
  /// window that are not padding; images are shared out.
  template <typename Begin, typename Body>
  void each_place(Begin begin_window, Body body) const {
    const auto row = static_cast<std::size_t>(out[1]);
    const auto image_in = static_cast<std::size_t>(in[0] * in[1]) * channels;
    parallel_ranges(images, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t image = first; image < last; ++image) {
        for (std::int64_t y = 0; y < out[0]; ++y) {
          for (std::int64_t x = 0; x < out[1]; ++x) {
            const std::size_t at = ((image * static_cast<std::size_t>(out[0]) + static_cast<std::size_t>(y)) * row +
                                    static_cast<std::size_t>(x)) *
                                   channels;
            begin_window(at);
            window(y, x, [&](std::int32_t place, std::size_t offset) { body(at, place, image * image_in + offset); });
          }
        }
      }
    });
  }

  template <typename Body>
  void window(std::int64_t y, std::int64_t x, Body body) const {
    const std::int64_t top = y * stride[0] - padding[0];
    const std::int64_t left = x * stride[1] - padding[1];
    for (std::int64_t i = std::max<std::int64_t>(0, -top); i < std::min(kernel[0], in[0] - top); ++i) {
      for (std::int64_t j = std::max<std::int64_t>(0, -left); j < std::min(kernel[1], in[1] - left); ++j) {
        body(static_cast<std::int32_t>(i * kernel[1] + j),
             static_cast<std::size_t>((top + i) * in[1] + left + j) * channels);
      }
    }
  }

  Extent2 kernel, stride, padding{}, in{}, out{};
  std::size_t channels, images;
  Shape result;
};

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolingOptions& options) {
  const Windows windows(x, options);
  Tensor y = Tensor::empty(windows.result);
  Tensor where = Tensor::empty(windows.result, DType::kI32);
  windows.each_place(
      [&, to = y.data()](std::size_t at) {
        std::fill_n(to + at, windows.channels, -std::numeric_limits<float>::infinity());
        std::fill_n(where.i32_data() + at, windows.channels, 0);
      },
      [&, from = x.data(), to = y.data()](std::size_t at, std::int32_t place, std::size_t offset) {
        training_kernels().keep_largest(from + offset, place, windows.channels, to + at, where.i32_data() + at);
      });
  record(y, {x}, [windows, where, shape = x.shape()](Gradients& g) {
    Tensor dx = Tensor::zeros(shape);
    windows.each_place([](std::size_t) {},
                       [&, from = g.output().data(), to = dx.data(), places = where.i32_data()](
                           std::size_t at, std::int32_t place, std::size_t offset) {
                         training_kernels().add_where(from + at, places + at, place, windows.channels, to + offset);
                       });
    g.add(0, std::move(dx));
  });
  return y;
}

Tensor average_pool2d(const Tensor& x, const PoolingOptions& options) {
  const Windows windows(x, options);
  const float share = 1.0F / static_cast<float>(windows.kernel[0] * windows.kernel[1]);
  Tensor y = Tensor::empty(windows.result);
  windows.each_place([&, to = y.data()](std::size_t at) { std::fill_n(to + at, windows.channels, 0.0F); },
                     [&, from = x.data(), to = y.data()](std::size_t at, std::int32_t, std::size_t offset) {
                       training_kernels().add_scaled(share, from + offset, windows.channels, to + at);
                     });
  record(y, {x}, [windows, share, shape = x.shape()](Gradients& g) {
    Tensor dx = Tensor::zeros(shape);
    windows.each_place([](std::size_t) {},
                       [&, from = g.output().data(), to = dx.data()](std::size_t at, std::int32_t, std::size_t offset) {
                         training_kernels().add_scaled(share, from + at, windows.channels, to + offset);
                       });
    g.add(0, std::move(dx));
  });
  return y;
}

Tensor global_average_pool(const Tensor& x) {
  if (x.shape().rank() != 4) throw ShapeError("pooling of " + x.shape().to_string());
  return mean(x.reshape({x.extent(0), x.extent(1) * x.extent(2), x.extent(3)}), 1);
}

}  // namespace marquee::tensor::autograd
