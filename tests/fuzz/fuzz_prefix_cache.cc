// Saved prefix caches, without the checksum that would keep every mutation out.
// Links: marquee::serving
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "serving/prefix_cache_file.h"
#include "tests/fuzz/check.h"

namespace {

using marquee::fuzz::check;

/// As make_prefix_cache_seeds.py has it.
marquee::serving::CacheFit fit() {
  marquee::serving::CacheFit fit;
  fit.tenant = "studio";
  fit.weights_sha256 = std::string(64, '0');
  fit.layout = {1, 1, 1, marquee::kernels::DType::kF16};
  fit.context_length = 64;
  fit.vocab_size = 100;
  return fit;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = marquee::serving::CacheFile::parse(bytes, fit(), "input.kv");
  if (!file) {
    check(!file.error().message.empty(), "an error says something");
    return 0;
  }
  for (std::int32_t number = 0; number < file->pages(); ++number) {
    const auto page = file->page(number);
    check(page.parent >= -1 && page.parent < number, "a page comes after the one it continues");
    for (const auto id : page.tokens) check(id >= 0 && id < 100, "tokens are the model's");
    check(page.contents.size() == fit().layout.page_bytes() && page.contents.data() >= bytes.data() &&
              page.contents.data() + page.contents.size() <= bytes.data() + bytes.size(),
          "a page lies inside its file");
  }
  return 0;
}
