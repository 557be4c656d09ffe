#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/result.h"
#include "text/jinja/budget.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// What one rendering shares: its budget, its clock, and the objects that could come to hold themselves.
class Runtime {
 public:
  explicit Runtime(std::chrono::system_clock::time_point now) : now_(now) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime() {
    for (const auto& object : mutable_objects_) object->release();
  }

  Budget& budget() { return budget_; }
  [[nodiscard]] std::chrono::system_clock::time_point now() const { return now_; }

  /// That the error to come is what the template says by raise_exception(), so that it needs no place in the template.
  void note_raise() { raised_ = true; }
  [[nodiscard]] bool raised() const { return raised_; }

  /// Keeps `object` until the rendering ends, and then lets it drop what it holds.
  template <typename T>
  std::shared_ptr<T> keep(std::shared_ptr<T> object) {
    mutable_objects_.push_back(object);
    return object;
  }

  /// One more level of the evaluator's recursion while the returned guard lives. @error kTooLarge
  class Level {
   public:
    explicit Level(std::uint32_t& depth) : depth_(&depth) { ++depth; }
    Level(Level&& other) noexcept : depth_(std::exchange(other.depth_, nullptr)) {}
    Level& operator=(Level&&) = delete;
    ~Level() {
      if (depth_ != nullptr) --*depth_;
    }

   private:
    std::uint32_t* depth_;
  };
  Result<Level> enter() {
    if (depth_ >= kMaxEvaluationDepth) return too_deep();
    return Level(depth_);
  }

 private:
  static base::Error too_deep();

  Budget budget_;
  std::chrono::system_clock::time_point now_;
  std::uint32_t depth_ = 0;
  bool raised_ = false;
  std::vector<std::shared_ptr<Object>> mutable_objects_;
};

}  // namespace marquee::text::jinja
