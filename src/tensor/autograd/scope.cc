#include "tensor/autograd/scope.h"

#include <algorithm>
#include <stdexcept>

namespace marquee::tensor::autograd {
namespace {

thread_local ComputeScope* innermost = nullptr;
thread_local bool is_recording = true;

}  // namespace

ComputeScope::ComputeScope(base::ThreadPool& team, std::uint64_t seed)
    : random{.seed = seed}, team_(team), outer_(innermost) {
  innermost = this;
}

ComputeScope::~ComputeScope() { innermost = outer_; }

ComputeScope& ComputeScope::current() {
  if (innermost == nullptr) throw std::logic_error("operations on tensors need a ComputeScope on their thread");
  return *innermost;
}

std::size_t parts_of(std::size_t count, std::size_t grain) {
  const std::size_t threads = ComputeScope::current().team().size();
  return threads == 1 ? 1 : std::min((count + grain - 1) / grain, 2 * threads);
}

std::size_t row_grain(std::size_t elements) {
  return std::max<std::size_t>(1, kElementGrain / std::max<std::size_t>(1, elements));
}

Recording::Recording(bool on) : before_(is_recording) { is_recording = on; }
Recording::~Recording() { is_recording = before_; }
bool Recording::is_on() { return is_recording; }

}  // namespace marquee::tensor::autograd
