#pragma once

#include <string_view>

#include "base/result.h"
#include "http/error_response.h"
#include "http/message.h"

namespace marquee::http {

/// Takes a request's body while it comes, so that it is never in memory whole. Its functions are called one after
/// another, on disk threads (Services::disk), and so may block; the next bytes are only read once it has taken these.
/// Destroying one that has not finished undoes what it did.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Before any of the body is read: what can be refused by then is. @error any
  virtual base::Result<void> open() = 0;
  /// @param bytes at most some 64 KiB
  /// @error any: answered at once, the rest of the body is not read
  virtual base::Result<void> write(std::string_view bytes) = 0;
  /// The body has come whole. @return the answer
  virtual base::Result<Response> finish() = 0;
  /// The answer to an error of the above.
  [[nodiscard]] virtual Response refusal(const base::Error& error) const { return error_response(error); }
};

}  // namespace marquee::http
