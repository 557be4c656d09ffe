#include "http/exchange.h"

#include <utility>

namespace marquee::http {

void Exchange::notify() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = notify_;
  }
  if (callback) callback();
}

void Exchange::respond(Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || streaming_ || gone_) return;
    answered_ = true;
    pending_.response = std::move(response);
    pending_.ended = true;
  }
  notify();
}

void Exchange::begin_stream(Response head) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || streaming_ || gone_) return;
    streaming_ = true;
    pending_.bytes = std::move(head.body);
    waiting_bytes_ = pending_.bytes.size();
    head.body.clear();
    pending_.head = std::move(head);
  }
  notify();
}

bool Exchange::write(std::string_view bytes) {
  bool overflow = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || answered_ || !streaming_) return false;
    if (bytes.empty()) return true;
    overflow = waiting_bytes_ + bytes.size() > kStreamBufferBytes;
    if (overflow) {
      // Ask before writing: a stream that heeds ready() never comes here.
      answered_ = true;
      pending_.bytes.clear();
      pending_.ended = true;
      pending_.complete = false;
    } else {
      pending_.bytes.append(bytes);
      waiting_bytes_ += bytes.size();
    }
  }
  notify();
  return !overflow;
}

void Exchange::end_stream(bool complete) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || answered_ || !streaming_) return;
    answered_ = true;
    pending_.ended = true;
    pending_.complete = complete;
  }
  notify();
}

bool Exchange::ready() const {
  const std::lock_guard lock(mutex_);
  return gone_ || waiting_bytes_ <= kStreamLowWaterBytes;
}

bool Exchange::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

void Exchange::on_gone(std::function<void()> callback) {
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    gone = gone_;
    if (!gone) gone_callbacks_.push_back(std::move(callback));
  }
  if (gone) {
    callback();
  } else {
    notify();  // the client may have left before anybody cared
  }
}

void Exchange::on_ready(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  if (!gone_) ready_callback_ = std::move(callback);
}

bool Exchange::cancellable() const {
  const std::lock_guard lock(mutex_);
  return !gone_callbacks_.empty();
}

void Exchange::set_notify(std::function<void()> notify) {
  const std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
}

Exchange::Piece Exchange::take() {
  const std::lock_guard lock(mutex_);
  pending_.counted_bytes = pending_.bytes.size();
  return std::exchange(pending_, Piece{});
}

void Exchange::sent(std::size_t bytes) {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    const bool was_full = waiting_bytes_ > kStreamLowWaterBytes;
    waiting_bytes_ -= bytes < waiting_bytes_ ? bytes : waiting_bytes_;
    if (was_full && waiting_bytes_ <= kStreamLowWaterBytes) callback = ready_callback_;
  }
  if (callback) callback();
}

void Exchange::mark_gone() {
  std::vector<std::function<void()>> callbacks;
  std::function<void()> dropped;  // destroyed outside the lock: it may hold the last reference to a model
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    notify_ = nullptr;
    dropped.swap(ready_callback_);
    callbacks.swap(gone_callbacks_);
  }
  for (const auto& callback : callbacks) callback();
}

}  // namespace marquee::http
