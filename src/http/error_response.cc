#include "http/error_response.h"

#include <string>

#include "http/answers/json_text.h"

namespace marquee::http {

namespace {

/// The kind of fault, as OpenAI's clients tell them apart.
std::string_view type_of(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 408: return "timeout_error";
    case 429: return "rate_limit_error";
    case 500:
    case 503:
    case 507: return "server_error";
    default: return "invalid_request_error";
  }
}

std::string_view code_name(const base::Error& error) {
  using base::ErrorCode;
  switch (error.code) {
    case ErrorCode::kInvalidArgument: return "invalid_value";
    case ErrorCode::kUnauthenticated: return "invalid_api_key";
    case ErrorCode::kPermissionDenied: return "permission_denied";
    case ErrorCode::kNotFound: return error.field == "model" ? "model_not_found" : "not_found";
    case ErrorCode::kAlreadyExists: return "already_exists";
    case ErrorCode::kFailedPrecondition: return "conflict";
    case ErrorCode::kResourceExhausted: return "overloaded";
    case ErrorCode::kTooLarge: return "too_large";
    case ErrorCode::kCorrupt: return "corrupt_file";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kDeadlineExceeded: return "deadline_exceeded";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kIo: return "io_error";
    case ErrorCode::kInternal: return "internal_error";
  }
  return "internal_error";
}

std::string body_of(int status, std::string_view message, std::string_view param, std::string_view code) {
  std::string body = R"({"error":{"message":)";
  append_json_string(body, message);
  body += R"(,"type":)";
  append_json_string(body, type_of(status));
  body += R"(,"param":)";
  if (param.empty()) {
    body += "null";
  } else {
    append_json_string(body, param);
  }
  body += R"(,"code":)";
  append_json_string(body, code);
  body += "}}";
  return body;
}

Response with_headers(int status, std::string body, std::chrono::seconds retry_after) {
  Response response{.status = status, .body = std::move(body)};
  if (status == 401) response.headers.emplace_back("www-authenticate", R"(Bearer realm="marquee")");
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", std::to_string(retry_after.count()));
  // OpenAI's clients send a request again after any 5xx unless they are told not to; a full disk stays full.
  if (status == 507) response.headers.emplace_back("x-should-retry", "false");
  return response;
}

}  // namespace

int status_of(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::kInvalidArgument: return 400;
    case ErrorCode::kUnauthenticated: return 401;
    case ErrorCode::kPermissionDenied: return 403;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kAlreadyExists: return 409;
    case ErrorCode::kFailedPrecondition: return 409;
    case ErrorCode::kResourceExhausted: return 429;
    case ErrorCode::kTooLarge: return 413;
    case ErrorCode::kCorrupt: return 500;  // a file of ours, never the request
    case ErrorCode::kUnsupported: return 400;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kDeadlineExceeded: return 408;
    case ErrorCode::kCancelled: return 499;
    case ErrorCode::kIo: return 503;  // a full disk: the operator can mend it, and the client may try again
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

std::string error_json(const base::Error& error, std::string_view code) {
  return body_of(status_of(error.code), error.message, error.field, code.empty() ? code_name(error) : code);
}

Response error_response(const base::Error& error, std::string_view code, std::chrono::seconds retry_after) {
  return with_headers(status_of(error.code), error_json(error, code), retry_after);
}

Response error_response(int status, std::string_view message, std::string_view code) {
  return with_headers(status, body_of(status, message, {}, code), std::chrono::seconds(1));
}

}  // namespace marquee::http
