#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace marquee::formats {

/// Which characters stand side by side inside tokens. Where two characters of a text never do, no token spans them.
class NeighbourSet {
 public:
  /// @param bytes characters are bytes; otherwise code points
  explicit NeighbourSet(bool bytes) : bytes_(bytes) {}

  void add(std::string_view token);
  [[nodiscard]] bool contains(char32_t left, char32_t right) const;

 private:
  void insert(char32_t left, char32_t right);
  void grow();

  bool bytes_;
  std::bitset<256 * 256> small_;      // both below 256
  std::vector<std::uint64_t> slots_;  // a hash set of the others; 0 is free; a power of two
  std::size_t used_ = 0;
};

}  // namespace marquee::formats
