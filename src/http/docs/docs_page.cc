#include "http/docs/docs_page.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/sha256.h"
#include "http/docs/docs_page_files.h"

namespace marquee::http {

namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t nibble(char c) { return static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

/// Base64 (RFC 4648, 4) of the 32 bytes that 64 hexadecimal digits stand for.
std::string base64_of_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 6) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 6; ++j) bits = bits << 4 | (i + j < hex.size() ? nibble(hex[i + j]) : 0);
    const std::size_t bytes = std::min<std::size_t>(6, hex.size() - i) / 2;
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= bytes ? kBase64[bits >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

std::string hash_source(std::string_view content) {
  return "'sha256-" + base64_of_hex(base::sha256_hex(content)) + "'";
}

void replace_mark(std::string& page, std::string_view mark, std::string_view content) {
  const std::size_t at = page.find(mark);
  if (at != std::string::npos) page.replace(at, mark.size(), content);
}

}  // namespace

DocsPage make_docs_page() {
  DocsPage page{std::string(kDocsHtml), {}};
  replace_mark(page.html, "/*STYLE*/", kDocsCss);
  replace_mark(page.html, "/*SCRIPT*/", kDocsScript);
  page.policy = "default-src 'none'; style-src " + hash_source(kDocsCss) + "; script-src " + hash_source(kDocsScript) +
                "; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return page;
}

}  // namespace marquee::http
