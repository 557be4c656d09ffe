#include "serving/archive.h"

#include <zip.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/output_file.h"
#include "base/sha256.h"

namespace marquee::serving {

using base::Error;
using base::Result;

namespace {

struct ArchiveDeleter {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct MemberDeleter {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using Archive = std::unique_ptr<zip_t, ArchiveDeleter>;
using Member = std::unique_ptr<zip_file_t, MemberDeleter>;

Result<Archive> open_archive(const std::filesystem::path& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    Error result = base::corrupt(path.string() + ": not a zip file that can be read: " + zip_error_strerror(&error));
    zip_error_fini(&error);
    return result;
  }
  return archive;
}

}  // namespace

Result<std::string> extract_member(const MemberRequest& request, PullMonitor& monitor) {
  MARQUEE_ASSIGN(const Archive archive, open_archive(request.archive));
  const std::string where = request.archive.string() + ": member '" + request.member + "'";
  zip_stat_t facts;
  zip_stat_init(&facts);
  if (zip_stat(archive.get(), request.member.c_str(), 0, &facts) != 0 || (facts.valid & ZIP_STAT_SIZE) == 0) {
    return base::corrupt(where + ": is not in the archive");
  }
  if (facts.size != request.bytes) {
    return base::corrupt(where + ": has " + std::to_string(facts.size) + " bytes where " +
                         std::to_string(request.bytes) + " are declared");
  }
  const Member member(zip_fopen_index(archive.get(), facts.index, 0));
  if (member == nullptr) return base::corrupt(where + ": cannot be read: " + zip_strerror(archive.get()));
  MARQUEE_ASSIGN(auto output, base::OutputFile::create(request.destination));
  base::Sha256 hash;
  std::vector<std::byte> buffer(1 << 18);
  for (;;) {
    const auto got = zip_fread(member.get(), buffer.data(), buffer.size());
    if (got < 0)
      return base::corrupt(where + ": cannot be read: " + zip_error_strerror(zip_file_get_error(member.get())));
    if (got == 0) break;
    if (static_cast<std::uint64_t>(got) > request.bytes - output.size()) {
      return base::corrupt(where + ": unpacks to more than its declared " + std::to_string(request.bytes) + " bytes");
    }
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
    hash.update(bytes);
    MARQUEE_CHECK(output.write(bytes));
    MARQUEE_CHECK(monitor.advance(output.size()));
  }
  if (output.size() != request.bytes) {
    return base::corrupt(where + ": unpacks to " + std::to_string(output.size()) + " bytes where " +
                         std::to_string(request.bytes) + " are declared");
  }
  MARQUEE_CHECK(output.finish());
  return hash.hex_digest();
}

}  // namespace marquee::serving
