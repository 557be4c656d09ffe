#pragma once

#include <span>
#include <string_view>

namespace marquee::serving {

struct EmbeddedFile {
  std::string_view name;
  std::string_view content;
};

/// The files of catalog/, as they were when the program was built.
std::span<const EmbeddedFile> catalog_data();

}  // namespace marquee::serving
