#include "tensor/autograd/convolution.h"

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using dnnl::memory;
using kernels::Activation;

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// One convolution: from wide images [n, height, width, in] to [n, ..., out]. A transposed one is the same seen from
/// the other end.
struct Geometry {
  std::int64_t images = 0, in = 0, out = 0, groups = 1;
  Extent2 wide{}, narrow{}, kernel{}, stride{}, padding{}, dilation{};

  [[nodiscard]] memory::dims wide_dims(std::int64_t n) const { return {n, in, wide[0], wide[1]}; }
  [[nodiscard]] memory::dims narrow_dims(std::int64_t n) const { return {n, out, narrow[0], narrow[1]}; }
  [[nodiscard]] memory::dims weight_dims() const {
    if (groups == 1) return {out, in, kernel[0], kernel[1]};
    return {groups, out / groups, in / groups, kernel[0], kernel[1]};
  }
  [[nodiscard]] memory::format_tag weight_tag() const {
    return groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw;
  }
  [[nodiscard]] memory::dims strides() const { return {stride[0], stride[1]}; }
  [[nodiscard]] memory::dims dilates() const { return {dilation[0] - 1, dilation[1] - 1}; }
  [[nodiscard]] memory::dims pads() const { return {padding[0], padding[1]}; }
  /// What of the right and bottom padding the windows reach.
  [[nodiscard]] memory::dims end_pads() const {
    memory::dims pads(2);
    for (std::size_t i = 0; i < 2; ++i) {
      pads[i] = (narrow[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - wide[i] - padding[i];
    }
    return pads;
  }
  [[nodiscard]] std::size_t wide_image() const { return static_cast<std::size_t>(wide[0] * wide[1] * in); }
  [[nodiscard]] std::size_t narrow_image() const { return static_cast<std::size_t>(narrow[0] * narrow[1] * out); }
};

memory::desc images_desc(const memory::dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::nhwc}; }

memory wrap(const memory::desc& desc, const float* data) { return {desc, cpu_engine(), const_cast<float*>(data)}; }

dnnl::primitive_attr quiet_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::library);
  return attributes;
}

dnnl::convolution_forward::primitive_desc forward_desc(const Geometry& g, std::int64_t n, const memory::desc& weights) {
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct,
                                             images_desc(g.wide_dims(n)), weights, images_desc(g.narrow_dims(n)),
                                             g.strides(), g.dilates(), g.pads(), g.end_pads());
  return {desc, quiet_attributes(), cpu_engine()};
}

memory::desc any_weights(const Geometry& g) {
  return {g.weight_dims(), memory::data_type::f32, memory::format_tag::any};
}
memory::desc plain_weights(const Geometry& g) { return {g.weight_dims(), memory::data_type::f32, g.weight_tag()}; }

/// Images [begin, end) of each of the team's threads; each computes its own, by itself.
template <typename Body>
void share_images(const Geometry& g, Body body) {
  const auto images = static_cast<std::size_t>(g.images);
  const std::size_t parts = std::min<std::size_t>(images, ComputeScope::current().team().size());
  parallel_parts(images, parts, [&](std::size_t part, std::size_t begin, std::size_t end) {
    omp_set_num_threads(1);  // of this thread: the library's own team would fight with ours for the cores
    dnnl::stream stream(cpu_engine());
    body(stream, part, begin, static_cast<std::int64_t>(end - begin));
    stream.wait();
  });
}

/// The weights in the layout that a primitive wants.
memory reordered(memory weights, const memory::desc& wanted) {
  if (weights.get_desc() == wanted) return weights;
  omp_set_num_threads(1);
  memory changed(wanted, cpu_engine());
  dnnl::stream stream(cpu_engine());
  dnnl::reorder(weights, changed).execute(stream, weights, changed);
  stream.wait();
  return changed;
}

/// narrow = convolution of wide.
void convolve(const Geometry& g, const float* wide, const float* weights, float* narrow) {
  const auto chosen = forward_desc(g, (g.images + 1) / 2, any_weights(g)).weights_desc();
  const memory packed = reordered(wrap(plain_weights(g), weights), chosen);
  share_images(g, [&](dnnl::stream& stream, std::size_t, std::size_t begin, std::int64_t n) {
    const auto desc = forward_desc(g, n, chosen);
    dnnl::convolution_forward(desc).execute(stream,
                                            {{DNNL_ARG_SRC, wrap(desc.src_desc(), wide + begin * g.wide_image())},
                                             {DNNL_ARG_WEIGHTS, packed},
                                             {DNNL_ARG_DST, wrap(desc.dst_desc(), narrow + begin * g.narrow_image())}});
  });
}

dnnl::convolution_backward_data::primitive_desc backward_desc(const Geometry& g, std::int64_t n,
                                                              const memory::desc& weights) {
  const dnnl::convolution_backward_data::desc desc(dnnl::algorithm::convolution_direct, images_desc(g.wide_dims(n)),
                                                   weights, images_desc(g.narrow_dims(n)), g.strides(), g.dilates(),
                                                   g.pads(), g.end_pads());
  return {desc, quiet_attributes(), cpu_engine(), forward_desc(g, n, any_weights(g))};
}

/// wide = what a gradient of narrow is in terms of wide.
void convolve_back(const Geometry& g, const float* narrow, const float* weights, float* wide) {
  const auto chosen = backward_desc(g, (g.images + 1) / 2, any_weights(g)).weights_desc();
  const memory packed = reordered(wrap(plain_weights(g), weights), chosen);
  share_images(g, [&](dnnl::stream& stream, std::size_t, std::size_t begin, std::int64_t n) {
    const auto desc = backward_desc(g, n, chosen);
    dnnl::convolution_backward_data(desc).execute(
        stream, {{DNNL_ARG_DIFF_DST, wrap(desc.diff_dst_desc(), narrow + begin * g.narrow_image())},
                 {DNNL_ARG_WEIGHTS, packed},
                 {DNNL_ARG_DIFF_SRC, wrap(desc.diff_src_desc(), wide + begin * g.wide_image())}});
  });
}

/// The gradient of the weights, [out, in / groups, kernel].
Tensor weight_gradient(const Geometry& g, const Shape& shape, const float* wide, const float* narrow) {
  const std::size_t parts =
      std::min<std::size_t>(static_cast<std::size_t>(g.images), ComputeScope::current().team().size());
  std::vector<Tensor> of_parts;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, parts); ++i) of_parts.push_back(Tensor::zeros(shape));
  share_images(g, [&](dnnl::stream& stream, std::size_t part, std::size_t begin, std::int64_t n) {
    const dnnl::convolution_backward_weights::desc wanted(
        dnnl::algorithm::convolution_direct, images_desc(g.wide_dims(n)), any_weights(g), images_desc(g.narrow_dims(n)),
        g.strides(), g.dilates(), g.pads(), g.end_pads());
    const dnnl::convolution_backward_weights::primitive_desc desc(wanted, quiet_attributes(), cpu_engine(),
                                                                  forward_desc(g, n, any_weights(g)));
    memory plain = wrap(plain_weights(g), of_parts[part].data());
    const bool is_plain = desc.diff_weights_desc() == plain.get_desc();
    memory packed = is_plain ? plain : memory(desc.diff_weights_desc(), cpu_engine());
    dnnl::convolution_backward_weights(desc).execute(
        stream, {{DNNL_ARG_SRC, wrap(desc.src_desc(), wide + begin * g.wide_image())},
                 {DNNL_ARG_DIFF_DST, wrap(desc.diff_dst_desc(), narrow + begin * g.narrow_image())},
                 {DNNL_ARG_DIFF_WEIGHTS, packed}});
    if (!is_plain) dnnl::reorder(packed, plain).execute(stream, packed, plain);
  });
  for (std::size_t i = 1; i < of_parts.size(); ++i) {
    kernels::kernels().add(of_parts[i].data(), static_cast<std::size_t>(shape.elements()), of_parts[0].data());
  }
  return of_parts[0];
}

/// y = activation(y + bias), row by row.
void finish_rows(Tensor& y, const Tensor& bias, Activation activation) {
  if (!bias.defined() && activation == Activation::kIdentity) return;
  const auto width = static_cast<std::size_t>(y.extent(-1));
  parallel_ranges(static_cast<std::size_t>(y.elements()) / width, row_grain(2 * width),
                  [&, to = y.data()](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      if (bias.defined()) kernels::kernels().add(bias.data(), width, to + r * width);
                    }
                    kernels::kernels().activate(activation, to + begin * width, (end - begin) * width);
                  });
}

void add_bias_gradient(Gradients& g, const Tensor& dz) {
  if (!g.wanted(2)) return;
  g.add(2, sum_values(dz.reshape({dz.elements() / dz.extent(-1), dz.extent(-1)}), 0).reshape({dz.extent(-1)}));
}

void require(bool right, const Tensor& x, const Tensor& weight, const Tensor& bias, const char* what) {
  if (right) return;
  throw ShapeError(std::string(what) + ": " + x.shape().to_string() + " with weights " + weight.shape().to_string() +
                   (bias.defined() ? " and a bias " + bias.shape().to_string() : "") + " do not fit");
}

Geometry settings_of(const Tensor& x, const Tensor& weight, const ConvolutionOptions& options, const char* what) {
  require(x.shape().rank() == 4 && weight.shape().rank() == 4, x, weight, {}, what);
  Geometry g;
  g.images = x.extent(0);
  g.groups = options.groups;
  g.stride = options.stride;
  g.padding = options.padding;
  g.dilation = options.dilation;
  g.kernel = {weight.extent(2), weight.extent(3)};
  for (std::size_t i = 0; i < 2; ++i) {
    if (g.stride[i] < 1 || g.padding[i] < 0 || g.dilation[i] < 1 || g.kernel[i] < 1 || g.groups < 1) {
      throw ShapeError(std::string(what) +
                       ": strides, dilations, kernels and groups are at least 1, padding at least 0");
    }
  }
  return g;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvolutionOptions& options,
              Activation activation) {
  if (needs_input(activation)) return activate(activation, conv2d(x, weight, bias, options));
  Geometry g = settings_of(x, weight, options, "conv2d");
  g.in = x.extent(3);
  g.out = weight.extent(0);
  g.wide = {x.extent(1), x.extent(2)};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t room = g.wide[i] + 2 * g.padding[i] - g.dilation[i] * (g.kernel[i] - 1) - 1;
    require(room >= 0, x, weight, bias, "conv2d");
    g.narrow[i] = room / g.stride[i] + 1;
  }
  require(g.in % g.groups == 0 && g.out % g.groups == 0 && weight.extent(1) == g.in / g.groups &&
              (!bias.defined() || bias.shape() == Shape{g.out}),
          x, weight, bias, "conv2d");
  Tensor y = Tensor::empty({g.images, g.narrow[0], g.narrow[1], g.out});
  if (y.elements() > 0) convolve(g, x.data(), weight.data(), y.data());
  finish_rows(y, bias, activation);
  record(y, {x, weight, bias},
         [g, activation, x = x.detach(), weight = weight.detach(), y = y.detach()](Gradients& to) {
           const Tensor dz = activation_backward(activation, to.output(), {}, y);
           if (to.wanted(0)) {
             Tensor dx = Tensor::empty(x.shape());
             convolve_back(g, dz.data(), weight.data(), dx.data());
             to.add(0, std::move(dx));
           }
           if (to.wanted(1)) to.add(1, weight_gradient(g, weight.shape(), x.data(), dz.data()));
           add_bias_gradient(to, dz);
         });
  return y;
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvolutionOptions& options,
              Activation activation) {
  require(x.shape().rank() == 3 && weight.shape().rank() == 3, x, weight, bias, "conv1d");
  ConvolutionOptions flat = options;
  flat.stride[0] = flat.dilation[0] = 1;
  flat.padding[0] = 0;
  const Tensor y =
      conv2d(x.reshape({x.extent(0), 1, x.extent(1), x.extent(2)}),
             weight.reshape({weight.extent(0), weight.extent(1), 1, weight.extent(2)}), bias, flat, activation);
  return y.reshape({y.extent(0), y.extent(2), y.extent(3)});
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvolutionOptions& options,
                        Extent2 output_padding) {
  Geometry g = settings_of(x, weight, options, "conv_transpose2d");
  // Seen from the other end: x is what a convolution of the result would give.
  g.out = x.extent(3);
  g.in = weight.extent(1) * g.groups;
  g.narrow = {x.extent(1), x.extent(2)};
  for (std::size_t i = 0; i < 2; ++i) {
    if (output_padding[i] < 0 || output_padding[i] >= g.stride[i]) {
      throw ShapeError("conv_transpose2d: output_padding is in [0, stride)");
    }
    g.wide[i] =
        (g.narrow[i] - 1) * g.stride[i] - 2 * g.padding[i] + g.dilation[i] * (g.kernel[i] - 1) + output_padding[i] + 1;
  }
  require(g.wide[0] > 0 && g.wide[1] > 0 && weight.extent(0) == g.out && g.out % g.groups == 0 &&
              (!bias.defined() || bias.shape() == Shape{g.in}),
          x, weight, bias, "conv_transpose2d");
  Tensor y = Tensor::empty({g.images, g.wide[0], g.wide[1], g.in});
  if (y.elements() > 0) convolve_back(g, x.data(), weight.data(), y.data());
  finish_rows(y, bias, Activation::kIdentity);
  record(y, {x, weight, bias}, [g, x = x.detach(), weight = weight.detach()](Gradients& to) {
    const Tensor& dy = to.output();
    if (to.wanted(0)) {
      Tensor dx = Tensor::empty(x.shape());
      convolve(g, dy.data(), weight.data(), dx.data());
      to.add(0, std::move(dx));
    }
    if (to.wanted(1)) to.add(1, weight_gradient(g, weight.shape(), dy.data(), x.data()));
    add_bias_gradient(to, dy);
  });
  return y;
}

}  // namespace marquee::tensor::autograd
