#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// The bytes each token stands for, by id.
class TokenTexts {
 public:
  /// Appends the next id's bytes.
  void push_back(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  /// Empty for an id out of range.
  [[nodiscard]] std::string_view at(TokenId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= ends_.size()) return {};
    const std::size_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(bytes_).substr(begin, ends_[id] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace marquee::formats
