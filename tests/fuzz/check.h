#pragma once
// What fuzz targets demand of a reader that has accepted its input.

#include <cstdio>
#include <cstdlib>

namespace marquee::fuzz {

/// Ends the program, which libFuzzer reports as a crash, if a promise is broken.
inline void check(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace marquee::fuzz
