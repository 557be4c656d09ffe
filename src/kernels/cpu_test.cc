#include "kernels/cpu.h"

#include <gtest/gtest.h>

#include "kernels/kernels.h"

namespace marquee::kernels {
namespace {

CpuFeatures everything() {
  CpuFeatures features;
  features.avx2 = features.fma = features.f16c = features.os_saves_ymm = true;
  features.avx512f = features.avx512bw = features.avx512dq = features.avx512vl = features.avx512_vnni = true;
  features.os_saves_zmm = features.avx_vnni = true;
  return features;
}

TEST(ChooseIsa, TakesTheWidestThatTheCpuSupports) {
  EXPECT_EQ(choose_isa(everything(), "")->isa, Isa::kAvx512Vnni);
  CpuFeatures no_vnni = everything();
  no_vnni.avx512_vnni = no_vnni.avx_vnni = false;
  const auto choice = choose_isa(no_vnni, "");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->isa, Isa::kAvx2);
  EXPECT_NE(choice->reason.find("avx512 lacks avx512_vnni"), std::string::npos) << choice->reason;
  EXPECT_EQ(choose_isa({}, "")->isa, Isa::kScalar);
}

TEST(ChooseIsa, TakesDotProductsOf256BitsInEitherEncoding) {
  CpuFeatures client = everything();
  client.avx512f = client.avx512bw = client.avx512dq = client.avx512vl = client.avx512_vnni = false;
  client.os_saves_zmm = false;
  EXPECT_EQ(choose_isa(client, "")->isa, Isa::kAvxVnni);
  client.avx_vnni = false;
  EXPECT_EQ(choose_isa(client, "")->isa, Isa::kAvx2);
  CpuFeatures server = everything();
  server.avx_vnni = false;
  EXPECT_EQ(choose_isa(server, "avxvnni")->isa, Isa::kAvxVnni);
}

TEST(ChooseIsa, DoesNotTrustRegistersThatTheSystemDoesNotSave) {
  CpuFeatures features = everything();
  features.os_saves_zmm = features.avx_vnni = false;
  EXPECT_EQ(choose_isa(features, "")->isa, Isa::kAvx2);
  features.os_saves_ymm = false;
  EXPECT_EQ(choose_isa(features, "")->isa, Isa::kScalar);
}

TEST(ChooseIsa, KnowsArm) {
  CpuFeatures arm;
  EXPECT_EQ(choose_isa(arm, "")->isa, Isa::kScalar);
  arm.asimd_dotprod = true;
  EXPECT_EQ(choose_isa(arm, "")->isa, Isa::kNeonDotprod);
  EXPECT_FALSE(choose_isa(everything(), "neon"));
}

TEST(ChooseIsa, FollowsTheSettingOrSaysWhyNot) {
  EXPECT_EQ(choose_isa(everything(), "scalar")->isa, Isa::kScalar);
  EXPECT_EQ(choose_isa(everything(), "avx2")->isa, Isa::kAvx2);
  EXPECT_EQ(choose_isa(everything(), "avx512")->isa, Isa::kAvx512Vnni);
  const auto unknown = choose_isa(everything(), "sse9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(unknown.error().field, "MARQUEE_ISA");
  CpuFeatures old = everything();
  old.avx512f = false;
  const auto absent = choose_isa(old, "avx512");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, base::ErrorCode::kUnsupported);
  EXPECT_NE(absent.error().message.find("lacks avx512f"), std::string::npos) << absent.error().message;
}

TEST(ChooseIsa, ListsWhatItFound) {
  EXPECT_EQ(choose_isa(everything(), "")->features.size(), 9U);
  EXPECT_TRUE(choose_isa({}, "")->features.empty());
}

TEST(Kernels, AreThoseOfTheChoice) {
  const auto choice = chosen_isa();
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(kernels().isa, choice->isa);
  EXPECT_EQ(kernels_for(choice->isa), &kernels());
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kNeonDotprod}) {
    EXPECT_EQ(kernels_for(isa) != nullptr, cpu_features().supports(isa)) << to_string(isa);
  }
}

}  // namespace
}  // namespace marquee::kernels
