#include "http/net/upload.h"

#include <exception>
#include <utility>
#include <variant>

#include "base/log.h"
#include "http/error_response.h"

namespace marquee::http {

Upload::Upload(const Route& route, std::shared_ptr<Call> call, std::function<void()> notify)
    : call_(std::move(call)), receive_(std::get<Receive>(route.handler)), notify_(std::move(notify)) {}

void Upload::open() { start(&Upload::open_sink); }

void Upload::write(std::string& chunk) {
  chunk_.swap(chunk);
  start(&Upload::write_chunk);
}

void Upload::finish() { start(&Upload::finish_sink); }

void Upload::drop(std::shared_ptr<Upload> upload) {
  WorkerPool& disk = upload->call_->services.disk;
  // The step that may still run holds the upload as well; whoever is last ends it, and both are on disk threads.
  disk.post([upload = std::move(upload)] {});
}

void Upload::start(base::Result<void> (Upload::*step)()) {
  busy_ = true;
  call_->services.disk.post([self = shared_from_this(), step] {
    base::Result<void> done;
    try {
      done = ((*self).*step)();
    } catch (const std::exception& error) {
      spdlog::error("{} threw while its body came: {}", self->call_->request.id, error.what());
      done = base::Error{base::ErrorCode::kInternal, "internal error; the server's log has more"};
    }
    if (!done) {
      Response refusal = self->sink_ ? self->sink_->refusal(done.error()) : error_response(done.error());
      self->sink_.reset();
      self->refused_ = true;
      self->call_->exchange->respond(std::move(refusal));
    }
    self->busy_ = false;
    self->notify_();
  });
}

base::Result<void> Upload::open_sink() {
  sink_ = receive_(*call_);
  return sink_->open();
}

base::Result<void> Upload::write_chunk() {
  MARQUEE_CHECK(sink_->write(chunk_));
  chunk_.clear();
  return {};
}

base::Result<void> Upload::finish_sink() {
  MARQUEE_ASSIGN(Response response, sink_->finish());
  sink_.reset();
  call_->exchange->respond(std::move(response));
  return {};
}

}  // namespace marquee::http
