#include "formats/pickle.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace marquee::formats {

base::Error pickle_refused(const std::filesystem::path& path) {
  return base::unsupported(path.string() +
                           ": pickled PyTorch weights can run code when read and are never opened; convert them once, "
                           "where you trust them, in Python: AutoModelForCausalLM.from_pretrained(FOLDER)"
                           ".save_pretrained(OUTPUT, safe_serialization=True)");
}

bool has_pickle_name(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 5> kExtensions = {".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  const auto extension = path.extension().string();
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

}  // namespace marquee::formats
