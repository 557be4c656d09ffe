#include "http/http_metrics.h"

#include <algorithm>

namespace marquee::http {

namespace {

void append_line(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void append_head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

std::string short_number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

void HttpMetrics::count_request(std::string_view method, std::string_view route, int status,
                                std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = static_cast<std::size_t>(std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds) -
                                               kBucketSeconds.begin());
  const std::lock_guard lock(mutex_);
  Counts& counts = counts_[{std::string(method), std::string(route), status}];
  ++counts.buckets[bucket];
  ++counts.requests;
  counts.seconds += seconds;
}

std::string HttpMetrics::exposition() const {
  std::string out;
  append_head(out, "marquee_http_connections", "gauge", "Connections open now.");
  append_line(out, "marquee_http_connections", "", std::to_string(connections_.load()));
  append_head(out, "marquee_http_connections_refused_total", "counter", "Connections over the cap.");
  append_line(out, "marquee_http_connections_refused_total", "", std::to_string(refused_connections_.load()));
  append_head(out, "marquee_http_sent_bytes_total", "counter", "Bytes of answers, with their headers.");
  append_line(out, "marquee_http_sent_bytes_total", "", std::to_string(sent_bytes_.load()));
  append_head(out, "marquee_http_request_duration_seconds", "histogram",
              "From the end of a request's headers to the end of its answer.");
  const std::lock_guard lock(mutex_);
  for (const auto& [key, counts] : counts_) {
    const std::string labels =
        "method=\"" + key.method + "\",route=\"" + key.route + "\",status=\"" + std::to_string(key.status) + "\"";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < kBucketSeconds.size(); ++i) {
      total += counts.buckets[i];
      append_line(out, "marquee_http_request_duration_seconds_bucket",
                  labels + ",le=\"" + short_number(kBucketSeconds[i]) + "\"", std::to_string(total));
    }
    append_line(out, "marquee_http_request_duration_seconds_bucket", labels + ",le=\"+Inf\"",
                std::to_string(counts.requests));
    append_line(out, "marquee_http_request_duration_seconds_sum", labels, std::to_string(counts.seconds));
    append_line(out, "marquee_http_request_duration_seconds_count", labels, std::to_string(counts.requests));
  }
  return out;
}

}  // namespace marquee::http
