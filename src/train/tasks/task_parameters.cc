#include "train/tasks/task_parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace marquee::train {
namespace {

using base::json::value;

/// How many single-character changes lead from one name to another (Levenshtein), for names of a few bytes.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string plain(double number) {
  const auto text = base::json::serialize(value(number));
  return number == std::floor(number) && std::abs(number) < 1e15 ? std::to_string(static_cast<std::int64_t>(number))
                                                                 : text;
}

}  // namespace

void TaskParameters::refuse(std::string_view name, std::string message) {
  if (error_) error_ = base::invalid_argument(std::string(name) + " " + std::move(message), std::string(name));
}

const value* TaskParameters::find(std::string_view name) {
  asked_.push_back(name);
  const value* found = values_.if_contains(name);
  if (found == nullptr || found->is_null()) return nullptr;
  if (found->is_string() && found->get_string() == "auto") return nullptr;
  return found;
}

std::int64_t TaskParameters::integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                     std::int64_t most) {
  const value* found = find(name);
  if (found == nullptr) return otherwise;
  boost::system::error_code failed;
  const auto read = found->is_number() ? found->to_number<std::int64_t>(failed) : 0;
  const bool is_whole = found->is_number() && !failed.failed();
  if (is_whole && read >= least && read <= most) return read;
  refuse(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return otherwise;
}

double TaskParameters::number(std::string_view name, double otherwise, double least, double most) {
  const value* found = find(name);
  if (found == nullptr) return otherwise;
  const double read = found->is_number() ? found->to_number<double>() : NAN;
  if (read >= least && read <= most) return read;
  refuse(name, "must be a number from " + plain(least) + " to " + plain(most));
  return otherwise;
}

bool TaskParameters::boolean(std::string_view name, bool otherwise) {
  const value* found = find(name);
  if (found == nullptr) return otherwise;
  if (found->is_bool()) return found->get_bool();
  refuse(name, "must be true or false");
  return otherwise;
}

std::string TaskParameters::text(std::string_view name, std::string_view otherwise, std::size_t most_bytes) {
  const value* found = find(name);
  if (found == nullptr) return std::string(otherwise);
  if (found->is_string() && found->get_string().size() <= most_bytes && base::is_valid_utf8(found->get_string())) {
    return std::string(found->get_string());
  }
  refuse(name, "must be a text of at most " + std::to_string(most_bytes) + " bytes");
  return std::string(otherwise);
}

std::size_t TaskParameters::choice(std::string_view name, std::string_view otherwise,
                                   std::vector<std::string_view> words) {
  const std::string chosen = text(name, otherwise);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == chosen) return i;
  }
  std::string all;
  for (const std::string_view word : words) all += (all.empty() ? "" : ", ") + quoted(word);
  refuse(name, "must be one of " + all);
  return 0;
}

base::Result<void> TaskParameters::finish() const {
  MARQUEE_CHECK(error_);
  for (const auto& entry : values_) {
    const std::string_view name(entry.key().data(), entry.key().size());
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    std::string message = "there is no setting " + quoted(name.substr(0, 64));
    const auto nearest = std::min_element(asked_.begin(), asked_.end(), [&](auto a, auto b) {
      return edits_between(name.substr(0, 64), a) < edits_between(name.substr(0, 64), b);
    });
    if (nearest != asked_.end() && edits_between(name.substr(0, 64), *nearest) <= 3) {
      message += "; did you mean " + quoted(*nearest) + "?";
    }
    return base::invalid_argument(std::move(message), std::string(name.substr(0, 64)));
  }
  return {};
}

}  // namespace marquee::train
