#include "apps/signals.h"

#include <signal.h>
#include <time.h>

#include <utility>

namespace marquee::apps {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "it is written by a signal handler");

sigset_t leaving_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, number);
  return set;
}

}  // namespace

void block_leaving_signals() {
  const sigset_t set = leaving_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalWaiter::SignalWaiter(std::function<void(int)> on_signal) {
  thread_ = std::thread([this, on_signal = std::move(on_signal), set = leaving_signals()] {
    const timespec patience{0, 100'000'000};
    int count = 0;
    while (!stopping_) {
      if (::sigtimedwait(&set, nullptr, &patience) > 0) on_signal(++count);
    }
  });
}

SignalWaiter::~SignalWaiter() {
  stopping_ = true;
  thread_.join();
}

InterruptFlag::InterruptFlag() {
  clear();
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };  // no SA_RESTART: a read of the keyboard must end
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptFlag::~InterruptFlag() { ::signal(SIGINT, SIG_DFL); }

const std::atomic<bool>& InterruptFlag::raised() { return interrupted; }

void InterruptFlag::clear() { interrupted = false; }

void InterruptFlag::raise() { interrupted = true; }

}  // namespace marquee::apps
