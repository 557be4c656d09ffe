#include "serving/saved_caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/output_file.h"
#include "serving/memory_budget.h"
#include "serving/model_store.h"
#include "serving/prefix_cache_file.h"

namespace marquee::serving {

using base::Result;
namespace fs = std::filesystem;

namespace {

// What one visit to the scheduler copies at most: some milliseconds between two steps.
constexpr std::size_t kBytesOfVisit = 8U << 20U;
constexpr std::size_t kMaxNameBytes = 100;

base::Error failed_precondition(std::string message, std::string field = {}) {
  return {base::ErrorCode::kFailedPrecondition, std::move(message), std::move(field)};
}

std::size_t pages_of_visit(std::size_t page_bytes) { return std::max<std::size_t>(1, kBytesOfVisit / page_bytes); }

Result<CacheFit> fit_of(ModelInstance& model, const std::string& tenant) {
  CacheFit fit;
  fit.tenant = tenant;
  MARQUEE_ASSIGN(fit.weights_sha256, model.identity().sha256());
  fit.layout = model.facts().kv;
  fit.activations = model.activations();
  fit.context_length = model.context_length();
  fit.vocab_size = model.facts().vocab_size;
  return fit;
}

/// Writes the pages that are still there when their turn comes; requests may go on meanwhile.
class Saving {
 public:
  Saving(ModelInstance& model, std::vector<PrefixCache::ListedPage> pages, CacheFileWriter& writer)
      : model_(model), pages_(std::move(pages)), writer_(writer), numbers_(pages_.size(), -1) {}

  /// @return pages written
  Result<std::int32_t> run() {
    const std::size_t page_bytes = model_.facts().kv.page_bytes();
    const std::size_t at_once = pages_of_visit(page_bytes);
    std::vector<std::byte> contents(std::min(at_once, pages_.size()) * page_bytes);
    for (std::size_t begin = 0; begin < pages_.size(); begin += at_once) {
      const std::size_t end = std::min(begin + at_once, pages_.size());
      std::vector<bool> there(end - begin);
      MARQUEE_CHECK(model_.with_prefix_cache([&](PrefixCache& cache) {
        for (std::size_t i = begin; i < end; ++i) {
          there[i - begin] = cache.copy(pages_[i].place, std::span(contents).subspan((i - begin) * page_bytes));
        }
      }));
      for (std::size_t i = begin; i < end; ++i) {
        if (!there[i - begin]) continue;
        MARQUEE_CHECK(write(i, std::span(contents).subspan((i - begin) * page_bytes, page_bytes)));
      }
    }
    return written_;
  }

 private:
  Result<void> write(std::size_t index, std::span<const std::byte> contents) {
    std::int32_t parent = pages_[index].parent;
    if (parent >= 0) {
      parent = numbers_[static_cast<std::size_t>(parent)];
      if (parent < 0) return {};  // given back meanwhile, and this one with it
    }
    MARQUEE_CHECK(writer_.add(parent, pages_[index].tokens, contents));
    numbers_[index] = written_++;
    return {};
  }

  ModelInstance& model_;
  const std::vector<PrefixCache::ListedPage> pages_;
  CacheFileWriter& writer_;
  std::vector<std::int32_t> numbers_;  ///< in the file; -1: not there
  std::int32_t written_ = 0;
};

Result<CacheReport> write_file(ModelInstance& model, std::vector<PrefixCache::ListedPage> pages, const fs::path& path,
                               const CacheFit& fit) {
  MARQUEE_ASSIGN(CacheFileWriter writer, CacheFileWriter::create(path, fit));
  MARQUEE_ASSIGN(const std::int32_t written, Saving(model, std::move(pages), writer).run());
  MARQUEE_ASSIGN(const std::uint64_t bytes, writer.finish());
  return CacheReport{std::int64_t{written} * tensor::kKvPageTokens, bytes};
}

/// Puts a file's pages into the tenant's tree, as many as find room; requests may go on meanwhile.
class Restoring {
 public:
  using Place = PrefixCache::Place;
  Restoring(ModelInstance& model, const CacheFile& file, const std::string& tenant)
      : model_(model), file_(file), tenant_(tenant), places_(static_cast<std::size_t>(file.pages())) {}

  /// @return pages that are there now
  Result<std::int32_t> run() {
    const std::size_t at_once = pages_of_visit(model_.facts().kv.page_bytes());
    for (std::size_t begin = 0; begin < places_.size(); begin += at_once) {
      MARQUEE_CHECK(model_.with_prefix_cache([&](PrefixCache& cache) {
        if (begin == 0) make_room(cache);
        for (std::size_t i = begin; i < std::min(begin + at_once, places_.size()); ++i) place(cache, i, true);
      }));
    }
    return count();
  }

 private:
  void make_room(PrefixCache& cache) {
    for (std::size_t i = 0; i < places_.size(); ++i) place(cache, i, false);
    cache.make_room_for(file_.pages() - count());
  }

  void place(PrefixCache& cache, std::size_t index, bool add) {
    const CacheFile::Page page = file_.page(static_cast<std::int32_t>(index));
    std::optional<Place>& own = places_[index];
    own.reset();
    const std::optional<Place> parent = page.parent < 0 ? Place() : places_[static_cast<std::size_t>(page.parent)];
    if (!parent) return;
    own = add ? cache.restore(tenant_, *parent, page.tokens, page.contents) : cache.next(tenant_, *parent, page.tokens);
  }

  [[nodiscard]] std::int32_t count() const {
    return static_cast<std::int32_t>(
        std::count_if(places_.begin(), places_.end(), [](const auto& place) { return place.has_value(); }));
  }

  ModelInstance& model_;
  const CacheFile& file_;
  const std::string& tenant_;
  std::vector<std::optional<Place>> places_;  ///< of the file's pages
};

}  // namespace

Result<void> check_cache_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (!name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return {};
  }
  return base::invalid_argument("'name' must be 1 to 100 of A-Z a-z 0-9 . _ -, the first no '.'", "name");
}

Result<fs::path> SavedCaches::path_of(const std::string& model, const std::string& tenant,
                                      std::string_view name) const {
  if (folder_.empty()) return failed_precondition("this engine has no folder for saved caches");
  MARQUEE_CHECK(check_cache_name(name));
  if (!is_plain_file_name(tenant)) return base::invalid_argument("'tenant' is no tenant's name", "tenant");
  if (!is_plain_file_name(model)) {
    return failed_precondition(fmt::format("caches of model '{}' cannot be saved: its id is no file name", model));
  }
  return folder_ / tenant / model / fmt::format("{}.kv", name);
}

/// Of the finished files in its folder, but for itself; removes unfinished ones that a crash left.
std::uint64_t SavedCaches::bytes_beside(const fs::path& path) const {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it(path.parent_path(), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().starts_with('.')) {
      fs::remove(it->path(), ignored);
    } else if (it->path().filename() != path.filename() && it->is_regular_file(ignored)) {
      total += it->file_size(ignored);
    }
  }
  return total;
}

Result<CacheReport> SavedCaches::save(ModelInstance& model, const std::string& tenant, std::string_view name) {
  MARQUEE_ASSIGN(const fs::path path, path_of(model.id(), tenant, name));
  const std::lock_guard lock(mutex_);
  MARQUEE_ASSIGN(const CacheFit fit, fit_of(model, tenant));
  std::vector<PrefixCache::ListedPage> pages;
  MARQUEE_CHECK(model.with_prefix_cache([&](PrefixCache& cache) { pages = cache.list(tenant); }));
  if (pages.empty()) {
    return failed_precondition(
        fmt::format("there is nothing to save: model '{}' has no prompts of tenant '{}' in its "
                    "cache; send the prompt first",
                    model.id(), tenant));
  }
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    return base::io_error(fmt::format("{}: cannot make the folder: {}", path.parent_path().string(), error.message()));
  const std::uint64_t needed = pages.size() * (fit.layout.page_bytes() + sizeof(PageTokens) + 4) + (1U << 10U);
  const std::uint64_t others = bytes_beside(path);
  if (needed + others > most_bytes_) {
    return base::Error{
        base::ErrorCode::kTooLarge,
        fmt::format("saving needs {}, other saved caches of tenant '{}' for model '{}' take {}, and all "
                    "together may take {}; delete some, clear the cache first, or raise saved_caches",
                    format_bytes(needed), tenant, model.id(), format_bytes(others), format_bytes(most_bytes_))};
  }
  MARQUEE_CHECK(base::check_free_space(path.parent_path(), needed));
  auto report = write_file(model, std::move(pages), path, fit);
  if (!report) CacheFileWriter::discard(path);
  return report;
}

Result<CacheReport> SavedCaches::restore(ModelInstance& model, const std::string& tenant, std::string_view name) {
  MARQUEE_ASSIGN(const fs::path path, path_of(model.id(), tenant, name));
  const std::lock_guard lock(mutex_);
  std::error_code error;
  if (!fs::exists(path, error)) {
    return base::Error{
        base::ErrorCode::kNotFound,
        fmt::format("there is no saved cache '{}' of tenant '{}' for model '{}'", name, tenant, model.id()), "name"};
  }
  MARQUEE_ASSIGN(const CacheFit fit, fit_of(model, tenant));
  MARQUEE_ASSIGN(const CacheFile file, CacheFile::open(path, fit));
  MARQUEE_ASSIGN(const std::int32_t pages, Restoring(model, file, tenant).run());
  return CacheReport{std::int64_t{pages} * tensor::kKvPageTokens, file.file_bytes()};
}

Result<CacheReport> SavedCaches::remove(const std::string& model, const std::string& tenant, std::string_view name) {
  MARQUEE_ASSIGN(const fs::path path, path_of(model, tenant, name));
  const std::lock_guard lock(mutex_);
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error || !fs::remove(path, error)) {
    return base::Error{base::ErrorCode::kNotFound,
                       fmt::format("there is no saved cache '{}' of tenant '{}' for model '{}'", name, tenant, model),
                       "name"};
  }
  return CacheReport{0, bytes};
}

}  // namespace marquee::serving
