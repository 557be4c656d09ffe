#pragma once
// Test fixture: the kernels of one wider instruction set beside the scalar ones.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/kernels.h"

namespace marquee::kernels {

class IsaTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (kernels_for(GetParam()) == nullptr) GTEST_SKIP() << "this CPU has no " << to_string(GetParam());
  }
  [[nodiscard]] const Kernels& wide() const { return *kernels_for(GetParam()); }
  [[nodiscard]] static const Kernels& scalar() { return *kernels_for(Isa::kScalar); }
};

constexpr Isa kIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kNeonDotprod};

inline std::string isa_name(const testing::TestParamInfo<Isa>& info) { return to_string(info.param); }

/// Values that begin `offset` floats into an allocation: never aligned to a register unless offset is a multiple of 16.
class Misaligned {
 public:
  Misaligned(std::size_t count, std::size_t offset, unsigned seed, float spread = 1.0F)
      : storage_(count + offset + 1, -77.0F), offset_(offset), count_(count) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, spread);
    for (std::size_t i = 0; i < count; ++i) storage_[offset + i] = normal(random);
  }
  [[nodiscard]] float* data() { return storage_.data() + offset_; }
  [[nodiscard]] const float* data() const { return storage_.data() + offset_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  float& operator[](std::size_t i) { return storage_[offset_ + i]; }
  float operator[](std::size_t i) const { return storage_[offset_ + i]; }
  /// Whether nothing was written around the values.
  [[nodiscard]] bool surroundings_intact() const {
    for (std::size_t i = 0; i < offset_; ++i) {
      if (storage_[i] != -77.0F) return false;
    }
    return storage_[offset_ + count_] == -77.0F;
  }

 private:
  std::vector<float> storage_;
  std::size_t offset_;
  std::size_t count_;
};

}  // namespace marquee::kernels
