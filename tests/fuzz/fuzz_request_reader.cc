// HTTP/1 requests as they come from a connection: all at once, and in pieces whose size the first byte gives. Both ways
// must see the same requests.
// Links: marquee::http_wire
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/wire/request_reader.h"
#include "tests/fuzz/check.h"

namespace {

using marquee::fuzz::check;
using marquee::http::RequestHead;
using marquee::http::RequestReader;
using Step = RequestReader::Step;

constexpr marquee::http::WireLimits kLimits{2'048, 512, 4'096};
/// The reader refuses a chunk's header that is longer than this when it comes in pieces only.
constexpr std::size_t kMostComparedBytes = 4'000;

struct Seen {
  std::vector<std::string> requests;
  bool refused = false;
};

void check_head(const RequestHead& head) {
  check(head.path == "*" || head.path.starts_with('/'), "a path begins with a slash");
  check(head.target.size() <= kLimits.max_target_bytes, "the target is bounded");
  check(head.headers.size() <= 100, "headers are few");
  check(head.minor_version == 0 || head.minor_version == 1, "the version is known");
  check(!(head.chunked && head.content_length > 0), "one length only");
  check(head.minor_version == 0 || !head.host.empty(), "a host is named");
  for (const auto& [name, value] : head.headers) {
    check(!name.empty() && value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
          "headers are one line");
  }
}

/// Reads one request off `input`, which grows by `piece` bytes of `rest` whenever more is needed.
/// @return false at the end of the input or a refusal
bool read_one(std::string& input, std::string_view& rest, std::size_t piece, Seen& seen) {
  RequestReader reader(kLimits);
  const auto grow = [&] {
    if (rest.empty()) return false;
    const std::size_t size = std::min(piece, rest.size());
    input.append(rest.substr(0, size));
    rest.remove_prefix(size);
    return true;
  };
  std::size_t consumed = 0;
  Step step = Step::kNeedMore;
  while (input.empty() || (step = reader.read_head(input, consumed)) == Step::kNeedMore) {
    if (!grow()) return false;
  }
  if (step == Step::kDone) {
    input.erase(0, consumed);
    check_head(reader.head());
    while ((step = reader.read_body(input, consumed)) == Step::kNeedMore) {
      input.erase(0, consumed);
      check(reader.body_bytes() <= kLimits.max_body_bytes, "the body is bounded");
      if (!grow()) return false;
    }
    input.erase(0, consumed);
  }
  if (step == Step::kError) {
    check(reader.error().status >= 400 && !reader.error().message.empty(), "a refusal says why");
    seen.refused = true;
    return false;
  }
  const RequestHead& head = reader.head();
  seen.requests.push_back(head.target + "\n" + head.host + "\n" + reader.take_body());
  return true;
}

Seen read_all(std::string_view bytes, std::size_t piece) {
  Seen seen;
  std::string input;
  while (read_one(input, bytes, piece, seen)) {
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Seen whole = read_all(bytes, bytes.size());
  const Seen pieces = read_all(bytes, 1 + data[0] % 64);
  if (bytes.size() > kMostComparedBytes) return 0;
  check(whole.requests == pieces.requests, "how the bytes come makes no difference");
  // A fault in the last bytes may be seen later: the reader waits for as many as a chunked body's end needs.
  check(whole.refused || !pieces.refused, "nothing is refused only because it came in pieces");
  return 0;
}
