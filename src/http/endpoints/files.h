#pragma once

#include <memory>

#include "base/json.h"
#include "base/result.h"
#include "http/body_sink.h"
#include "http/call.h"
#include "platform/files.h"

namespace marquee::http {

/// A file in OpenAI's form, and beside it `sha256` and `format`.
base::json::object file_json(const platform::FileInfo& file);

/// POST /v1/files: a form with `purpose` and one `file`, which goes to disk as it comes.
std::unique_ptr<BodySink> receive_file(Call& call);
/// GET /v1/files: those of the key's tenant.
base::Result<Response> list_files(Call& call);
/// GET /v1/files/{id}
base::Result<Response> get_file(Call& call);
/// GET /v1/files/{id}/content: a stream of known length, as fast as the client reads.
void send_file_content(std::shared_ptr<Call> call);
/// DELETE /v1/files/{id}
base::Result<Response> delete_file(Call& call);

}  // namespace marquee::http
