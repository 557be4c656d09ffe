#include "apps/server_client.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>
#include <utility>

namespace marquee::apps {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kMaxAnswerBytes = 64U << 20U;
constexpr std::size_t kMaxEventBytes = 4U << 20U;
constexpr long kConnectTimeoutS = 10;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// Takes an answer as it comes.
struct Receiver {
  CURL* handle = nullptr;
  std::string body;  ///< of a whole answer or an error; of a stream, what is not yet a whole line
  const std::function<void(std::string_view)>* on_event = nullptr;  ///< null: gather the body
  const std::atomic<bool>* cancelled = nullptr;
  bool done = false;
  bool too_large = false;
};

/// Hands on the whole lines "data: …" gathered so far (HTML standard, server-sent events; one data line an event here).
void take_events(Receiver& receiver) {
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = receiver.body.find('\n', start);
    if (end == std::string::npos) break;
    std::string_view line(receiver.body.data() + start, end - start);
    start = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (line == "[DONE]") {
      receiver.done = true;
    } else {
      (*receiver.on_event)(line);
    }
  }
  receiver.body.erase(0, start);
}

std::size_t receive(const char* data, std::size_t, std::size_t size, void* context) {
  auto& receiver = *static_cast<Receiver*>(context);
  long status = 0;
  curl_easy_getinfo(receiver.handle, CURLINFO_RESPONSE_CODE, &status);
  const bool events = receiver.on_event != nullptr && status == 200;
  if (receiver.body.size() + size > (events ? kMaxEventBytes : kMaxAnswerBytes)) {
    receiver.too_large = true;
    return 0;  // curl then gives up
  }
  receiver.body.append(data, size);
  if (events) take_events(receiver);
  return size;
}

int check_cancelled(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& receiver = *static_cast<const Receiver*>(context);
  return receiver.cancelled != nullptr && *receiver.cancelled ? 1 : 0;
}

ErrorCode code_of_status(long status) {
  switch (status) {
    case 400:
    case 422: return ErrorCode::kInvalidArgument;
    case 401: return ErrorCode::kUnauthenticated;
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kFailedPrecondition;
    case 413: return ErrorCode::kTooLarge;
    case 429: return ErrorCode::kResourceExhausted;
    case 503: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInternal;
  }
}

Error error_of_answer(long status, const std::string& body) {
  const Error plain{code_of_status(status), "the server answered with status " + std::to_string(status)};
  const auto parsed = base::parse_json(body, "answer");
  if (!parsed || !parsed->is_object()) return plain;
  const auto* error = parsed->get_object().if_contains("error");
  if (error == nullptr || !error->is_object()) return plain;
  const auto* message = error->get_object().if_contains("message");
  const auto* code = error->get_object().if_contains("code");
  if (message == nullptr || !message->is_string()) return plain;
  const bool too_long = code != nullptr && code->is_string() && code->get_string() == "context_length_exceeded";
  return {too_long ? ErrorCode::kTooLarge : plain.code, std::string(message->get_string())};
}

void set_up(CURL* handle, const ServerAddress& address, const std::string& path, Receiver& receiver) {
  curl_easy_setopt(handle, CURLOPT_URL, (address.url + path).c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  if (!address.key_pin.empty()) {  // the server said which key it has, in a file that only its owner can write
    curl_easy_setopt(handle, CURLOPT_PINNEDPUBLICKEY, address.key_pin.c_str());
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  }
  receiver.handle = handle;
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, check_cancelled);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &receiver);
}

/// Sends the request; returns the status. @param text the body, or null for none; must live until this returns
Result<long> perform(const ServerAddress& address, const char* method, const std::string& path, const std::string* text,
                     Receiver& receiver) {
  static std::once_flag started;
  std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const Handle handle(curl_easy_init());
  if (!handle) return Error{ErrorCode::kInternal, "libcurl cannot start"};
  set_up(handle.get(), address, path, receiver);
  curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, method);
  HeaderList headers(curl_slist_append(nullptr, ("Authorization: Bearer " + address.key).c_str()));
  if (text != nullptr) {
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text->size()));
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, text->data());
    curl_slist_append(headers.get(), "Content-Type: application/json");
  }
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason.data());
  const CURLcode code = curl_easy_perform(handle.get());
  if (receiver.too_large) return Error{ErrorCode::kTooLarge, "the server's answer is too large"};
  if (code == CURLE_ABORTED_BY_CALLBACK) return Error{ErrorCode::kCancelled, "cancelled"};
  if (code != CURLE_OK) {
    return Error{ErrorCode::kUnavailable, "cannot reach the server at " + address.url + ": " +
                                              (reason[0] != '\0' ? reason.data() : curl_easy_strerror(code))};
  }
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

}  // namespace

Result<base::json::value> ServerClient::call(const char* method, const std::string& path,
                                             const base::json::value& body) {
  Receiver receiver;
  const std::string text = body.is_null() ? std::string() : base::json::serialize(body);
  MARQUEE_ASSIGN(const long status, perform(address_, method, path, body.is_null() ? nullptr : &text, receiver));
  if (status < 200 || status > 299) return error_of_answer(status, receiver.body);
  if (receiver.body.empty()) return base::json::value(nullptr);
  return base::parse_json(receiver.body, "the server's answer");
}

Result<void> ServerClient::stream(const std::string& path, const base::json::value& body,
                                  const std::function<void(std::string_view)>& on_event,
                                  const std::atomic<bool>& cancelled) {
  Receiver receiver;
  receiver.on_event = &on_event;
  receiver.cancelled = &cancelled;
  const std::string text = base::json::serialize(body);
  MARQUEE_ASSIGN(const long status, perform(address_, "POST", path, &text, receiver));
  if (status != 200) return error_of_answer(status, receiver.body);
  if (!receiver.done) return Error{ErrorCode::kUnavailable, "the server broke the answer off"};
  return {};
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return encoded;
}

}  // namespace marquee::apps
