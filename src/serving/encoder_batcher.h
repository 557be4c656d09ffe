#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "serving/compute_team.h"
#include "serving/deficit_round_robin.h"
#include "serving/encoding.h"
#include "serving/metrics.h"
#include "text/encoder_model.h"

namespace marquee::serving {

struct EncoderBatcherOptions {
  std::string model_id = {};
  std::int32_t max_batch_tokens = 2048;  ///< bounds how long others wait for a turn, and the workspace
  std::int32_t max_queued_requests = 256;
};

/// One thread that computes the texts of all requests of one encoder in batches. A batch is put together when the
/// compute team is free, so that all that came meanwhile shares it: texts of several requests up to max_batch_tokens,
/// tenants taking turns by deficit round robin on tokens. A request of many texts goes through several batches, and
/// others' texts join each of them. Texts lie in a batch without padding: mixing lengths costs nothing, and the longest
/// come first, so that threads finish together.
class EncoderBatcher final : public EncodingService {
 public:
  /// All of it must outlive the batcher.
  EncoderBatcher(text::EncoderModel& model, ComputeTeam& team, Metrics& metrics, EncoderBatcherOptions options);
  /// As stop().
  ~EncoderBatcher() override;
  EncoderBatcher(const EncoderBatcher&) = delete;
  EncoderBatcher& operator=(const EncoderBatcher&) = delete;

  [[nodiscard]] const text::EncoderFacts& facts() const override { return model_.facts(); }
  base::Result<std::uint64_t> encode(EncodingRequest request, EncodingDone done) override;
  void stop_encoding(std::uint64_t request) override;

  /// How long a request that came now would wait, from 1 s to 600 s.
  [[nodiscard]] std::chrono::seconds expected_wait() const;
  /// Refuses new requests from now on; those that are there are computed.
  void drain();
  /// Ends every request after the batch that runs (kUnavailable) and the thread. Not from a `done`.
  void stop();
  /// Queued or being computed; a request counts until its `done` has returned.
  [[nodiscard]] std::int64_t active_requests() const { return active_.load(std::memory_order_acquire); }

 private:
  struct Job {
    std::uint64_t id = 0;
    EncodingRequest request;
    EncodingDone done;
    EncodingOutcome outcome;
    Clock::time_point submitted;
    std::size_t next_text = 0;  ///< the first that is in no batch yet
    std::size_t computed = 0;   ///< texts
    bool cancelled = false;
  };
  struct Tenant : DeficitRoundRobin::Account {
    std::deque<Job*> jobs;  ///< that have texts in no batch yet
  };
  struct Entry {
    Job* job = nullptr;
    std::size_t text = 0;
  };
  using Ended = std::vector<std::unique_ptr<Job>>;

  base::Result<void> check(const EncodingRequest& request) const;
  base::Result<std::uint64_t> post(std::unique_ptr<Job> job, std::int64_t tokens);
  void run();
  void run_batch();
  void take_batch();
  void end_refused(Clock::time_point now, Ended& ended);
  void compute();
  base::Result<void> run_model();
  void hand_out_rows();
  void account(Clock::duration duration);
  void end(Job& job, std::optional<base::Error> error, Ended& ended);
  void deliver(Ended& ended);
  [[nodiscard]] base::Error unavailable() const;
  [[nodiscard]] std::size_t width() const;

  text::EncoderModel& model_;
  ComputeTeam& team_;
  Metrics& metrics_;
  const EncoderBatcherOptions options_;
  ModelSeries& series_;

  mutable std::mutex mutex_;  ///< all from here to active_
  std::condition_variable changed_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Job>> jobs_;
  std::map<std::string, Tenant> tenants_;
  DeficitRoundRobin turns_;
  std::int64_t queued_tokens_ = 0;
  std::uint64_t last_id_ = 0;
  bool draining_ = false;
  bool stopping_ = false;
  std::atomic<std::int64_t> active_{0};
  std::atomic<double> tokens_per_second_{0.0};  ///< a moving average

  // The thread's own.
  tensor::ComputeContext context_;
  std::vector<Entry> batch_;
  std::vector<text::EncoderText> texts_;
  std::vector<float> values_;
  std::int64_t batch_tokens_ = 0;

  std::mutex stop_mutex_;
  std::thread thread_;
};

}  // namespace marquee::serving
