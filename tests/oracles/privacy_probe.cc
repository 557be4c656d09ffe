// privacy_probe: answers lines of standard input, one line each, with a number or "error: …":
//   spent SAMPLE_RATE NOISE_MULTIPLIER STEPS DELTA      the epsilon
//   noise EPSILON DELTA SAMPLE_RATE STEPS               the noise multiplier
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "train/privacy_accountant.h"

namespace {

using namespace marquee;  // NOLINT: a program of one file

base::Result<double> answer(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
  if (!(words >> what >> a >> b >> c >> d)) return base::invalid_argument("a question has five words: " + line);
  if (what == "noise") return train::noise_multiplier_for({a, b, c, static_cast<std::int64_t>(d)});
  train::PrivacyAccountant accountant;
  MARQUEE_CHECK(accountant.add({b, a, static_cast<std::int64_t>(c)}));
  return accountant.epsilon(d);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto value = answer(line);
    if (value) {
      std::printf("%.17g\n", *value);
    } else {
      std::printf("error: %s\n", value.error().message.c_str());
    }
  }
}
