#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace marquee::http {

/// The HTTP status of an error. The one place where codes become statuses.
int status_of(base::ErrorCode code);

/// The answer to an error, in OpenAI's form: {"error": {"message", "type", "param", "code"}}.
/// @param code names the fault for programs ("context_length_exceeded"); empty: chosen from the error
/// @param retry_after for statuses 429 and 503: what Retry-After says
Response error_response(const base::Error& error, std::string_view code = {},
                        std::chrono::seconds retry_after = std::chrono::seconds(1));

/// For faults found before there is an Error: a status with its message.
Response error_response(int status, std::string_view message, std::string_view code);

/// {"error": {…}} of an error, as it also stands in the middle of a broken-off stream.
std::string error_json(const base::Error& error, std::string_view code = {});

}  // namespace marquee::http
