#pragma once

#include <string>

namespace marquee::http {

struct DocsPage {
  std::string html;    ///< with its style and script inside
  std::string policy;  ///< Content-Security-Policy that allows exactly those two, by their hashes, and our own API
};

/// The page of docs/page.{html,css,js}, which reads /openapi.json and asks nothing of any other address.
DocsPage make_docs_page();

}  // namespace marquee::http
