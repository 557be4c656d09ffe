#include "serving/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <thread>
#include <vector>

#include "serving/memory_budget.h"

namespace marquee::serving {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, EveryFigureHasItsModelAndTenant) {
  Metrics metrics;
  auto& model = metrics.model("m");
  auto& tenant = metrics.tenant("m", "film");
  tenant.requests[static_cast<std::size_t>(FinishReason::kDeadline)]->Increment();
  tenant.requests[kRejectedOutcome]->Increment(2);
  tenant.prompt_tokens->Increment(33);
  tenant.completion_tokens->Increment(24);
  tenant.queue_seconds->Observe(0.02);
  tenant.first_token_seconds->Observe(0.3);
  tenant.token_seconds->Observe(0.004);
  tenant.batch_size->Observe(2);
  tenant.kv_pages_used->Set(9);
  model.batch_size->Observe(3);
  model.kv_pages_used->Set(17);
  model.kv_pages_total->Set(512);
  const std::string page = prometheus::TextSerializer().Serialize(metrics.registry().Collect());
  for (const char* line : {
           R"(marquee_requests_total{model="m",outcome="deadline",tenant="film"} 1)",
           R"(marquee_requests_total{model="m",outcome="rejected",tenant="film"} 2)",
           R"(marquee_requests_total{model="m",outcome="stop",tenant="film"} 0)",
           R"(marquee_prompt_tokens_total{model="m",tenant="film"} 33)",
           R"(marquee_completion_tokens_total{model="m",tenant="film"} 24)",
           R"(marquee_queue_seconds_count{model="m",tenant="film"} 1)",
           R"(marquee_time_to_first_token_seconds_count{model="m",tenant="film"} 1)",
           R"(marquee_time_per_output_token_seconds_count{model="m",tenant="film"} 1)",
           R"(marquee_batch_size_sum{model="m"} 3)",
           R"(marquee_kv_pages_used{model="m"} 17)",
           R"(marquee_kv_pages{model="m"} 512)",
           R"(marquee_tenant_batch_size_sum{model="m",tenant="film"} 2)",
           R"(marquee_tenant_kv_pages_used{model="m",tenant="film"} 9)",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(Metrics, TheNumberOfTenantsBoundsThePage) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) {
    metrics.tenant("m", "t" + std::to_string(i)).prompt_tokens->Increment();
    metrics.tenant("n", "t" + std::to_string(i)).prompt_tokens->Increment();
  }
  EXPECT_EQ(metrics.tenant("m", "t0").prompt_tokens->Value(), 1.0);
  EXPECT_EQ(metrics.tenant("m", "another").prompt_tokens->Value(), 1000.0 - Metrics::kMaxTenants);
  EXPECT_EQ(&metrics.tenant("m", "t0"), &metrics.tenant("m", "t0"));
  EXPECT_NE(&metrics.tenant("m", "t0"), &metrics.tenant("n", "t0"));
}

TEST(Metrics, SeriesAreMadeOnceAlsoFromManyThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        metrics.tenant("m", "t" + std::to_string(i % 120)).completion_tokens->Increment();
        metrics.model("m" + std::to_string(i % 3)).batch_size->Observe(1);
        if (i % 50 == 0) {
          EXPECT_FALSE(metrics.registry().Collect().empty());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  double total = metrics.tenant("m", "unknown").completion_tokens->Value();
  for (int i = 0; i < 120; ++i) {
    auto& series = metrics.tenant("m", "t" + std::to_string(i));
    if (&series != &metrics.tenant("m", "unknown")) total += series.completion_tokens->Value();
  }
  EXPECT_EQ(total, 800.0);
}

TEST(MemoryBudget, IsMostOfTheMachine) {
  const auto budget = default_memory_budget();
  EXPECT_GT(budget, std::uint64_t{1} << 28U);
  EXPECT_LT(budget, std::uint64_t{1} << 46U);
  EXPECT_EQ(format_bytes(12 << 10), "12 KiB");
  EXPECT_EQ(format_bytes(300 << 20), "300 MiB");
  EXPECT_EQ(format_bytes(std::uint64_t{3} << 29U), "1.5 GiB");
}

}  // namespace
}  // namespace marquee::serving
