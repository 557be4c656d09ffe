#include "http/endpoints/documents.h"

#include <string>

#include "http/docs/docs_page.h"
#include "http/openapi.h"
#include "http/routes.h"

namespace marquee::http {

base::Result<Response> get_openapi(Call&) {
  static const std::string document = openapi_document(all_routes());
  return Response{.body = document};
}

base::Result<Response> get_docs(Call&) {
  static const DocsPage page = make_docs_page();
  return Response{.content_type = "text/html; charset=utf-8",
                  .body = page.html,
                  .headers = {{"content-security-policy", page.policy}}};
}

}  // namespace marquee::http
