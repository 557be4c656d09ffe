#include "formats/gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "formats/byte_cursor.h"

namespace marquee::formats {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::string_view kTokenizerPrefix = "tokenizer.ggml.";

std::string tokenizer_key(std::string_view name) { return std::string(kTokenizerPrefix) + std::string(name); }

/// Reads the keys under tokenizer.ggml. of one file.
class TokenizerKeys {
 public:
  TokenizerKeys(const GgufContents& contents, const std::filesystem::path& path) : contents_(contents), path_(path) {}

  [[nodiscard]] Error corrupt(std::string_view name, std::string_view problem) const {
    return base::corrupt(path_.string() + ": metadata key '" + tokenizer_key(name) + "' " + std::string(problem));
  }

  [[nodiscard]] const GgufArray* array(std::string_view name) const {
    const auto found = contents_.arrays.find(tokenizer_key(name));
    return found == contents_.arrays.end() ? nullptr : &found->second;
  }

  [[nodiscard]] Result<std::vector<std::string_view>> strings(std::string_view name) const {
    const auto* found = array(name);
    if (found == nullptr) return std::vector<std::string_view>{};
    if (found->element != GgufType::kString) return corrupt(name, "is not an array of strings");
    return gguf_strings(*found);
  }

  [[nodiscard]] Result<std::string> string(std::string_view name, std::string_view fallback) const {
    const auto* value = contents_.metadata.if_contains(tokenizer_key(name));
    if (value == nullptr) return std::string(fallback);
    if (!value->is_string()) return corrupt(name, "is not a string");
    return std::string(value->get_string());
  }

  [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view name) const {
    const auto* value = contents_.metadata.if_contains(tokenizer_key(name));
    if (value == nullptr) return std::optional<bool>{};
    if (!value->is_bool()) return corrupt(name, "is not a boolean");
    return std::optional<bool>(value->get_bool());
  }

  /// A token's id; -1 and 0xFFFFFFFF are how files write "none".
  [[nodiscard]] Result<std::optional<TokenId>> token(std::string_view name, std::size_t token_count) const {
    const auto* value = contents_.metadata.if_contains(tokenizer_key(name));
    if (value == nullptr) return std::optional<TokenId>{};
    std::uint64_t id = 0;
    if (value->is_uint64()) {
      id = value->get_uint64();
    } else if (value->is_int64()) {
      if (value->get_int64() == -1) return std::optional<TokenId>{};
      id = static_cast<std::uint64_t>(value->get_int64());
    } else {
      return corrupt(name, "is not a whole number");
    }
    if (id == std::numeric_limits<std::uint32_t>::max()) return std::optional<TokenId>{};
    if (id >= token_count) {
      return corrupt(name, "is " + std::to_string(id) + ", outside the vocabulary of " + std::to_string(token_count));
    }
    return std::optional<TokenId>(static_cast<TokenId>(id));
  }

  [[nodiscard]] Result<std::vector<std::int32_t>> token_types() const {
    const auto* found = array("token_type");
    std::vector<std::int32_t> types;
    if (found == nullptr) return types;
    if (found->element != GgufType::kI32 && found->element != GgufType::kU32) {
      return corrupt("token_type", "is not an array of 32-bit integers");
    }
    types.resize(static_cast<std::size_t>(found->count));
    if (!types.empty()) std::memcpy(types.data(), found->bytes.data(), types.size() * sizeof(std::int32_t));
    return types;
  }

 private:
  const GgufContents& contents_;
  const std::filesystem::path& path_;
};

Result<void> read_special_tokens(const TokenizerKeys& keys, GgufVocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  MARQUEE_ASSIGN(vocabulary.bos, keys.token("bos_token_id", count));
  MARQUEE_ASSIGN(vocabulary.eos, keys.token("eos_token_id", count));
  MARQUEE_ASSIGN(vocabulary.eot, keys.token("eot_token_id", count));
  MARQUEE_ASSIGN(vocabulary.unknown, keys.token("unknown_token_id", count));
  MARQUEE_ASSIGN(vocabulary.separator, keys.token("seperator_token_id", count));  // the format spells it so
  MARQUEE_ASSIGN(vocabulary.padding, keys.token("padding_token_id", count));
  MARQUEE_ASSIGN(vocabulary.cls, keys.token("cls_token_id", count));
  MARQUEE_ASSIGN(vocabulary.mask, keys.token("mask_token_id", count));
  MARQUEE_ASSIGN(vocabulary.add_bos, keys.boolean("add_bos_token"));
  MARQUEE_ASSIGN(vocabulary.add_eos, keys.boolean("add_eos_token"));
  MARQUEE_ASSIGN(vocabulary.add_space_prefix, keys.boolean("add_space_prefix"));
  MARQUEE_ASSIGN(vocabulary.remove_extra_whitespaces, keys.boolean("remove_extra_whitespaces"));
  MARQUEE_ASSIGN(vocabulary.lowercase, keys.boolean("normalizer.lowercase"));
  MARQUEE_ASSIGN(vocabulary.strip_accents, keys.boolean("normalizer.strip_accents"));
  return {};
}

}  // namespace

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  MARQUEE_ASSIGN(auto mapping, base::MappedFile::open(path));
  MARQUEE_ASSIGN(auto file, from_bytes(mapping.bytes(), path));
  file->mapping_ = std::move(mapping);
  return file;
}

Result<std::unique_ptr<GgufFile>> GgufFile::from_bytes(std::span<const std::byte> bytes, std::filesystem::path name) {
  MARQUEE_ASSIGN(auto contents, parse_gguf(bytes, name.string()));
  std::unique_ptr<GgufFile> file(new GgufFile());
  file->path_ = std::move(name);
  MARQUEE_CHECK(file->adopt(std::move(contents)));
  return file;
}

Result<void> GgufFile::adopt(GgufContents contents) {
  contents_ = std::move(contents);
  const auto* architecture = contents_.metadata.if_contains("general.architecture");
  if (architecture == nullptr || !architecture->is_string() || architecture->get_string().empty()) {
    return base::corrupt(path_.string() + ": metadata key 'general.architecture' is missing or not a string");
  }
  architecture_ = architecture->get_string();
  MARQUEE_ASSIGN(index_, TensorIndex::build(std::move(contents_.tensors), path_.string()));
  contents_.tensors.clear();
  return copy_scores();
}

Result<void> GgufFile::copy_scores() {
  const TokenizerKeys keys(contents_, path_);
  const auto* scores = keys.array("scores");
  if (scores == nullptr) return {};
  if (scores->element != GgufType::kF32) return keys.corrupt("scores", "is not an array of 32-bit floats");
  scores_.resize(static_cast<std::size_t>(scores->count));
  if (!scores_.empty()) std::memcpy(scores_.data(), scores->bytes.data(), scores_.size() * sizeof(float));
  if (!std::all_of(scores_.begin(), scores_.end(), [](float score) { return std::isfinite(score); })) {
    return keys.corrupt("scores", "has a score that is not a finite number");
  }
  return {};
}

std::optional<std::string> GgufFile::chat_template() const {
  const auto* value = contents_.metadata.if_contains("tokenizer.chat_template");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

Result<GgufVocabulary> GgufFile::vocabulary() const {
  const TokenizerKeys keys(contents_, path_);
  if (keys.array("tokens") == nullptr) {
    return base::not_found(path_.string() + ": the file has no tokenizer (key 'tokenizer.ggml.tokens')");
  }
  GgufVocabulary vocabulary;
  MARQUEE_ASSIGN(vocabulary.tokens, keys.strings("tokens"));
  if (vocabulary.tokens.empty() || vocabulary.tokens.size() > std::numeric_limits<TokenId>::max()) {
    return keys.corrupt("tokens", "must hold 1 to 2,147,483,647 tokens");
  }
  MARQUEE_ASSIGN(vocabulary.model, keys.string("model", ""));
  if (vocabulary.model.empty()) return keys.corrupt("model", "is missing or empty");
  MARQUEE_ASSIGN(vocabulary.pre, keys.string("pre", "default"));
  MARQUEE_ASSIGN(vocabulary.merges, keys.strings("merges"));
  MARQUEE_ASSIGN(vocabulary.types, keys.token_types());
  vocabulary.scores = scores_;
  const std::size_t count = vocabulary.tokens.size();
  if (!vocabulary.scores.empty() && vocabulary.scores.size() != count) {
    return keys.corrupt("scores", "has another length than tokenizer.ggml.tokens");
  }
  if (!vocabulary.types.empty() && vocabulary.types.size() != count) {
    return keys.corrupt("token_type", "has another length than tokenizer.ggml.tokens");
  }
  if (const auto* charsmap = keys.array("precompiled_charsmap")) {
    if (charsmap->element != GgufType::kU8 && charsmap->element != GgufType::kI8) {
      return keys.corrupt("precompiled_charsmap", "is not an array of bytes");
    }
    vocabulary.precompiled_charsmap = {reinterpret_cast<const char*>(charsmap->bytes.data()), charsmap->bytes.size()};
  }
  MARQUEE_CHECK(read_special_tokens(keys, vocabulary));
  return vocabulary;
}

Result<std::unique_ptr<Tokenizer>> GgufFile::tokenizer() const {
  MARQUEE_ASSIGN(const auto entries, vocabulary());
  return tokenizer_from_gguf(entries);
}

Result<tensor::StoredTensor> GgufFile::find(std::string_view name) const { return index_.find(name); }
bool GgufFile::contains(std::string_view name) const { return index_.contains(name); }
std::vector<std::string> GgufFile::names() const { return index_.names(); }

void GgufFile::release_pages() const {
  if (mapping_) mapping_->release_pages();
}

}  // namespace marquee::formats
