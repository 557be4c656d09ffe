#include "text/words/encoded_corpus.h"

namespace marquee::text::words {

using base::Result;

class CorpusEncoder {
 public:
  CorpusEncoder(ScratchFile file, std::size_t vocabulary_size) : corpus_(std::move(file), vocabulary_size) {}

  [[nodiscard]] bool is_sentence_full() const { return sentence_words_ == EncodedCorpus::kMaxSentenceWords; }
  void add(std::int32_t word) {
    ids_.push_back(word);
    ++sentence_words_;
    ++corpus_.words_;
  }
  /// A chunk may be full then, and is written.
  Result<void> end_sentence() {
    if (sentence_words_ == 0) return {};
    ids_.push_back(EncodedCorpus::kSentenceEnd);
    sentence_words_ = 0;
    return ids_.size() < EncodedCorpus::kChunkWords ? Result<void>() : write();
  }
  Result<EncodedCorpus> finish() && {
    if (!ids_.empty()) MARQUEE_CHECK(write());
    return std::move(corpus_);
  }

 private:
  Result<void> write() {
    corpus_.chunks_.push_back({corpus_.file_.size() / sizeof(std::int32_t), written_words_});
    written_words_ = corpus_.words_;
    MARQUEE_CHECK(corpus_.file_.append(std::span<const std::int32_t>(ids_)));
    ids_.clear();
    return {};
  }

  EncodedCorpus corpus_;
  std::vector<std::int32_t> ids_;
  std::size_t sentence_words_ = 0;
  std::uint64_t written_words_ = 0;
};

Result<EncodedCorpus> EncodedCorpus::encode(TextSource& source, const Vocabulary& vocabulary,
                                            const std::filesystem::path& scratch, const std::atomic<bool>* cancel) {
  MARQUEE_CHECK(source.rewind());
  MARQUEE_ASSIGN(ScratchFile file, ScratchFile::create(scratch));
  CorpusEncoder encoder(std::move(file), vocabulary.size());
  WordSplitter splitter(vocabulary.split());
  while (true) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return base::Error{base::ErrorCode::kCancelled, "cancelled while the text was read"};
    }
    MARQUEE_ASSIGN(const auto line, source.next());
    if (!line) break;
    MARQUEE_ASSIGN(const auto words, splitter.split(line->text, source));
    for (const std::string_view word : words) {
      const std::int32_t id = vocabulary.find(word);
      if (id == WordTable::kNone) continue;
      if (encoder.is_sentence_full()) MARQUEE_CHECK(encoder.end_sentence());
      encoder.add(id);
    }
    MARQUEE_CHECK(encoder.end_sentence());
  }
  return std::move(encoder).finish();
}

Result<std::span<const std::int32_t>> EncodedCorpus::read(std::size_t chunk, std::vector<std::int32_t>& buffer) const {
  const std::uint64_t begin = chunks_[chunk].begin;
  const std::uint64_t end = chunk + 1 < chunks_.size() ? chunks_[chunk + 1].begin : file_.size() / sizeof(std::int32_t);
  buffer.resize(end - begin);
  MARQUEE_CHECK(file_.read(begin * sizeof(std::int32_t), std::span<std::int32_t>(buffer)));
  return std::span<const std::int32_t>(buffer);
}

}  // namespace marquee::text::words
