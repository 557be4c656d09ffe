#pragma once

#include <string>

namespace marquee::http {

/// "req_" and 24 random letters and digits (140 bits): unique over all time.
std::string new_request_id();

/// 64 random bits, for seeds nobody asked for.
unsigned long long random_seed();

}  // namespace marquee::http
