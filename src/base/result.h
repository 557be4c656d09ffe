#pragma once
// Errors are values: a fallible function returns Result<T>, spelled like C++23's std::expected.

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace marquee::base {

/// What went wrong, in terms a caller can act on. One exhaustive switch (http/error_response.cc) maps these to HTTP.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,     ///< a value is out of range or of the wrong type; `field` names it
  kUnauthenticated,     ///< no key, or one that is unknown or revoked
  kPermissionDenied,    ///< the key is known but may not do this
  kNotFound,            ///< no such model, key, file or route
  kAlreadyExists,       ///< a thing of that name is there already
  kFailedPrecondition,  ///< the state forbids it (a model in use, a newer database schema)
  kResourceExhausted,   ///< a queue, quota or memory budget is full; try again later
  kTooLarge,            ///< a body, prompt or file is over its cap
  kCorrupt,             ///< a file's bytes contradict each other or the file's size
  kUnsupported,         ///< understood, but not something this program does
  kUnavailable,         ///< shutting down or not ready
  kDeadlineExceeded,    ///< the request's deadline passed
  kCancelled,           ///< the caller left
  kIo,                  ///< the operating system refused: disk full, permission, missing file
  kInternal,            ///< a bug: a broken invariant
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;     ///< one sentence for a person: what is wrong, where, and what to do
  std::string field = {};  ///< the request field or setting at fault, or empty
};

/// The name of a code in lower case with underscores, as logs and JSON show it ("invalid_argument").
const char* to_string(ErrorCode code);

inline Error invalid_argument(std::string message, std::string field = {}) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(field)};
}
inline Error corrupt(std::string message) { return {ErrorCode::kCorrupt, std::move(message)}; }
inline Error unsupported(std::string message) { return {ErrorCode::kUnsupported, std::move(message)}; }
inline Error not_found(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
inline Error io_error(std::string message) { return {ErrorCode::kIo, std::move(message)}; }

/// A T or an Error. value()/operator* on an error is a broken invariant (std::bad_variant_access).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result<T>>)
      Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }
  template <typename U>
  T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const { return ok_; }
  explicit operator bool() const { return ok_; }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace marquee::base

#define MARQUEE_CONCAT_INNER(a, b) a##b
#define MARQUEE_CONCAT(a, b) MARQUEE_CONCAT_INNER(a, b)

/// Returns the error of `expression` (a Result) from the enclosing function, or goes on.
#define MARQUEE_CHECK(expression)                                          \
  do {                                                                     \
    if (auto marquee_check_result = (expression); !marquee_check_result) { \
      return std::move(marquee_check_result).error();                      \
    }                                                                      \
  } while (false)

/// Declares `declaration` with the value of `expression` (a Result), or returns its error:
///   MARQUEE_ASSIGN(auto file, MappedFile::open(path));
#define MARQUEE_ASSIGN(declaration, expression) \
  MARQUEE_ASSIGN_IMPL(declaration, expression, MARQUEE_CONCAT(marquee_result_, __LINE__))
#define MARQUEE_ASSIGN_IMPL(declaration, expression, result) \
  auto result = (expression);                                \
  if (!result) return std::move(result).error();             \
  declaration = std::move(result).value()
