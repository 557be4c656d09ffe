#pragma once

#include <cstdint>
#include <string>

namespace marquee::serving {

/// 80 % of the memory this process may use: the machine's, or its control group's limit where that is less.
std::uint64_t default_memory_budget();

/// "1.5 GiB", "300 MiB", "12 KiB": for messages.
std::string format_bytes(std::uint64_t bytes);

}  // namespace marquee::serving
