#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "http/endpoints/files.h"
#include "http/requests/fields.h"
#include "http/services.h"
#include "http/wire/multipart_reader.h"

namespace marquee::http {

namespace {

using base::Result;

/// The form of POST /v1/files. Fields that mean nothing here are let pass, as in JSON bodies.
class FileForm final : public BodySink, private MultipartSink {
 public:
  explicit FileForm(Call& call) : call_(call) {}

  Result<void> open() override;
  Result<void> write(std::string_view bytes) override { return reader_->read(bytes); }
  Result<Response> finish() override;
  [[nodiscard]] Response refusal(const base::Error& error) const override;

 private:
  Result<void> on_field(const std::string& name, std::string value) override;
  Result<void> on_file(const MultipartFile& file) override;
  Result<void> on_file_bytes(std::string_view bytes) override { return upload_->write(bytes); }
  Result<void> on_file_end() override { return {}; }

  Call& call_;
  std::unique_ptr<platform::FileUpload> upload_;
  std::optional<MultipartReader> reader_;
  std::optional<std::string> purpose_;
  bool has_file_ = false;
};

Result<void> FileForm::open() {
  const RequestHead& head = call_.request.head;
  MARQUEE_ASSIGN(const std::string boundary, multipart_boundary(head.header("content-type")));
  MARQUEE_ASSIGN(upload_, call_.services.files.begin(call_.request.principal.tenant, head.content_length));
  MultipartSink& self = *this;
  reader_.emplace(boundary, self);
  return {};
}

/// RFC 4331, 6: 507 also when it is not the disk that is full, but a quota.
Response FileForm::refusal(const base::Error& error) const {
  if (platform::is_storage_full(error)) return error_response(507, error.message, "insufficient_storage");
  return error_response(error);
}

Result<void> FileForm::on_field(const std::string& name, std::string value) {
  if (name == "file") {
    return base::invalid_argument("'file' must be sent as a file, with a file name (curl -F file=@data.jsonl)", "file");
  }
  if (name.starts_with("expires_after")) {
    return unsupported_field("expires_after", "delete the file when it is no longer needed");
  }
  if (name != "purpose") return {};
  if (purpose_) return base::invalid_argument("'purpose' is given twice", "purpose");
  purpose_ = std::move(value);
  return platform::validate_purpose(*purpose_);
}

Result<void> FileForm::on_file(const MultipartFile& file) {
  if (file.field != "file") {
    return base::invalid_argument("the file must be sent in the field 'file', and in no other", "file");
  }
  if (std::exchange(has_file_, true))
    return base::invalid_argument("'file' is given twice; send one at a time", "file");
  return upload_->set_name(file.filename);
}

Result<Response> FileForm::finish() {
  MARQUEE_CHECK(reader_->finish());
  if (!has_file_) return missing_field("file");
  if (!purpose_) return missing_field("purpose");
  MARQUEE_ASSIGN(const auto file, upload_->commit(*purpose_));
  return Response{.body = base::json::serialize(file_json(file))};
}

}  // namespace

std::unique_ptr<BodySink> receive_file(Call& call) { return std::make_unique<FileForm>(call); }

}  // namespace marquee::http
